//! The state of the dashboard, and what changes it.

use std::rc::Rc;

use contract::api::{
    Act, Metrics, Operation, OperationKind, OperationState, Pod, Queue, SourceState, Sources,
    Thumbnail, Update,
};
use yew::Reducible;

use super::flow::Flow;

/// How the dashboard hears from the API. Reasons are in words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Link {
    /// A connection is being made; nothing tells yet that the API is away. With the reason why the
    /// connection before it ended, if there was one.
    Connecting(Option<String>),
    /// The WebSocket stands.
    Live,
    /// The WebSocket does not stand, for a reason; plain HTTP answers.
    Polling(String),
    /// Neither the WebSocket stands nor does HTTP answer, for a reason.
    Down(String),
}

impl Default for Link {
    fn default() -> Self {
        Self::Connecting(None)
    }
}

/// What the badge says of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Connecting,
    Live,
    Polling,
    Down,
}

/// Data is older than this, in milliseconds, only where requests hang: HTTP is asked every five
/// seconds.
const AGED: f64 = 20_000.0;

impl Link {
    /// What to say while the data is `age` milliseconds old; `None` before there is any. A link is
    /// down only where data ages.
    pub(crate) fn standing(&self, age: Option<f64>) -> Standing {
        let is_aged = age.is_some_and(|age| age > AGED);
        match self {
            Self::Live => Standing::Live,
            Self::Connecting(_) | Self::Polling(_) if is_aged => Standing::Down,
            Self::Connecting(_) => Standing::Connecting,
            Self::Polling(_) => Standing::Polling,
            Self::Down(_) => Standing::Down,
        }
    }
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
    /// Who changed something lately, oldest first.
    pub(crate) acts: Option<Rc<Vec<Act>>>,
    /// What the API does just now at someone's wish, oldest first.
    pub(crate) operations: Vec<Operation>,
    /// How often the API, or a source behind it, came back after it had not answered: what failed
    /// meanwhile is worth another try.
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
                state.link = match &self.link {
                    Link::Connecting(_) | Link::Live => Link::Connecting(Some(reason)),
                    Link::Polling(_) => Link::Polling(reason),
                    Link::Down(_) => Link::Down(reason),
                };
                // Their ends are not heard of any more.
                state.operations.clear();
            }
            Action::Heard(update, now) => {
                // With polling it was there all the time.
                let was_away = matches!(self.link, Link::Down(_) | Link::Connecting(Some(_)));
                state.recoveries += u32::from(was_away);
                state.link = Link::Live;
                state.take(*update, now);
            }
            Action::Polled(update, now) => {
                state.link = match &self.link {
                    // A WebSocket that came back in the meantime knows better.
                    Link::Live => return state,
                    Link::Connecting(None) => Link::Polling("no WebSocket opens".to_owned()),
                    Link::Connecting(Some(reason)) | Link::Down(reason) => {
                        state.recoveries += 1;
                        Link::Polling(reason.clone())
                    }
                    Link::Polling(reason) => Link::Polling(reason.clone()),
                };
                state.take(*update, now);
            }
            Action::PollFailed => {
                state.link = match &self.link {
                    Link::Live => Link::Live,
                    Link::Connecting(None) => Link::Down("the API does not answer".to_owned()),
                    Link::Connecting(Some(reason)) | Link::Polling(reason) | Link::Down(reason) => {
                        Link::Down(reason.clone())
                    }
                };
            }
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
            let was = self.metrics.as_deref().map(|before| &before.sources);
            let is_back = was.is_some_and(|was| is_back(was, &metrics.sources));
            self.recoveries += u32::from(is_back);
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
        if let Some(acts) = update.acts {
            self.acts = Some(Rc::new(acts));
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

/// Whether a source answers that did not before.
fn is_back(before: &Sources, after: &Sources) -> bool {
    let states = |sources: &Sources| {
        let Sources {
            queue,
            dlq,
            bucket,
            pods,
        } = sources;
        [queue, dlq, bucket, pods].map(|source| source.state)
    };
    let mut pairs = states(before).into_iter().zip(states(after));
    pairs.any(|pair| pair == (SourceState::Unavailable, SourceState::Available))
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
        let lost = State::default()
            .after(heard(Update::default()))
            .after(Action::Lost("gone".to_owned()));
        let reason = || "gone".to_owned();
        assert_eq!(lost.link, Link::Connecting(Some(reason())));
        let down = lost.after(Action::PollFailed);
        assert_eq!(down.link, Link::Down(reason()));
        let answer = Update {
            queue: Some(Queue::default()),
            ..Update::default()
        };
        let polled = down.after(Action::Polled(Box::new(answer.clone()), 2000.0));
        assert_eq!(polled.link, Link::Polling(reason()));
        assert_eq!(polled.data_at, Some(2000.0));
        // The next attempt fails, too, and HTTP still answers.
        let again = polled.after(Action::Lost(reason()));
        assert_eq!(again.link, Link::Polling(reason()));
        assert_eq!(again.after(Action::PollFailed).link, Link::Down(reason()));
        let back = polled.after(heard(Update::default()));
        assert_eq!(back.link, Link::Live);
        let recoveries = [&lost, &down, &polled, &back].map(|state| state.recoveries);
        assert_eq!(recoveries, [0, 0, 1, 1]);
        for state in [&lost, &down] {
            assert_eq!(state.after(heard(Update::default())).recoveries, 1);
        }
        // An answer that was on its way changes nothing any more.
        assert_eq!(back.after(Action::Polled(Box::default(), 9.0)), back);
        assert_eq!(back.after(Action::PollFailed), back);
        let unheard = State::default().after(Action::PollFailed);
        assert!(matches!(unheard.link, Link::Down(_)));
        // Behind a proxy that swallows the first attempt.
        let hanging = State::default().after(Action::Polled(Box::new(answer), 1.0));
        assert!(matches!(hanging.link, Link::Polling(_)));
        assert_eq!(hanging.recoveries, 0, "it never was away");
        assert!(hanging.queue.is_some());
    }

    #[test]
    fn a_link_is_down_only_where_data_ages() {
        use Standing::{Connecting, Down, Live, Polling};

        let reason = || "gone".to_owned();
        let standings = |age| {
            let links = [
                Link::Connecting(None),
                Link::Connecting(Some(reason())),
                Link::Live,
                Link::Polling(reason()),
                Link::Down(reason()),
            ];
            links.map(|link| link.standing(age))
        };
        let fresh = [Connecting, Connecting, Live, Polling, Down];
        assert_eq!(standings(None), fresh);
        assert_eq!(standings(Some(5_000.0)), fresh);
        assert_eq!(standings(Some(60_000.0)), [Down, Down, Live, Down, Down]);
    }

    #[test]
    fn a_source_that_answers_again_is_a_recovery() {
        let bucket = |state| {
            let mut metrics = metrics();
            metrics.sources.bucket.state = state;
            heard(Update {
                metrics: Some(metrics),
                ..Update::default()
            })
        };
        let away = State::default()
            .after(bucket(SourceState::Available))
            .after(bucket(SourceState::Unavailable));
        assert_eq!(away.recoveries, 0);
        let back = away.after(bucket(SourceState::Available));
        assert_eq!(back.recoveries, 1);
        assert_eq!(back.after(bucket(SourceState::Available)).recoveries, 1);
        let first = State::default().after(bucket(SourceState::Pending));
        assert_eq!(first.after(bucket(SourceState::Available)).recoveries, 0);
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
