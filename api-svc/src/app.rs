//! The state that the routes share: what watches, what acts, and the process around both.

use std::sync::Arc;

use axum::extract::FromRef;
use contract::Prefixes;
use service_kit::sandbox;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    actions::{Actions, Place},
    aws::Clients,
    capacity::Capacity,
    config::Config,
    index::Index,
    manifests::Manifests,
    pods::Pods,
    presign::{Sessions, ThumbnailUrls},
    prometheus::SANDBOX_LOCK,
    shared::Shared,
    sources::Sources,
    storyboards::Storyboards,
    watch::Watch,
};

/// The state of the router. Cheap to clone.
#[derive(Clone, FromRef)]
pub(crate) struct App {
    /// What the API watches.
    pub(crate) watch: Arc<Watch>,
    /// What one can do.
    pub(crate) actions: Arc<Actions>,
    /// The process.
    pub(crate) service: Arc<Service>,
}

/// The process: its settings, its sources, its limits and its end.
pub(crate) struct Service {
    pub(crate) config: Config,
    pub(crate) sources: Sources,
    /// What fits this process's file descriptors.
    pub(crate) capacity: Capacity,
    /// One permit for each WebSocket.
    pub(crate) websockets: Arc<Semaphore>,
    /// Cancelled when the service stops.
    pub(crate) stop: CancellationToken,
    /// Tasks that the shutdown waits for: WebSockets, operations.
    pub(crate) tasks: TaskTracker,
}

impl App {
    pub(crate) fn new(
        config: Config,
        prefixes: Prefixes,
        (clients, pods): (Clients, Pods),
        capacity: Capacity,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let bucket = config.pipeline.s3_bucket.clone();
        let sessions = Arc::new(Sessions::new(&clients.s3, clients.credentials.clone()));
        let sandbox = sandbox::start(config.actions.decode_sandbox)?;
        sandbox::measure(SANDBOX_LOCK, sandbox.as_ref());
        let manifests = Manifests::new(clients.s3.clone(), bucket.clone(), prefixes.clone());
        let manifests = Arc::new(manifests);
        let shared = Shared::new(clients.s3.clone(), bucket.clone(), &prefixes);
        let place = Place {
            s3: &clients.s3,
            sessions: &sessions,
            sqs: &clients.sqs,
            bucket: &bucket,
            manifests: &manifests,
            prefixes: &prefixes,
            queue_url: &config.pipeline.sqs_queue_url,
            dlq_url: config.pipeline.dlq_url(),
            sandbox: sandbox.as_ref(),
        };
        let actions = Actions::new(&place, &config.actions)?;
        let sources = Sources::new(
            &clients,
            bucket.clone(),
            config.pipeline.sqs_queue_url.clone(),
            config.pipeline.dlq_url().map(ToOwned::to_owned),
        );
        let index = Index::new(prefixes.thumbnails(), config.frames());
        let watch = Watch::new(
            prefixes,
            index,
            (manifests, Arc::new(shared)),
            pods,
            (
                Storyboards::new(clients.s3, bucket.clone()),
                ThumbnailUrls::new(sessions, bucket),
            ),
        );
        Ok(Self {
            watch: Arc::new(watch),
            actions: Arc::new(actions),
            service: Arc::new(Service {
                websockets: Arc::new(Semaphore::new(capacity.websockets)),
                capacity,
                tasks: TaskTracker::new(),
                config,
                sources,
                stop,
            }),
        })
    }
}
