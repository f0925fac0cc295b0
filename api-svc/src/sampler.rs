//! The one task that looks at the queue, the bucket and the cluster.
//!
//! It looks every five seconds, whether or not anyone watches, and once more when someone changed
//! something. Requests and WebSockets read what it saw last. The sources are asked side by side,
//! each within a deadline. A source that fails keeps its last figures, is marked with the reason,
//! and delays no other source.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use contract::api::{self, HISTORY_POINTS, Metrics, Queue, QueuePoint, Update};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    health::SourceHealth,
    index::{Crawler, Query},
    prometheus,
    sources::{Depths, Sources},
    time::rfc3339,
    watch::Watch,
};

/// Minutes that `videosPerMinute` is averaged over.
const RATE_MINUTES: u32 = 5;

/// Shortest time between two looks that are asked for, however many ask.
const REFRESH_GAP: Duration = Duration::from_millis(250);

/// Looks at the sources and publishes what it saw.
pub(crate) struct Sampler {
    watch: Arc<Watch>,
    crawler: Crawler,
    queue: Watched<Depths>,
    /// `None` where no dead-letter queue is configured.
    dlq: Option<Watched<Depths>>,
    bucket: SourceHealth,
    history: VecDeque<QueuePoint>,
    interval: Duration,
}

/// A source's last figures.
#[derive(Default)]
struct Watched<T> {
    last: T,
    health: SourceHealth,
}

impl Sampler {
    /// Looks every `interval`; a look sends at most about `budget` requests to S3.
    pub(crate) fn new(
        watch: Arc<Watch>,
        sources: &Sources,
        interval: Duration,
        budget: usize,
    ) -> Self {
        let crawler = Crawler::new(sources, watch.prefixes.clone(), budget);
        Self {
            crawler,
            queue: Watched::default(),
            dlq: sources.dlq_url.as_ref().map(|_| Watched::default()),
            bucket: SourceHealth::default(),
            history: VecDeque::with_capacity(HISTORY_POINTS),
            watch,
            interval,
        }
    }

    /// Looks until `stop`.
    pub(crate) async fn run(mut self, sources: &Sources, stop: CancellationToken) {
        let watch = Arc::clone(&self.watch);
        let mut ticks = interval(self.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last_look = Instant::now();
        loop {
            let scheduled = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                _ = ticks.tick() => true,
                () = watch.refresh_wanted() => {
                    tokio::time::sleep_until(last_look + REFRESH_GAP).await;
                    false
                }
            };
            Box::pin(self.look(sources, scheduled)).await;
            last_look = Instant::now();
        }
    }

    async fn look(&mut self, sources: &Sources, scheduled: bool) {
        // Slower than this, and the next look would be late.
        let limit = (self.interval * 9 / 10).max(Duration::from_secs(2));
        let deadline = Instant::now() + limit;
        let dlq = async {
            match &sources.dlq_url {
                Some(url) => Some(depths(sources, url, limit).await),
                None => None,
            }
        };
        let bucket = self
            .crawler
            .tick(&self.watch.index, &self.watch.manifests, deadline);
        let (queue, dlq, bucket) = tokio::join!(
            depths(sources, &sources.queue_url, limit),
            dlq,
            timeout(limit, bucket),
        );
        let answered = self.queue.note(queue);
        if let (Some(watched), Some(answer)) = (&mut self.dlq, dlq) {
            watched.note(answer);
        }
        self.bucket.note(match bucket {
            Ok(done) => done.map_err(|error| error.to_string()),
            Err(_) => Err(late(limit)),
        });
        if scheduled && let Some(depths) = answered {
            self.remember(depths);
        }
        self.publish().await;
    }

    fn remember(&mut self, depths: Depths) {
        if self.history.len() == HISTORY_POINTS {
            self.history.pop_front();
        }
        self.history.push_back(QueuePoint {
            time: rfc3339(SystemTime::now()),
            depth: depths.waiting,
            in_flight: depths.in_flight,
        });
    }

    async fn publish(&self) {
        let watch = &self.watch;
        let pods = watch.pods.list();
        let metrics = self.metrics(&pods);
        prometheus::show(&metrics);
        let newest = watch.index.page(&Query::newest());
        let thumbnails = watch.thumbnails(&newest.entries).await;
        let thumbnails = thumbnails
            .inspect_err(|error| tracing::warn!(%error, "the thumbnails cannot be signed"))
            .ok();
        watch.feed.publish(Update {
            queue: Some(Queue {
                depth: self.queue.last.waiting,
                in_flight: self.queue.last.in_flight,
                history: self.history.iter().cloned().collect(),
            }),
            metrics: Some(metrics),
            pods: Some(pods),
            // Absent if they cannot be signed: clients keep those of the message before.
            thumbnails,
            acts: None,
            operation: None,
        });
    }

    fn metrics(&self, pods: &[api::Pod]) -> Metrics {
        let index = &self.watch.index;
        let totals = index.totals();
        let finished = index.finished_within(RATE_MINUTES * 60);
        let dlq = self.dlq.as_ref();
        Metrics {
            queue_depth: self.queue.last.waiting,
            in_flight: self.queue.last.in_flight,
            total_thumbnails: totals.pictures,
            storage_bytes: totals.bytes,
            running_pods: pods.iter().filter(|pod| pod.status == "Running").count() as u64,
            total_pods: pods.len() as u64,
            dlq_depth: dlq.map(|dlq| dlq.last.waiting),
            videos_processed: totals.videos,
            videos_failed: dlq.map(|dlq| dlq.last.waiting + dlq.last.in_flight),
            bytes_fetched: totals.cost.fetched,
            bytes_saved: totals.cost.saved(),
            source_bytes: totals.cost.size,
            videos_measured: totals.measured,
            videos_per_minute: finished as f64 / f64::from(RATE_MINUTES),
            index_complete: totals.complete,
            sources: api::Sources {
                queue: self.queue.health.source(),
                dlq: dlq.map_or_else(
                    || SourceHealth::absent("SQS_DLQ_URL is not set".to_owned()).source(),
                    |dlq| dlq.health.source(),
                ),
                bucket: self.bucket.source(),
                pods: self.watch.pods.source(),
            },
        }
    }
}

impl<T: Copy> Watched<T> {
    fn note(&mut self, answer: Result<T, String>) -> Option<T> {
        let answer = self.health.note(answer);
        self.last = answer.unwrap_or(self.last);
        answer
    }
}

async fn depths(sources: &Sources, url: &str, limit: Duration) -> Result<Depths, String> {
    match timeout(limit, sources.depths(url)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(late(limit)),
    }
}

fn late(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs_f32())
}
