//! A stand-in for S3 and SQS that has any number of thumbnails at once, and counts what it is
//! asked.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use contract::Prefixes;
use tokio::net::TcpListener;

use super::Api;

/// When the first simulated video was made, in seconds since 1970; each later one a second later.
pub(crate) const EPOCH: i64 = 1_700_000_000;

const PAGE: usize = 1000;

/// Videos that have manifests.
pub(crate) const MANIFESTS: usize = 1000;

/// See the module. Ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Bucket(Arc<Shared>);

struct Shared {
    address: String,
    /// Key to time.
    objects: Mutex<BTreeMap<String, i64>>,
    lists: AtomicUsize,
    gets: AtomicUsize,
    queues: AtomicUsize,
    broken: Mutex<Option<&'static str>>,
}

impl Bucket {
    /// A bucket of `videos` videos with three thumbnails each. Only the first thousand have
    /// manifests: reading more takes an unoptimised build minutes, and costs requests that
    /// [`Bucket::counts`] shows just as well with a thousand.
    pub(crate) async fn start(videos: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let bucket = Self(Arc::new(Shared {
            address: listener.local_addr()?.to_string(),
            objects: Mutex::default(),
            lists: AtomicUsize::new(0),
            gets: AtomicUsize::new(0),
            queues: AtomicUsize::new(0),
            broken: Mutex::default(),
        }));
        for n in 0..videos {
            let (name, modified) = (format!("folder{}/video-{n:07}", n % 10), EPOCH + n as i64);
            bucket.add(&name, modified);
            if n >= MANIFESTS {
                bucket.remove_one(&format!("thumbnails/{name}.json"));
            }
        }
        let router = Router::new()
            .route("/", post(queue))
            .route("/videos", get(list))
            .route("/videos/", get(list))
            .route("/videos/{*key}", get(object))
            .with_state(bucket.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Ok(bucket)
    }

    /// Adds a video without a word in the journal.
    pub(crate) fn add(&self, name: &str, modified: i64) {
        let mut objects = self.0.objects.lock().unwrap();
        for end in ["_1.jpg", "_2.jpg", "_3.jpg", ".json"] {
            objects.insert(format!("thumbnails/{name}{end}"), modified);
        }
    }

    pub(crate) fn insert(&self, key: String, modified: i64) {
        self.0.objects.lock().unwrap().insert(key, modified);
    }

    fn remove_one(&self, key: &str) {
        self.0.objects.lock().unwrap().remove(key);
    }

    pub(crate) fn remove(&self, prefix: &str) {
        let mut objects = self.0.objects.lock().unwrap();
        objects.retain(|key, _| !key.starts_with(prefix));
    }

    /// Answers every request to S3 with 403 (which no client tries again) for this reason, or no
    /// longer.
    pub(crate) fn break_down(&self, reason: Option<&'static str>) {
        *self.0.broken.lock().unwrap() = reason;
    }

    /// Listings, reads and looks at the queue so far.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let load = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (
            load(&self.0.lists),
            load(&self.0.gets),
            load(&self.0.queues),
        )
    }

    /// Starts an API that looks at it, with these variables on top.
    pub(crate) async fn api(&self, extra: &[(&str, &str)]) -> Result<Api> {
        self.start_api(extra, None).await
    }

    /// Starts an API that looks at it, with a soft and a hard limit of file descriptors.
    pub(crate) async fn limited_api(&self, descriptors: (u32, u32)) -> Result<Api> {
        self.start_api(&[], Some(descriptors)).await
    }

    async fn start_api(
        &self,
        extra: &[(&str, &str)],
        descriptors: Option<(u32, u32)>,
    ) -> Result<Api> {
        let endpoint = format!("http://{}", self.0.address);
        let queue = format!("{endpoint}/1/queue");
        let own = [
            ("SQS_QUEUE_URL", queue.as_str()),
            ("AWS_ENDPOINT_URL", &endpoint),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("S3_BUCKET", "videos"),
        ];
        Api::start_limited(&[&own, extra].concat(), descriptors).await
    }

    fn refuse(&self) -> Option<Response> {
        let reason = (*self.0.broken.lock().unwrap())?;
        let body = format!("<Error><Code>AccessDenied</Code><Message>{reason}</Message></Error>");
        Some((StatusCode::FORBIDDEN, body).into_response())
    }
}

/// SQS's `GetQueueAttributes`: the depth is the count of looks, so that each tick differs from the
/// last.
async fn queue(State(bucket): State<Bucket>) -> Response {
    let looks = bucket.0.queues.fetch_add(1, Ordering::SeqCst);
    let body = format!(
        r#"{{"Attributes":{{"ApproximateNumberOfMessages":"{looks}","ApproximateNumberOfMessagesNotVisible":"0"}}}}"#
    );
    ([(header::CONTENT_TYPE, "application/x-amz-json-1.0")], body).into_response()
}

async fn list(
    State(bucket): State<Bucket>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    use std::fmt::Write as _;
    if let Some(refused) = bucket.refuse() {
        return refused;
    }
    bucket.0.lists.fetch_add(1, Ordering::SeqCst);
    let prefix = query.get("prefix").cloned().unwrap_or_default();
    let after = query.get("start-after").cloned().unwrap_or_default();
    let objects = bucket.0.objects.lock().unwrap();
    let mut found = objects
        .range(after.clone().max(prefix.clone())..)
        .filter(|(key, _)| **key > after)
        .take_while(|(key, _)| key.starts_with(&prefix));
    let page: Vec<_> = found.by_ref().take(PAGE).collect();
    let mut body = format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{}</IsTruncated>",
        found.next().is_some()
    );
    for (key, modified) in page {
        let time = DateTime::from_secs(*modified)
            .fmt(DateTimeFormat::DateTime)
            .unwrap();
        let _ = write!(
            body,
            "<Contents><Key>{key}</Key><LastModified>{time}</LastModified><ETag>\"e\"</ETag><Size>1000</Size></Contents>"
        );
    }
    body.push_str("</ListBucketResult>");
    ([(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

async fn object(State(bucket): State<Bucket>, Path(key): Path<String>) -> Response {
    if let Some(refused) = bucket.refuse() {
        return refused;
    }
    // What all instances of the API share is read beside the looks, at the same pace.
    if key != Prefixes::default().shared() {
        bucket.0.gets.fetch_add(1, Ordering::SeqCst);
    }
    let modified = bucket.0.objects.lock().unwrap().get(&key).copied();
    let Some(modified) = modified else {
        let body = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
        return (StatusCode::NOT_FOUND, body).into_response();
    };
    let name = key
        .trim_start_matches("thumbnails/")
        .trim_end_matches(".json");
    let body = super::manifest(name).to_string();
    let time = DateTime::from_secs(modified)
        .fmt(DateTimeFormat::HttpDate)
        .unwrap();
    ([(header::LAST_MODIFIED, time)], Bytes::from(body)).into_response()
}
