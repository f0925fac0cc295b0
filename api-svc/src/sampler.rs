//! The one task that looks at the queue, the bucket and the cluster.
//!
//! It looks every five seconds, whether or not anyone watches, and once more when someone changed
//! something. Requests and WebSockets read what it saw last. The sources are asked side by side,
//! each within a deadline; one that fails keeps its last figures, is marked with the reason, and
//! holds nobody up.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::QueueAttributeName;
use contract::api::{HISTORY_POINTS, Metrics, Queue, QueuePoint, Sources, Update};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::{
    app::{App, Shared},
    aws::told,
    index::{Crawler, Query},
    prometheus, routes,
    source::SourceHealth,
    time::rfc3339,
};

/// Over how long `videosPerMinute` is taken.
const RATE_MINUTES: u32 = 5;

/// Looks that are asked for are this far apart, however many ask.
const REFRESH_GAP: Duration = Duration::from_millis(250);

/// See the module.
pub(crate) struct Sampler {
    app: Shared,
    crawler: Crawler,
    queue: Watched<Depths>,
    dlq: Watched<Depths>,
    bucket: SourceHealth,
    history: VecDeque<QueuePoint>,
}

/// A source's last figures.
#[derive(Default)]
struct Watched<T> {
    last: T,
    health: SourceHealth,
}

/// Messages of a queue.
#[derive(Debug, Clone, Copy, Default)]
struct Depths {
    waiting: u64,
    in_flight: u64,
}

impl Sampler {
    pub(crate) fn new(app: Shared) -> Self {
        let config = &app.config;
        let crawler = Crawler::new(
            app.s3.clone(),
            config.s3_bucket.clone(),
            app.prefixes.clone(),
            app.manifests.clone(),
            config.index_requests.get(),
        );
        let mut dlq = Watched::default();
        if config.dlq_url().is_none() {
            dlq.health = SourceHealth::absent("SQS_DLQ_URL is not set".to_owned());
        }
        Self {
            crawler,
            queue: Watched::default(),
            dlq,
            bucket: SourceHealth::default(),
            history: VecDeque::with_capacity(HISTORY_POINTS),
            app,
        }
    }

    /// Looks until the service stops.
    pub(crate) async fn run(mut self) {
        let app = self.app.clone();
        let mut ticks = interval(app.config.sample_interval());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut last_look = Instant::now();
        loop {
            let scheduled = tokio::select! {
                biased;
                () = app.stop.cancelled() => return,
                _ = ticks.tick() => true,
                () = app.refresh_wanted() => {
                    tokio::time::sleep_until(last_look + REFRESH_GAP).await;
                    false
                }
            };
            Box::pin(self.look(scheduled)).await;
            last_look = Instant::now();
        }
    }

    async fn look(&mut self, scheduled: bool) {
        let app = Arc::clone(&self.app);
        let app = &*app;
        // Slower than this, and the next look would be late.
        let limit = app.config.sample_interval() * 9 / 10;
        let limit = limit.max(Duration::from_secs(2));
        let deadline = Instant::now() + limit;
        let late = || format!("no answer within {} s", limit.as_secs_f32());
        let dlq = async {
            match app.config.dlq_url() {
                Some(url) => timeout(limit, depths(app, url)).await.map(Some),
                None => Ok(None),
            }
        };
        let (queue, dlq, bucket) = tokio::join!(
            timeout(limit, depths(app, &app.config.sqs_queue_url)),
            dlq,
            timeout(limit, self.crawler.tick(&app.index, deadline)),
        );
        let answer = queue.unwrap_or_else(|_| Err(late()));
        let answered = self.queue.note(answer);
        match dlq {
            Ok(None) => {}
            Ok(Some(answer)) => drop(self.dlq.note(answer)),
            Err(_) => drop(self.dlq.note(Err(late()))),
        }
        let bucket = bucket.map_or_else(|_| Err(late()), |done| done.map_err(|e| e.to_string()));
        self.bucket.note(bucket);
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
        let app = &self.app;
        let pods = app.pods.list();
        let metrics = self.metrics(&pods);
        prometheus::show(&metrics);
        let newest = app.index.page(&Query {
            limit: routes::thumbnails::DEFAULT_LIMIT,
            ..Query::default()
        });
        let thumbnails = routes::thumbnails::views(app, &newest.entries).await;
        let thumbnails = thumbnails
            .inspect_err(|error| tracing::warn!(%error, "the thumbnails cannot be signed"))
            .ok();
        app.feed.publish(Update {
            queue: Some(Queue {
                depth: self.queue.last.waiting,
                in_flight: self.queue.last.in_flight,
                history: self.history.iter().cloned().collect(),
            }),
            metrics: Some(metrics),
            pods: Some(pods),
            // Those that were told before stay.
            thumbnails,
            operation: None,
        });
    }

    fn metrics(&self, pods: &[contract::api::Pod]) -> Metrics {
        let app = &self.app;
        let totals = app.index.totals();
        let finished = app.index.finished_within(RATE_MINUTES * 60);
        let has_dlq = app.config.dlq_url().is_some();
        let dlq = self.dlq.last;
        Metrics {
            queue_depth: self.queue.last.waiting,
            in_flight: self.queue.last.in_flight,
            total_thumbnails: totals.pictures,
            storage_bytes: totals.bytes,
            running_pods: pods.iter().filter(|pod| pod.status == "Running").count() as u64,
            total_pods: pods.len() as u64,
            dlq_depth: has_dlq.then_some(dlq.waiting),
            videos_processed: totals.videos,
            videos_failed: has_dlq.then_some(dlq.waiting + dlq.in_flight),
            bytes_fetched: totals.bytes_fetched,
            bytes_saved: totals.bytes_saved,
            videos_measured: totals.measured,
            videos_per_minute: finished as f64 / f64::from(RATE_MINUTES),
            index_complete: totals.complete,
            sources: Sources {
                queue: self.queue.health.source(),
                dlq: self.dlq.health.source(),
                bucket: self.bucket.source(),
                pods: app.pods.source(),
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

async fn depths(app: &App, queue_url: &str) -> Result<Depths, String> {
    let names = [
        QueueAttributeName::ApproximateNumberOfMessages,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    ];
    let request = app
        .sqs
        .get_queue_attributes()
        .queue_url(queue_url)
        .set_attribute_names(Some(names.to_vec()));
    let output = request
        .send()
        .await
        .map_err(|error| told("asking how long a queue is", &error))?;
    let attributes = output.attributes.unwrap_or_default();
    let [waiting, in_flight] = names.map(|name| attributes.get(&name)?.parse().ok());
    match (waiting, in_flight) {
        (Some(waiting), Some(in_flight)) => Ok(Depths { waiting, in_flight }),
        _ => Err("the queue does not tell its depth".to_owned()),
    }
}

/// Starts the sampler as a task of `app`.
pub(crate) fn spawn(app: &Shared) {
    let sampler = Sampler::new(Arc::clone(app));
    app.tasks.spawn(sampler.run());
}
