//! The URL that shows a picture. Presigned URLs end, and pages stay open.

/// Milliseconds before its end from which a URL is not used any more.
pub(crate) const MARGIN_MS: f64 = 60_000.0;

/// A presigned URL.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Presigned {
    pub(crate) url: String,
    /// When it ends, in milliseconds since 1970; not a number if that is not known.
    pub(crate) ends_at: f64,
}

impl Presigned {
    /// Whether the URL ends within the margin, or has ended.
    pub(crate) fn ends_soon(&self, now: f64) -> bool {
        self.ends_at < now + MARGIN_MS
    }
}

/// Where a picture's URL comes from.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Address {
    /// From the list.
    #[default]
    Listed,
    /// A new URL is being asked for.
    Asked,
    /// From an answer for this picture.
    Renewed(Presigned),
    /// No URL shows the picture.
    Gone,
}

impl Address {
    /// The URL to show, if there is one.
    pub(crate) fn url<'a>(&'a self, listed: &'a Presigned) -> Option<&'a Presigned> {
        match self {
            Self::Listed => Some(listed),
            Self::Renewed(renewed) => Some(renewed),
            Self::Asked | Self::Gone => None,
        }
    }

    /// Whether a new URL is to be asked for, before the list's ends. A picture that is `loaded`
    /// needs none, as it stays in the page. A renewed URL is tried whatever the clock says: the
    /// browser's may be wrong.
    pub(crate) fn is_due(&self, listed: &Presigned, now: f64, loaded: Option<&str>) -> bool {
        *self == Self::Listed && listed.ends_soon(now) && loaded != Some(listed.url.as_str())
    }

    /// The address after its URL showed no picture.
    pub(crate) fn after_failure(&self, now: f64) -> Self {
        match self {
            Self::Listed => Self::Asked,
            Self::Renewed(renewed) if renewed.ends_soon(now) => Self::Asked,
            _ => Self::Gone,
        }
    }

    /// The address after an answer with a new URL, or without one. An answer that comes after the
    /// list brought another URL is dropped.
    pub(crate) fn after_answer(&self, answer: Option<Presigned>) -> Self {
        match self {
            Self::Asked => answer.map_or(Self::Gone, Self::Renewed),
            _ => self.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: f64 = 1_000_000_000.0;

    fn url(name: &str, minutes: f64) -> Presigned {
        Presigned {
            url: name.to_owned(),
            ends_at: NOW + minutes * 60_000.0,
        }
    }

    #[test]
    fn a_url_is_renewed_before_it_ends_unless_its_picture_is_loaded() {
        let address = Address::default();
        assert!(!address.is_due(&url("a", 30.0), NOW, None));
        assert!(address.is_due(&url("a", 0.5), NOW, None));
        assert!(address.is_due(&url("a", -30.0), NOW, Some("b")));
        assert!(!address.is_due(&url("a", -30.0), NOW, Some("a")));
        let unknown = Presigned {
            ends_at: f64::NAN,
            ..url("a", 0.0)
        };
        assert!(!address.is_due(&unknown, NOW, None));
        for other in [Address::Asked, Address::Renewed(url("b", -1.0))] {
            assert!(!other.is_due(&url("a", -30.0), NOW, None));
        }
    }

    #[test]
    fn an_answer_counts_while_it_is_waited_for() {
        let asked = Address::Listed.after_failure(NOW);
        let answer = || Some(url("b", 30.0));
        let renewed = asked.after_answer(answer());
        assert_eq!(renewed, Address::Renewed(url("b", 30.0)));
        assert_eq!(asked.after_answer(None), Address::Gone);
        assert_eq!(Address::Listed.after_answer(answer()), Address::Listed);
        assert_eq!(renewed.after_failure(NOW), Address::Gone);
        let later = NOW + 3_600_000.0;
        assert_eq!(renewed.after_failure(later), Address::Asked, "it has ended");
    }
}
