//! The content of the shared object, and how it changes.

use contract::api::{Act, MOST_ACTS, Operation, OperationState};
use serde::{Deserialize, Serialize};

/// How long what an instance wrote is believed without another word from it, in milliseconds.
/// Clocks may differ by some seconds.
pub(super) const BELIEVED_MS: u64 = 60_000;

/// Everything that is shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct State {
    /// Who may test or purge.
    turn: Option<Turn>,
    /// What is under way, or ended just now.
    pub(super) running: Vec<Running>,
    /// Oldest first.
    pub(super) acts: Vec<Act>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Turn {
    holder: String,
    until_ms: u64,
}

/// An operation of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Running {
    pub(super) instance: String,
    pub(super) until_ms: u64,
    pub(super) operation: Operation,
}

/// What one instance has to add.
#[derive(Debug, Clone, Default)]
pub(super) struct Own {
    /// The turns that it holds, at most one.
    pub(super) turn: Option<String>,
    /// The turn that it gave back.
    pub(super) returned: Option<String>,
    /// Its operations that run, or ended and were not written yet.
    pub(super) operations: Vec<Operation>,
    pub(super) acts: Vec<Act>,
}

impl Own {
    /// Whether others have to hear from it now and then.
    pub(super) fn is_busy(&self) -> bool {
        self.turn.is_some()
            || self.returned.is_some()
            || !self.operations.is_empty()
            || !self.acts.is_empty()
    }

    /// Forgets what was written as `written`.
    pub(super) fn settle(&mut self, written: &Self) {
        if self.returned == written.returned {
            self.returned = None;
        }
        self.operations.retain(|operation| {
            operation.state == OperationState::Running || !written.operations.contains(operation)
        });
        self.acts.retain(|act| !written.acts.contains(act));
    }

    /// Takes over the progress of an operation.
    pub(super) fn note(&mut self, operation: &Operation) {
        self.operations.retain(|known| known.id != operation.id);
        self.operations.push(operation.clone());
    }
}

impl State {
    /// Takes the turn until it is given back, or `holder` is not heard of for a while; `false` if
    /// someone has it.
    pub(super) fn take_turn(&mut self, holder: &str, now_ms: u64) -> bool {
        let is_taken = self
            .turn
            .as_ref()
            .is_some_and(|turn| turn.until_ms > now_ms);
        if !is_taken {
            self.turn = Some(Turn {
                holder: holder.to_owned(),
                until_ms: now_ms + BELIEVED_MS,
            });
        }
        !is_taken
    }

    /// Takes over what an instance has to add.
    pub(super) fn merge(&mut self, instance: &str, own: &Own, now_ms: u64) {
        let until_ms = now_ms + BELIEVED_MS;
        if let Some(turn) = &mut self.turn {
            if own.turn.as_ref() == Some(&turn.holder) {
                turn.until_ms = until_ms;
            } else if own.returned.as_ref() == Some(&turn.holder) {
                self.turn = None;
            }
        }
        self.running.retain(|known| {
            let is_old = known.until_ms <= now_ms;
            let is_renewed = own.operations.iter().any(|it| it.id == known.operation.id);
            !is_old && !is_renewed
        });
        let own_operations = own.operations.iter().map(|operation| Running {
            instance: instance.to_owned(),
            until_ms,
            operation: operation.clone(),
        });
        self.running.extend(own_operations);
        for act in &own.acts {
            if !self.acts.contains(act) {
                self.acts.push(act.clone());
            }
        }
        self.acts.sort_by(|a, b| a.at.cmp(&b.at));
        let extra = self.acts.len().saturating_sub(MOST_ACTS);
        self.acts.drain(..extra);
    }
}

#[cfg(test)]
mod tests {
    use contract::api::{ActKind, OperationKind};

    use super::*;

    fn act(n: usize) -> Act {
        Act {
            id: n.to_string(),
            kind: ActKind::Purge,
            who: "token".to_owned(),
            about: String::new(),
            at: format!("2026-01-02T03:04:{n:05}Z"),
        }
    }

    fn operation(state: OperationState) -> Operation {
        Operation {
            id: "1".to_owned(),
            kind: OperationKind::Purge,
            state,
            done: 1,
            total: None,
            dry_run: false,
            reason: None,
        }
    }

    #[test]
    fn a_turn_ends_when_it_is_given_back_or_its_holder_is_silent() {
        let mut state = State::default();
        assert!(state.take_turn("a", 0));
        assert!(!state.take_turn("b", 1000));
        let mut own = Own {
            turn: Some("a".to_owned()),
            ..Own::default()
        };
        state.merge("one", &own, 50_000);
        assert!(!state.take_turn("b", 100_000), "it was renewed");
        own.returned = own.turn.take();
        state.merge("one", &own, 100_000);
        assert!(state.take_turn("b", 100_001));
        state.merge("one", &own, 100_002);
        assert!(
            !state.take_turn("c", 100_003),
            "that of another is none of it"
        );
        assert!(state.take_turn("c", 200_000), "it is silent");
    }

    #[test]
    fn acts_are_the_last_hundred_and_none_is_there_twice() {
        let mut state = State::default();
        for n in 0..150 {
            let own = Own {
                acts: vec![act(n), act(n / 2)],
                ..Own::default()
            };
            state.merge("one", &own, 0);
        }
        assert_eq!(state.acts.len(), MOST_ACTS);
        assert_eq!(state.acts.last(), Some(&act(149)));
        assert!(state.acts.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[test]
    fn an_operation_is_told_until_its_end_is_written() {
        let mut own = Own::default();
        own.note(&operation(OperationState::Running));
        let written = own.clone();
        own.note(&operation(OperationState::Finished));
        own.settle(&written);
        assert_eq!(own.operations, [operation(OperationState::Finished)]);
        let mut state = State::default();
        state.merge("one", &written, 0);
        state.merge("one", &own, 1);
        assert_eq!(state.running.len(), 1);
        own.settle(&own.clone());
        assert!(!own.is_busy());
        state.merge("two", &own, BELIEVED_MS + 1);
        assert!(state.running.is_empty());
    }
}
