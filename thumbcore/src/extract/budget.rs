//! A spent budget ends a rung of the ladder, not the climb.

use crate::Error;

/// The first limit that kept a target from its picture.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: Option<Error>,
}

impl Budget {
    /// Takes a spent budget for "nothing from this rung"; any other error is passed on.
    pub(super) fn allow<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Limit(limit)) if limit.is_budget() => {
                tracing::debug!(%limit, "over budget: going on with what is cheaper");
                self.spent.get_or_insert(limit.into());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn is_spent(&self) -> bool {
        self.spent.is_some()
    }

    /// Why a target has no picture where nothing is left: the limit, if one was met.
    pub(super) fn or(self, error: Error) -> Error {
        self.spent.unwrap_or(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LimitError;

    #[test]
    fn only_effort_is_a_budget() {
        let mut budget = Budget::default();
        let corrupt = Error::Corrupt {
            reason: "c".to_owned(),
        };
        assert!(budget.allow::<()>(Err(corrupt.clone())).is_err());
        let streams = LimitError::Streams {
            streams: 99,
            limit: 64,
        };
        assert!(budget.allow::<()>(Err(streams.into())).is_err());
        assert!(!budget.is_spent());
        for spent in [1, 2] {
            let bytes = LimitError::Bytes { spent, limit: 3 };
            assert!(budget.allow::<()>(Err(bytes.into())).unwrap().is_none());
        }
        let first = budget.or(corrupt);
        assert!(matches!(
            first,
            Error::Limit(LimitError::Bytes { spent: 1, .. })
        ));
    }
}
