//! The state as the sampler saw it last, and everyone who wants to hear of changes.
//!
//! Each state is compared with the one before. The difference is serialised once, and the same
//! bytes go to every WebSocket. Each WebSocket has a bounded queue of unsent messages: a client
//! that falls further behind is dropped rather than waited for, and starts again from the full
//! state.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::Utf8Bytes;
use contract::api::{Act, Operation, Update};
use tokio::sync::broadcast;

/// Most messages that a client may lag behind: more than a minute of looks.
const BACKLOG: usize = 16;

/// The last state, and the subscriptions to its changes.
pub(crate) struct Feed {
    last: Mutex<Last>,
    sender: broadcast::Sender<Utf8Bytes>,
}

struct Last {
    state: Arc<Update>,
    /// The state as the first message of a connection; made when someone connects.
    hello: Option<Utf8Bytes>,
}

/// The messages of one client.
pub(crate) struct Subscription {
    /// The whole state.
    pub(crate) hello: Utf8Bytes,
    /// What changes afterwards.
    pub(crate) updates: broadcast::Receiver<Utf8Bytes>,
}

impl Feed {
    pub(crate) fn new() -> Self {
        Self {
            last: Mutex::new(Last {
                state: Arc::default(),
                hello: None,
            }),
            sender: broadcast::channel(BACKLOG).0,
        }
    }

    /// The last state.
    pub(crate) fn state(&self) -> Arc<Update> {
        self.lock().state.clone()
    }

    /// Takes a new state and tells what changed.
    pub(crate) fn publish(&self, mut state: Update) {
        let mut last = self.lock();
        state.acts.clone_from(&last.state.acts);
        let delta = difference(&last.state, &state);
        if delta.is_empty() {
            return;
        }
        last.state = Arc::new(state);
        last.hello = None;
        // Within the lock: a client that subscribes meanwhile gets the change exactly once, in its
        // first message or afterwards.
        self.send(&delta);
    }

    /// Takes over who changed something, and tells if that is news.
    pub(crate) fn publish_acts(&self, acts: &[Act]) {
        let mut last = self.lock();
        if last.state.acts.as_deref() == Some(acts) {
            return;
        }
        let acts = Some(acts.to_vec());
        last.state = Arc::new(Update {
            acts: acts.clone(),
            ..Update::clone(&last.state)
        });
        last.hello = None;
        self.send(&Update {
            acts,
            ..Update::default()
        });
    }

    /// Tells of an operation.
    pub(crate) fn tell(&self, operation: Operation) {
        self.send(&Update {
            operation: Some(operation),
            ..Update::default()
        });
    }

    pub(crate) fn subscribe(&self) -> Subscription {
        let mut last = self.lock();
        let hello = match &last.hello {
            Some(hello) => hello.clone(),
            None => serialise(&last.state),
        };
        last.hello = Some(hello.clone());
        Subscription {
            hello,
            updates: self.sender.subscribe(),
        }
    }

    fn send(&self, update: &Update) {
        // Nothing to serialise where nobody listens.
        if self.sender.receiver_count() > 0 {
            let _ = self.sender.send(serialise(update));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serialise(update: &Update) -> Utf8Bytes {
    // Serialising plain data to memory cannot fail.
    serde_json::to_string(update).unwrap_or_default().into()
}

/// The sections of `new` that differ from `old`.
fn difference(old: &Update, new: &Update) -> Update {
    fn changed<T: PartialEq + Clone>(old: Option<&T>, new: Option<&T>) -> Option<T> {
        new.filter(|new| old != Some(*new)).cloned()
    }
    Update {
        metrics: changed(old.metrics.as_ref(), new.metrics.as_ref()),
        queue: changed(old.queue.as_ref(), new.queue.as_ref()),
        pods: changed(old.pods.as_ref(), new.pods.as_ref()),
        thumbnails: changed(old.thumbnails.as_ref(), new.thumbnails.as_ref()),
        acts: changed(old.acts.as_ref(), new.acts.as_ref()),
        operation: None,
    }
}

#[cfg(test)]
mod tests {
    use contract::api::Queue;

    use super::*;

    fn state(depth: u64) -> Update {
        Update {
            queue: Some(Queue {
                depth,
                ..Queue::default()
            }),
            pods: Some(Vec::new()),
            ..Update::default()
        }
    }

    #[test]
    fn a_tick_is_what_changed_and_one_allocation_for_all() {
        let feed = Feed::new();
        feed.publish(state(1));
        let mut clients = [feed.subscribe(), feed.subscribe()];
        assert!(clients[0].hello.contains("pods"));
        feed.publish(state(1));
        feed.publish(state(2));
        let received = clients
            .each_mut()
            .map(|client| client.updates.try_recv().unwrap());
        assert_eq!(
            received[0].as_str(),
            r#"{"queue":{"depth":2,"inFlight":0,"history":[]}}"#
        );
        assert_eq!(received[0].as_ptr(), received[1].as_ptr());
        assert!(clients[0].updates.try_recv().is_err());
        assert!(feed.subscribe().hello.contains(r#""depth":2"#));
    }

    #[test]
    fn who_falls_behind_is_told_so() {
        let feed = Feed::new();
        let mut slow = feed.subscribe();
        for depth in 0..=BACKLOG as u64 {
            feed.publish(state(depth));
        }
        assert!(matches!(
            slow.updates.try_recv(),
            Err(broadcast::error::TryRecvError::Lagged(1))
        ));
    }
}
