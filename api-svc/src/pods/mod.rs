//! The workers' pods, by watching the Kubernetes API server.
//!
//! One list, then a watch that tells what changes: the server is not asked again every few seconds.
//! The watcher lists again by itself when its place in the history is gone (410), and retries with
//! growing pauses when the server does not answer. Meanwhile the last pods known are shown, marked
//! as old.

mod quantity;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use contract::api;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    runtime::{WatchStreamExt as _, reflector, watcher},
};
use tokio_util::sync::CancellationToken;

use crate::health::SourceHealth;

/// The workers' pods as they were last known, and whether the cluster answers.
#[derive(Clone)]
pub(crate) struct Pods {
    store: Option<reflector::Store<Pod>>,
    health: Arc<Mutex<SourceHealth>>,
}

impl Pods {
    /// Finds the cluster by `KUBECONFIG`, `~/.kube/config` or the service account of the pod that
    /// this process runs in, and watches the pods that `selector` finds in `namespace` until
    /// `stop`.
    pub(crate) async fn watch(namespace: &str, selector: &str, stop: &CancellationToken) -> Self {
        let client = match connect().await {
            Ok(client) => client,
            Err(reason) => {
                tracing::info!(reason, "no cluster is configured");
                return Self {
                    store: None,
                    health: Arc::new(Mutex::new(SourceHealth::absent(reason))),
                };
            }
        };
        let (store, writer) = reflector::store();
        let health = Arc::new(Mutex::new(SourceHealth::default()));
        let pods = Api::<Pod>::namespaced(client, namespace);
        let selected = watcher::Config::default().labels(selector);
        let mut events = watcher(pods, selected)
            .default_backoff()
            .modify(view::strip)
            .reflect(writer)
            .boxed();
        let (task_health, task_stop) = (health.clone(), stop.clone());
        tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    () = task_stop.cancelled() => return,
                    event = events.next() => event,
                };
                let mut health = task_health.lock().unwrap_or_else(PoisonError::into_inner);
                match event {
                    None => return,
                    // A list has begun, and may still fail.
                    Some(Ok(watcher::Event::Init | watcher::Event::InitApply(_))) => {}
                    Some(Ok(_)) => health.answered(),
                    // The history is gone: the watcher lists again at once.
                    Some(Err(watcher::Error::WatchError(status))) if status.code == 410 => {
                        tracing::debug!("the watch of pods is too old and starts again");
                    }
                    Some(Err(error)) => health.failed(reason(&error)),
                }
            }
        });
        Self {
            store: Some(store),
            health,
        }
    }

    /// Whether the cluster answers.
    pub(crate) fn source(&self) -> api::Source {
        self.health().source()
    }

    /// Whether pods are known, and if not, why.
    pub(crate) fn unavailable(&self) -> Option<String> {
        self.health().reason_if_never_answered()
    }

    /// The pods by name, as they were last known.
    pub(crate) fn list(&self) -> Vec<api::Pod> {
        let Some(store) = &self.store else {
            return Vec::new();
        };
        let mut pods: Vec<_> = store.state().iter().map(|pod| view::pod(pod)).collect();
        pods.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        pods
    }

    fn health(&self) -> std::sync::MutexGuard<'_, SourceHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect() -> Result<Client, String> {
    let config = kube::Config::infer()
        .await
        .map_err(|error| format!("no cluster is configured: {error}"))?;
    Client::try_from(config).map_err(|error| format!("the cluster cannot be used: {error}"))
}

/// The reason that clients may see: the server's status where there is one, as its message names
/// accounts; the chain of causes otherwise.
fn reason(error: &watcher::Error) -> String {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let status = match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status))
        | WatchError(status) => Some(status),
        _ => None,
    };
    if let Some(status) = status {
        tracing::warn!(
            code = status.code,
            message = status.message,
            "the cluster refused"
        );
        return format!("{} {}", status.code, status.reason);
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
