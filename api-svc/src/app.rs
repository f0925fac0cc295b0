//! What the routes share.

use std::sync::Arc;

use contract::{
    Prefixes,
    api::{Operation, Update},
};
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config,
    actions::{Actions, Place},
    feed::Feed,
    index::Index,
    pods::Pods,
    sign::Signer,
    videos::Manifests,
};

/// What the routes share, as axum's state.
pub(crate) type Shared = Arc<App>;

/// What the routes share.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) prefixes: Prefixes,
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) sqs: aws_sdk_sqs::Client,
    /// Every thumbnail in the bucket.
    pub(crate) index: Index,
    pub(crate) signer: Signer,
    pub(crate) manifests: Manifests,
    pub(crate) pods: Pods,
    /// What one can do.
    pub(crate) actions: Actions,
    /// The state as the sampler saw it last, and everyone who wants to hear of changes.
    pub(crate) feed: Feed,
    /// Wakes the sampler before its time.
    refresh: Notify,
    /// Places for WebSockets.
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
        aws: crate::aws::Clients,
        pods: Pods,
        stop: CancellationToken,
    ) -> Shared {
        let bucket = config.s3_bucket.clone();
        let place = Place {
            s3: &aws.s3,
            sqs: &aws.sqs,
            bucket: &bucket,
            prefixes: &prefixes,
            queue_url: &config.sqs_queue_url,
            dlq_url: config.dlq_url(),
        };
        let actions = Actions::new(&place, &config.actions);
        Arc::new(Self {
            index: Index::new(prefixes.thumbnails(), config.frames()),
            signer: Signer::new(aws.s3.clone(), bucket.clone()),
            manifests: Manifests::new(aws.s3.clone(), bucket),
            pods,
            actions,
            feed: Feed::new(),
            refresh: Notify::new(),
            websockets: Arc::new(Semaphore::new(config.max_websockets.get())),
            tasks: TaskTracker::new(),
            s3: aws.s3,
            sqs: aws.sqs,
            config,
            prefixes,
            stop,
        })
    }

    /// The state as the sampler saw it last.
    pub(crate) fn state(&self) -> Arc<Update> {
        self.feed.state()
    }

    /// Has the sampler look now, and so tells every WebSocket at once what changed. For whoever
    /// changed something: a test, a redrive, an upload. Calls that come faster than it looks
    /// are one.
    pub(crate) fn refresh(&self) {
        self.refresh.notify_one();
    }

    /// Forgets every thumbnail, lists the bucket again, and tells every WebSocket: for whoever
    /// emptied it.
    pub(crate) fn purged(&self) {
        self.index.clear();
        self.manifests.clear();
        self.refresh();
    }

    /// Tells every WebSocket at once how far an operation is.
    pub(crate) fn progress(&self, operation: Operation) {
        self.feed.tell(operation);
    }

    /// Waits until someone wants the sampler to look.
    pub(crate) async fn refresh_wanted(&self) {
        self.refresh.notified().await;
    }
}
