//! A spent budget ends the current attempt; cheaper ones still run.

use crate::Error;

/// The first limit that kept a target from its picture.
#[derive(Debug, Default)]
pub(super) struct FirstLimit {
    hit: Option<Error>,
}

impl FirstLimit {
    /// Takes a spent budget for "nothing from this attempt"; any other error is passed on.
    pub(super) fn allow<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Limit(limit)) if limit.is_budget() => {
                tracing::debug!(%limit, "over budget: something cheaper is tried");
                self.hit.get_or_insert(limit.into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_hit(&self) -> bool {
        self.hit.is_some()
    }

    /// Why a target has no picture where nothing is left: the limit, if one was hit, or `error`.
    pub(super) fn or(&mut self, error: Error) -> Error {
        self.hit.take().unwrap_or(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LimitError;

    #[test]
    fn only_effort_is_a_budget() {
        let mut limit = FirstLimit::default();
        let corrupt = Error::Corrupt {
            reason: "c".to_owned(),
        };
        assert!(limit.allow::<()>(Err(corrupt.clone())).is_err());
        let streams = LimitError::Streams {
            streams: 99,
            limit: 64,
        };
        assert!(limit.allow::<()>(Err(streams.into())).is_err());
        assert!(!limit.is_hit());
        for spent in [1, 2] {
            let bytes = LimitError::Bytes { spent, limit: 3 };
            assert!(limit.allow::<()>(Err(bytes.into())).unwrap().is_none());
        }
        let first = limit.or(corrupt);
        assert!(matches!(
            first,
            Error::Limit(LimitError::Bytes { spent: 1, .. })
        ));
    }
}
