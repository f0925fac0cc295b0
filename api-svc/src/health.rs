//! The health of a source: whether it answers, since when it does not, and why.

use std::time::SystemTime;

use contract::api::{Source, SourceState};

use crate::time::rfc3339;

/// The health of one source.
#[derive(Debug, Clone, Default)]
pub(crate) struct SourceHealth {
    last_answer: Option<SystemTime>,
    failing: Option<Failing>,
    absent: Option<String>,
}

#[derive(Debug, Clone)]
struct Failing {
    since: SystemTime,
    reason: String,
}

impl SourceHealth {
    /// The health of a source that is not configured.
    pub(crate) fn absent(reason: String) -> Self {
        Self {
            absent: Some(reason),
            ..Self::default()
        }
    }

    pub(crate) fn answered(&mut self) {
        self.last_answer = Some(SystemTime::now());
        self.failing = None;
    }

    pub(crate) fn failed(&mut self, reason: String) {
        if let Some(failing) = &mut self.failing {
            failing.reason = reason;
        } else {
            tracing::warn!(reason, "a source does not answer");
            self.failing = Some(Failing {
                since: SystemTime::now(),
                reason,
            });
        }
    }

    /// Records the outcome of one request, and returns the answer if there was one.
    pub(crate) fn note<T, E: std::fmt::Display>(&mut self, answer: Result<T, E>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.answered();
                Some(value)
            }
            Err(error) => {
                self.failed(error.to_string());
                None
            }
        }
    }

    /// Why the source has never answered; `None` if it has.
    pub(crate) fn reason_if_never_answered(&self) -> Option<String> {
        if let Some(reason) = &self.absent {
            return Some(reason.clone());
        }
        if self.last_answer.is_some() {
            return None;
        }
        let failing = self.failing.as_ref().map(|failing| failing.reason.clone());
        Some(failing.unwrap_or_else(|| "the source has not answered yet".to_owned()))
    }

    /// The health as the API shows it.
    pub(crate) fn source(&self) -> Source {
        if let Some(reason) = &self.absent {
            return Source {
                state: SourceState::Absent,
                reason: Some(reason.clone()),
                ..Source::default()
            };
        }
        match (&self.failing, self.last_answer) {
            (Some(failing), last) => Source {
                state: SourceState::Unavailable,
                reason: Some(failing.reason.clone()),
                since: Some(rfc3339(failing.since)),
                last_answer: last.map(rfc3339),
            },
            (None, Some(_)) => Source {
                state: SourceState::Available,
                ..Source::default()
            },
            (None, None) => Source::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_a_reason_and_an_age_and_ends() {
        let mut health = SourceHealth::default();
        assert_eq!(health.source().state, SourceState::Pending);
        assert!(health.reason_if_never_answered().is_some());
        assert_eq!(health.note(Ok::<_, String>(7)), Some(7));
        assert_eq!(
            health.source(),
            Source {
                state: SourceState::Available,
                ..Source::default()
            }
        );
        assert_eq!(health.note(Err::<(), _>("gone")), None);
        let source = health.source();
        assert_eq!(source.state, SourceState::Unavailable);
        assert_eq!(source.reason.as_deref(), Some("gone"));
        assert!(source.since.is_some() && source.last_answer.is_some());
        assert_eq!(health.reason_if_never_answered(), None);
        health.answered();
        assert_eq!(health.source().state, SourceState::Available);
    }
}
