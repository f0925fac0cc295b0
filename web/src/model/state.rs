//! The state of the dashboard, and what changes it.

use std::rc::Rc;

use contract::api::{
    Metrics, Operation, OperationKind, OperationState, Pod, Queue, Thumbnail, Update,
};
use yew::Reducible;

use super::flow::Flow;

/// How the dashboard hears from the API.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Link {
    /// The first connection is being made.
    #[default]
    Connecting,
    /// The WebSocket stands.
    Live,
    /// It does not.
    Down {
        /// Why, in words.
        reason: String,
        /// Whether plain HTTP still answers.
        polling: bool,
    },
}

/// Something to tell once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) id: u32,
    pub(crate) bad: bool,
    pub(crate) text: String,
}

/// Everything that came from the API, and what is to be told.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) link: Link,
    /// When data came last, in milliseconds since 1970.
    pub(crate) data_at: Option<f64>,
    pub(crate) metrics: Option<Rc<Metrics>>,
    pub(crate) queue: Option<Rc<Queue>>,
    pub(crate) pods: Option<Rc<Vec<Pod>>>,
    /// The newest thumbnails.
    pub(crate) thumbnails: Option<Rc<Vec<Thumbnail>>>,
    /// What the API does just now at someone's wish, oldest first.
    pub(crate) operations: Vec<Operation>,
    /// How often the API came back after it had not answered: what failed meanwhile is worth
    /// another try.
    pub(crate) recoveries: u32,
    /// What moved with the last message, and its number: the same flow twice is two flows.
    pub(crate) flow: (u32, Flow),
    pub(crate) notices: Vec<Notice>,
    notices_so_far: u32,
}

/// What can happen.
#[derive(Debug)]
pub(crate) enum Action {
    /// It ended, or could not be made.
    Lost(String),
    /// A message came, at a time in milliseconds since 1970.
    Heard(Box<Update>, f64),
    /// An answer came by HTTP while the WebSocket is down.
    Polled(Box<Update>, f64),
    /// HTTP does not answer either.
    PollFailed,
    /// Tell something; `bad` if it is an error.
    Tell { bad: bool, text: String },
    /// It has been read.
    Dismiss(u32),
}

/// Older notices go.
const MOST_NOTICES: usize = 4;
/// After a longer silence nobody knows when what moved did so, in milliseconds.
const CONTINUOUS: f64 = 15_000.0;

impl State {
    /// The state after `action`.
    pub(crate) fn after(&self, action: Action) -> Self {
        let mut state = self.clone();
        match action {
            Action::Lost(reason) => {
                let polling = matches!(self.link, Link::Down { polling: true, .. });
                state.link = Link::Down { reason, polling };
                // Their ends are not heard of any more.
                state.operations.clear();
            }
            Action::Heard(update, now) => {
                // With polling it was there all the time.
                let was_away = matches!(state.link, Link::Down { polling: false, .. });
                state.recoveries += u32::from(was_away);
                state.link = Link::Live;
                state.take(*update, now);
            }
            Action::Polled(update, now) => {
                // A WebSocket that came back in the meantime knows better.
                let reason = match &self.link {
                    Link::Live => return state,
                    Link::Connecting => "the API does not answer".to_owned(),
                    Link::Down { reason, polling } => {
                        state.recoveries += u32::from(!polling);
                        reason.clone()
                    }
                };
                state.link = Link::Down {
                    reason,
                    polling: true,
                };
                state.take(*update, now);
            }
            Action::PollFailed => match &mut state.link {
                Link::Live => {}
                Link::Down { polling, .. } => *polling = false,
                Link::Connecting => {
                    state.link = Link::Down {
                        reason: "the API does not answer".to_owned(),
                        polling: false,
                    };
                }
            },
            Action::Tell { bad, text } => state.tell(bad, text),
            Action::Dismiss(id) => state.notices.retain(|notice| notice.id != id),
        }
        state
    }

    fn take(&mut self, update: Update, now: f64) {
        let is_continuous = self.data_at.is_some_and(|at| now - at < CONTINUOUS);
        // An empty message says that the connection stands, and nothing of the pipeline.
        if !update.is_empty() {
            self.data_at = Some(now);
        }
        if let Some(metrics) = update.metrics {
            let before = self.metrics.as_ref().filter(|_| is_continuous);
            let flow = before.map_or_else(Flow::default, |before| Flow::between(before, &metrics));
            if !flow.is_empty() {
                self.flow = (self.flow.0.wrapping_add(1), flow);
            }
            self.metrics = Some(Rc::new(metrics));
        }
        if let Some(queue) = update.queue {
            self.queue = Some(Rc::new(queue));
        }
        if let Some(pods) = update.pods {
            self.pods = Some(Rc::new(pods));
        }
        if let Some(thumbnails) = update.thumbnails {
            self.thumbnails = Some(Rc::new(thumbnails));
        }
        if let Some(operation) = update.operation {
            self.follow(operation);
        }
    }

    fn follow(&mut self, operation: Operation) {
        // Nothing is changed by what only looks.
        if operation.dry_run {
            return;
        }
        self.operations.retain(|known| known.id != operation.id);
        match (operation.state, &operation.reason) {
            (OperationState::Running, _) => self.operations.push(operation),
            (OperationState::Finished, _) => {}
            (OperationState::Failed, reason) => {
                let reason = reason.as_deref().unwrap_or("the API tells no reason");
                self.tell(true, failure(operation_name(operation.kind), reason));
            }
        }
    }

    fn tell(&mut self, bad: bool, text: String) {
        self.notices.retain(|notice| notice.text != text);
        self.notices_so_far += 1;
        self.notices.push(Notice {
            id: self.notices_so_far,
            bad,
            text,
        });
        let extra = self.notices.len().saturating_sub(MOST_NOTICES);
        self.notices.drain(..extra);
    }
}

/// That `what` failed. Whoever started an operation is told by its answer, too: in the same words,
/// so once.
pub(crate) fn failure(what: &str, reason: &str) -> String {
    format!("{what} failed: {reason}.")
}

/// What an operation is called.
pub(crate) fn operation_name(kind: OperationKind) -> &'static str {
    match kind {
        OperationKind::Test => "The test",
        OperationKind::Purge => "The purge",
        OperationKind::Redrive => "The redrive",
        OperationKind::Upload => "The upload",
    }
}

impl Reducible for State {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        Rc::new(self.after(action))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::flow::tests::metrics, *};

    fn heard(update: Update) -> Action {
        Action::Heard(Box::new(update), 1000.0)
    }

    #[test]
    fn a_missing_section_stays() {
        let state = State::default()
            .after(heard(Update {
                metrics: Some(metrics()),
                pods: Some(Vec::new()),
                ..Update::default()
            }))
            .after(heard(Update {
                queue: Some(Queue::default()),
                ..Update::default()
            }));
        assert_eq!(state.link, Link::Live);
        assert!(state.metrics.is_some() && state.queue.is_some() && state.pods.is_some());
        assert_eq!(state.data_at, Some(1000.0));
    }

    #[test]
    fn the_link_goes_down_polls_and_comes_back() {
        let down = State::default()
            .after(heard(Update::default()))
            .after(Action::Lost("gone".to_owned()));
        let link = |polling| Link::Down {
            reason: "gone".to_owned(),
            polling,
        };
        assert_eq!(down.link, link(false));
        let answer = Update {
            queue: Some(Queue::default()),
            ..Update::default()
        };
        let polled = down.after(Action::Polled(Box::new(answer.clone()), 2000.0));
        assert_eq!(polled.link, link(true));
        assert_eq!(polled.data_at, Some(2000.0));
        // Still down after the next attempt, and still polling.
        let again = polled.after(Action::Lost("gone".to_owned()));
        assert_eq!(again.link, link(true));
        assert_eq!(again.after(Action::PollFailed).link, link(false));
        let back = polled.after(heard(Update::default()));
        assert_eq!(back.link, Link::Live);
        let recoveries = [&down, &polled, &back].map(|state| state.recoveries);
        assert_eq!(recoveries, [0, 1, 1]);
        assert_eq!(down.after(heard(Update::default())).recoveries, 1);
        // An answer that was on its way changes nothing any more.
        assert_eq!(back.after(Action::Polled(Box::default(), 9.0)), back);
        assert_eq!(back.after(Action::PollFailed), back);
        let unheard = State::default().after(Action::PollFailed);
        assert!(matches!(unheard.link, Link::Down { polling: false, .. }));
        // Behind a proxy that swallows the first attempt.
        let hanging = State::default().after(Action::Polled(Box::new(answer), 1.0));
        assert!(matches!(hanging.link, Link::Down { polling: true, .. }));
        assert!(hanging.queue.is_some());
    }

    #[test]
    fn an_empty_message_makes_no_data_fresh() {
        let state = State::default().after(heard(Update::default()));
        assert_eq!((state.link, state.data_at), (Link::Live, None));
    }

    #[test]
    fn equal_flows_are_told_apart() {
        let at = |videos_processed| {
            heard(Update {
                metrics: Some(Metrics {
                    videos_processed,
                    ..metrics()
                }),
                ..Update::default()
            })
        };
        let state = State::default().after(at(5));
        assert_eq!(state.flow.0, 0, "the first sample is no flow");
        let state = state.after(at(6));
        let flow = state.flow;
        let state = state.after(at(6)).after(at(7));
        assert_eq!(state.flow, (flow.0 + 1, flow.1));
    }

    #[test]
    fn what_moved_unseen_does_not_move_now() {
        let at = |videos_processed, now| {
            let metrics = Metrics {
                videos_processed,
                ..metrics()
            };
            let update = Update {
                metrics: Some(metrics),
                ..Update::default()
            };
            Action::Heard(Box::new(update), now)
        };
        let state = State::default().after(at(5, 0.0)).after(at(6, 5_000.0));
        assert_eq!(state.flow.0, 1);
        let state = state
            .after(Action::Lost("gone".to_owned()))
            .after(at(90, 65_000.0));
        assert_eq!(state.flow.0, 1);
        assert_eq!(state.after(at(91, 70_000.0)).flow.0, 2);
    }

    #[test]
    fn operations_show_while_they_run() {
        let update = |id: &str, state, dry_run, reason: Option<&str>| {
            heard(Update {
                operation: Some(Operation {
                    id: id.to_owned(),
                    kind: OperationKind::Purge,
                    state,
                    done: 1,
                    total: None,
                    dry_run,
                    reason: reason.map(str::to_owned),
                }),
                ..Update::default()
            })
        };
        let ids = |state: &State| -> Vec<String> {
            let ids = state
                .operations
                .iter()
                .map(|operation| operation.id.clone());
            ids.collect()
        };
        let state = State::default()
            .after(update("1", OperationState::Running, false, None))
            .after(update("2", OperationState::Running, false, None))
            .after(update("3", OperationState::Running, true, None))
            .after(update("2", OperationState::Running, false, None));
        assert_eq!(ids(&state), ["1", "2"]);
        let lost = state.after(Action::Lost("gone".to_owned()));
        assert!(lost.operations.is_empty());
        let state = state.after(update("1", OperationState::Finished, false, None));
        assert_eq!(ids(&state), ["2"]);
        assert!(state.notices.is_empty());
        let state = state.after(update("2", OperationState::Failed, false, Some("no right")));
        assert!(state.operations.is_empty());
        assert_eq!(state.notices[0].text, "The purge failed: no right.");
    }

    #[test]
    fn notices_are_few_and_not_said_twice() {
        let mut state = State::default();
        for text in ["a", "b", "a", "c", "d", "e"] {
            state = state.after(Action::Tell {
                bad: true,
                text: text.to_owned(),
            });
        }
        let texts: Vec<_> = state.notices.iter().map(|n| n.text.as_str()).collect();
        assert_eq!(texts, ["a", "c", "d", "e"]);
        let state = state.after(Action::Dismiss(state.notices[0].id));
        assert_eq!(state.notices.len(), 3);
    }
}
