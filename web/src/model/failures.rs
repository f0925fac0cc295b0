//! The failures: what their kinds mean, which are shown, and which are chosen.

use std::collections::{BTreeMap, BTreeSet};

use contract::api::Failure;

/// Failures on one page.
pub(crate) const PAGE: usize = 20;

/// What a kind of failure means, and what to do about it, in the words of the runbook.
pub(crate) fn advice(kind: Option<&str>) -> &'static str {
    match kind {
        Some("unsupported") => {
            "Its codec, or its encryption, is none that can be decoded. Tell its owner, and dismiss it."
        }
        Some("no_video") => "It has sound only, or cover art. Tell its owner, and dismiss it.",
        Some("corrupt") => {
            "It is no video, was cut off, or is damaged throughout. Have it uploaded again, or dismiss it."
        }
        Some("limit") => {
            "Its cheapest picture would cost more than the limits allow. Raise the limits and redrive, or dismiss it."
        }
        Some("event") => {
            "The message is neither an event of S3 nor the key of an upload. Find out who sends it, and dismiss it."
        }
        Some("naming" | "no_bucket" | "wrong_bucket") => {
            "It lies where this pipeline does not look. Upload it below the upload prefix, and dismiss it."
        }
        Some("denied") => "The worker may not read it. Give its role the right, and redrive.",
        Some("encode" | "internal" | "panic") => {
            "This is a fault of the pipeline. Report it with the file."
        }
        Some(_) => "Redrive it; where it fails again, the worker's log tells more.",
        None => {
            "It failed five times without a reason. Redrive it; where workers die of it, report it with the file."
        }
    }
}

/// A kind of failure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The queue gave it up, and no worker said why.
    Unknown,
    Named(String),
}

impl Kind {
    fn of(failure: &Failure) -> Self {
        failure.kind.clone().map_or(Self::Unknown, Self::Named)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Unknown => "no reason",
            Self::Named(name) => name,
        }
    }
}

/// Which failures are shown, and which are chosen.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selection {
    /// Only those of this kind.
    pub(crate) kind: Option<Kind>,
    page: usize,
    chosen: BTreeSet<String>,
    /// Dismissed here, and perhaps not yet by the API.
    hidden: BTreeSet<String>,
}

/// The failures on the page that is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown<'a> {
    pub(crate) failures: Vec<&'a Failure>,
    pub(crate) page: usize,
    pub(crate) pages: usize,
}

impl Selection {
    /// How many there are of each kind.
    pub(crate) fn kinds(&self, all: &[Failure]) -> BTreeMap<Kind, usize> {
        let mut kinds = BTreeMap::new();
        for failure in all.iter().filter(|failure| self.is_there(failure)) {
            *kinds.entry(Kind::of(failure)).or_default() += 1;
        }
        kinds
    }

    fn is_there(&self, failure: &Failure) -> bool {
        !self.hidden.contains(&failure.id)
    }

    fn wanted<'a>(&self, all: &'a [Failure]) -> Vec<&'a Failure> {
        let fits = |failure: &&Failure| {
            let fits = self
                .kind
                .as_ref()
                .is_none_or(|kind| Kind::of(failure) == *kind);
            fits && self.is_there(failure)
        };
        all.iter().filter(fits).collect()
    }

    pub(crate) fn shown<'a>(&self, all: &'a [Failure]) -> Shown<'a> {
        let wanted = self.wanted(all);
        let pages = wanted.len().div_ceil(PAGE).max(1);
        let page = self.page.min(pages - 1);
        Shown {
            failures: wanted.into_iter().skip(page * PAGE).take(PAGE).collect(),
            page,
            pages,
        }
    }

    /// Shows one kind only, or all kinds.
    pub(crate) fn with_kind(&self, kind: Option<Kind>) -> Self {
        Self {
            kind,
            page: 0,
            ..self.clone()
        }
    }

    pub(crate) fn with_page(&self, page: usize) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }

    pub(crate) fn is_chosen(&self, id: &str) -> bool {
        self.chosen.contains(id)
    }

    /// Chooses one, or no longer.
    pub(crate) fn toggled(&self, id: &str) -> Self {
        let mut next = self.clone();
        if !next.chosen.remove(id) {
            next.chosen.insert(id.to_owned());
        }
        next
    }

    /// Chooses all that fit the kind, on every page; none where all of them are chosen.
    pub(crate) fn toggled_all(&self, all: &[Failure]) -> Self {
        let ids: BTreeSet<String> = self.wanted(all).iter().map(|f| f.id.clone()).collect();
        let chosen = if ids.is_subset(&self.chosen) {
            BTreeSet::new()
        } else {
            ids
        };
        Self {
            chosen,
            ..self.clone()
        }
    }

    /// The ids of those that are chosen and there.
    pub(crate) fn chosen(&self, all: &[Failure]) -> Vec<String> {
        let there = all.iter().filter(|failure| self.is_there(failure));
        let ids = there.map(|failure| failure.id.clone());
        ids.filter(|id| self.chosen.contains(id)).collect()
    }

    /// Hides failures that are being dismissed.
    pub(crate) fn without(&self, ids: &[String]) -> Self {
        let mut next = self.clone();
        next.hidden.extend(ids.iter().cloned());
        next.chosen.clear();
        next
    }

    /// Shows failures again that are not dismissed after all.
    pub(crate) fn with(&self, ids: &[String]) -> Self {
        let mut next = self.clone();
        for id in ids {
            next.hidden.remove(id);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(count: usize) -> Vec<Failure> {
        let failure = |index: usize| Failure {
            id: index.to_string(),
            keys: vec![format!("uploads/{index}.mp4")],
            kind: (!index.is_multiple_of(3))
                .then(|| ["", "corrupt", "limit"][index % 3].to_owned()),
            message: None,
            sent_at: None,
            receive_count: 1,
        };
        (0..count).map(failure).collect()
    }

    #[test]
    fn a_thousand_failures_are_paged_and_filtered() {
        let all = failures(1000);
        let selection = Selection::default();
        let shown = selection.shown(&all);
        assert_eq!(
            (shown.failures.len(), shown.page, shown.pages),
            (PAGE, 0, 50)
        );
        let kinds: Vec<_> = selection.kinds(&all).into_values().collect();
        assert_eq!(kinds, [334, 333, 333]);
        let last = selection.with_page(49).shown(&all).failures[0].id.clone();
        assert_eq!(last, "980");
        let corrupt = selection
            .with_page(49)
            .with_kind(Some(Kind::Named("corrupt".to_owned())));
        assert_eq!(corrupt.shown(&all).pages, 17);
        assert_eq!(corrupt.shown(&all).page, 0);
        let without = selection.with_kind(Some(Kind::Unknown));
        assert!(
            without
                .shown(&all)
                .failures
                .iter()
                .all(|f| f.kind.is_none())
        );
        // A page that is no longer there is the last one.
        assert_eq!(selection.with_page(49).shown(&all[..30]).page, 1);
    }

    #[test]
    fn those_of_a_kind_are_chosen_together() {
        let all = failures(50);
        let corrupt = Selection::default().with_kind(Some(Kind::Named("corrupt".to_owned())));
        let chosen = corrupt.toggled_all(&all);
        assert_eq!(chosen.chosen(&all).len(), 17);
        assert_eq!(chosen.toggled_all(&all).chosen(&all), Vec::<String>::new());
        let one = chosen.toggled("1");
        assert!(!one.is_chosen("1") && one.is_chosen("4"));
        assert_eq!(one.chosen(&all).len(), 16);
        assert_eq!(one.chosen(&all[..2]), Vec::<String>::new(), "they are gone");
    }

    #[test]
    fn what_is_dismissed_is_hidden_until_that_is_undone() {
        let all = failures(4);
        let ids = ["1", "2"].map(str::to_owned);
        let hidden = Selection::default().toggled("1").without(&ids);
        assert_eq!(hidden.shown(&all).failures.len(), 2);
        assert_eq!(hidden.kinds(&all).len(), 1);
        assert!(hidden.chosen(&all).is_empty());
        assert_eq!(hidden.with(&ids).shown(&all).failures.len(), 4);
    }
}
