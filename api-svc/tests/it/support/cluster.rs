//! A stand-in for the Kubernetes API server: lists and watches pods of one namespace by label.

use std::{
    collections::{BTreeMap, HashMap},
    io::Write as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::StreamExt;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::{net::TcpListener, sync::broadcast};

/// See the module. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Cluster(Arc<Shared>);

struct Shared {
    address: String,
    kubeconfig: NamedTempFile,
    pods: Mutex<BTreeMap<String, Value>>,
    version: AtomicUsize,
    events: Mutex<broadcast::Sender<Bytes>>,
    lists: AtomicUsize,
    watches: AtomicUsize,
    refusal: Mutex<Option<(u16, &'static str)>>,
}

impl Cluster {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let mut kubeconfig = NamedTempFile::new()?;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{address}")}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {"token": "t"}}],
        });
        kubeconfig.write_all(config.to_string().as_bytes())?;
        let cluster = Self(Arc::new(Shared {
            address,
            kubeconfig,
            pods: Mutex::default(),
            version: AtomicUsize::new(1),
            events: Mutex::new(broadcast::channel(64).0),
            lists: AtomicUsize::new(0),
            watches: AtomicUsize::new(0),
            refusal: Mutex::default(),
        }));
        let router = Router::new()
            .route("/api/v1/namespaces/{namespace}/pods", get(pods))
            .with_state(cluster.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(cluster)
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.0.kubeconfig.path().to_string_lossy().into_owned()
    }

    /// Adds or changes a pod of the workers.
    pub(crate) fn apply(&self, name: &str, phase: &str) {
        self.apply_with(name, "thumbnail-worker", phase);
    }

    pub(crate) fn apply_with(&self, name: &str, app: &str, phase: &str) {
        let version = self.next_version();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "workers", "uid": name, "resourceVersion": version,
                         "labels": {"app": app}},
            "spec": {"nodeName": "node-1", "containers": [
                {"name": "worker", "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
            "status": {"phase": phase, "startTime": "2026-01-02T03:04:05Z",
                       "conditions": [{"type": "Ready", "status": "True"}],
                       "containerStatuses": [{"name": "worker", "restartCount": 1, "ready": true,
                                              "image": "i", "imageID": ""}]},
        });
        let known = self
            .0
            .pods
            .lock()
            .unwrap()
            .insert(name.to_owned(), pod.clone());
        let kind = if known.is_some() { "MODIFIED" } else { "ADDED" };
        if app == "thumbnail-worker" {
            self.tell(&json!({"type": kind, "object": pod}));
        }
    }

    pub(crate) fn delete(&self, name: &str) {
        if let Some(mut pod) = self.0.pods.lock().unwrap().remove(name) {
            pod["metadata"]["resourceVersion"] = self.next_version().into();
            self.tell(&json!({"type": "DELETED", "object": pod}));
        }
    }

    /// Changes a pod without telling the watchers: as if their connection had missed it.
    pub(crate) fn delete_silently(&self, name: &str) {
        self.0.pods.lock().unwrap().remove(name);
    }

    /// Tells every watch that its place in the history is gone.
    pub(crate) fn expire_watches(&self) {
        self.tell(
            &json!({"type": "ERROR", "object": status(410, "Expired", "too old resource version")}),
        );
    }

    /// Ends every watch.
    pub(crate) fn end_watches(&self) {
        *self.0.events.lock().unwrap() = broadcast::channel(64).0;
    }

    /// Refuses every request with this status and reason, or no longer.
    pub(crate) fn refuse(&self, refusal: Option<(u16, &'static str)>) {
        *self.0.refusal.lock().unwrap() = refusal;
    }

    /// Lists and watches so far.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let load = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (load(&self.0.lists), load(&self.0.watches))
    }

    pub(crate) fn address(&self) -> &str {
        &self.0.address
    }

    fn tell(&self, event: &Value) {
        let _ = self
            .0
            .events
            .lock()
            .unwrap()
            .send(format!("{event}\n").into());
    }

    fn next_version(&self) -> String {
        (self.0.version.fetch_add(1, Ordering::SeqCst) + 1).to_string()
    }
}

fn status(code: u16, reason: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
           "message": message, "reason": reason, "code": code})
}

async fn pods(
    State(cluster): State<Cluster>,
    Path(namespace): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let shared = &cluster.0;
    let refusal = *shared.refusal.lock().unwrap();
    if let Some((code, reason)) = refusal {
        let body = status(
            code,
            reason,
            "pods is forbidden: no access to resource \"pods\"",
        );
        let code = StatusCode::from_u16(code).unwrap();
        return (code, Json(body)).into_response();
    }
    assert_eq!(namespace, "workers");
    assert_eq!(
        query.get("labelSelector").map(String::as_str),
        Some("app=thumbnail-worker")
    );
    if query.contains_key("watch") {
        shared.watches.fetch_add(1, Ordering::SeqCst);
        let events = shared.events.lock().unwrap().subscribe();
        let stream = futures::stream::unfold(events, async |mut events| {
            let event = events.recv().await.ok()?;
            Some((Ok::<_, std::io::Error>(event), events))
        });
        return Body::from_stream(stream.boxed()).into_response();
    }
    shared.lists.fetch_add(1, Ordering::SeqCst);
    let pods = shared.pods.lock().unwrap();
    let items: Vec<_> = pods
        .values()
        .filter(|pod| pod["metadata"]["labels"]["app"] == "thumbnail-worker")
        .collect();
    let version = shared.version.load(Ordering::SeqCst).to_string();
    let list = json!({"apiVersion": "v1", "kind": "PodList", "metadata": {"resourceVersion": version},
                      "items": items});
    Json(list).into_response()
}
