//! `S3Source` against the local S3, and against answers that no local S3 gives.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::SeqCst},
};

use aws_sdk_s3::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use devstack::{Stack, StackOptions};
use thumbcore::{RangeSource, S3Source};
use tokio::{net::TcpListener, task::JoinHandle};

fn config(endpoint: &str) -> aws_sdk_s3::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("id", "hunter2", None, None, "test"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
}

/// An S3 that gives every request the same answer.
struct Scripted {
    endpoint: String,
    seen: Arc<Mutex<Vec<(String, HeaderMap)>>>,
    task: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Scripted {
    async fn start(status: u16, headers: &[(&'static str, &'static str)], body: Bytes) -> Self {
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let status = StatusCode::from_u16(status).unwrap();
        let answer: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, header::HeaderValue::from_static(value))
            })
            .collect();
        let log = Arc::clone(&seen);
        let app = Router::new().fallback(
            move |method: axum::http::Method, headers: HeaderMap| async move {
                log.lock().unwrap().push((method.to_string(), headers));
                (status, answer, body)
            },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            endpoint,
            seen,
            task,
        }
    }

    async fn refusing(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>Says why.</Message></Error>");
        let region = [("x-amz-bucket-region", "eu-west-3")];
        Self::start(status, &region, body.into()).await
    }

    fn source(&self) -> S3Source {
        let client = Client::from_conf(config(&self.endpoint).build());
        S3Source::new(client, "bucket", "dir/clip.mp4")
    }
}

#[tokio::test]
async fn refusals_become_typed_errors() {
    for (status, code, kind, words) in [
        (404, "NoSuchKey", "not_found", "not found"),
        (404, "NoSuchBucket", "not_found", "not found"),
        (404, "NoSuchVersion", "not_found", "not found"),
        (403, "AccessDenied", "denied", "AccessDenied: Says why."),
        (
            403,
            "SignatureDoesNotMatch",
            "denied",
            "SignatureDoesNotMatch",
        ),
        (
            403,
            "RequestTimeTooSkewed",
            "denied",
            "RequestTimeTooSkewed",
        ),
        (400, "ExpiredToken", "denied", "ExpiredToken"),
        (403, "InvalidObjectState", "rejected", "Glacier"),
        (412, "PreconditionFailed", "changed", "changed"),
        (503, "SlowDown", "unavailable", "SlowDown"),
        (500, "InternalError", "unavailable", "InternalError"),
        (429, "TooManyRequests", "unavailable", "TooManyRequests"),
        (400, "RequestTimeout", "unavailable", "RequestTimeout"),
        (501, "NotImplemented", "rejected", "NotImplemented"),
        (301, "PermanentRedirect", "rejected", "eu-west-3"),
        (
            400,
            "InvalidRequest",
            "rejected",
            "InvalidRequest: Says why.",
        ),
    ] {
        let server = Scripted::refusing(status, code).await;
        let error = server.source().ends(10, 10).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{code}: {text}");
        assert!(text.contains(words), "{code}: {text}");
        assert!(text.contains("s3://bucket/dir/clip.mp4"), "{text}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_xml_still_counts_by_its_status() {
    let server = Scripted::start(502, &[], Bytes::from_static(b"<html>Bad gateway")).await;
    let error = server.source().stat().await.unwrap_err();
    assert_eq!(error.kind(), "unavailable", "{error}");
}

#[tokio::test]
async fn checksums_of_whole_objects_do_not_spoil_parts() {
    let headers = [
        ("content-range", "bytes 0-4/20"),
        ("etag", "\"one\""),
        // Of other bytes than the answer's.
        ("x-amz-checksum-crc32", "AAAAAA=="),
    ];
    let server = Scripted::start(206, &headers, Bytes::from_static(b"01234")).await;
    let bytes = server.source().read(0..5).await.unwrap();
    assert_eq!(&bytes[..], b"01234");
}

#[tokio::test]
async fn an_object_from_a_store_without_ranges_is_refused() {
    let whole = Bytes::from(vec![0; 200_000]);
    let server = Scripted::start(200, &[("etag", "\"one\"")], whole).await;
    let error = server.source().ends(1_000, 1_000).await.unwrap_err();
    assert_eq!(error.kind(), "no_ranges", "{error}");
}

#[tokio::test]
async fn another_version_in_the_second_answer_is_caught() {
    let headers = [("content-range", "bytes 0-4/20"), ("etag", "\"one\"")];
    let server = Scripted::start(206, &headers, Bytes::from_static(b"01234")).await;
    let source = server.source();
    source.read(0..5).await.unwrap();
    source.read(0..5).await.unwrap();
    let seen = server.seen.lock().unwrap().clone();
    assert_eq!(seen[0].1.get("if-match"), None);
    assert_eq!(seen[1].1.get("if-match").unwrap(), "\"one\"");
    assert!(seen.iter().all(|(method, _)| method == "GET"));
}

#[tokio::test]
async fn no_server_is_an_io_error_and_no_credentials_are_denied() {
    let server = Scripted::refusing(500, "unused").await;
    let nobody = Client::from_conf(
        Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(&server.endpoint)
            .retry_config(RetryConfig::disabled())
            .credentials_provider(NoCredentials)
            .build(),
    );
    let error = S3Source::new(nobody, "bucket", "key")
        .stat()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "denied", "{error}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::from_conf(config(&endpoint).build());
    let error = S3Source::new(client, "bucket", "key")
        .stat()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "io", "{error}");
    assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[derive(Debug)]
struct NoCredentials;

impl aws_sdk_s3::config::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(
        &'a self,
    ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error =
            aws_credential_types::provider::error::CredentialsError::not_loaded("none here");
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn the_clients_timeouts_and_retries_hold() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let attempts = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&attempts);
    let app = Router::new().fallback(move || async move {
        count.fetch_add(1, SeqCst);
        std::future::pending::<()>().await;
    });
    let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(std::time::Duration::from_millis(100))
        .build();
    let client = Client::from_conf(config(&endpoint).timeout_config(timeouts).build());
    let error = S3Source::new(client, "bucket", "key")
        .read(0..10)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "io", "{error}");
    assert_eq!(attempts.load(SeqCst), 1, "retries are disabled");
    server.abort();
}

/// One stack for all of it: each takes a second to start.
#[tokio::test]
async fn against_the_local_s3() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    let (s3, bucket) = (stack.s3(), stack.bucket());

    let error = S3Source::new(s3.clone(), "no-such-bucket", "key")
        .ends(10, 10)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "not_found", "{error}");

    // Versions, and a key that needs escaping.
    let versioning = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    s3.put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(versioning)
        .send()
        .await
        .unwrap();
    let key = "dir/ein Käse+1.mp4";
    let put = |body: &'static [u8]| {
        let put = s3.put_object().bucket(bucket).key(key);
        put.body(Bytes::from_static(body).into()).send()
    };
    let first = put(b"the first version").await.unwrap();
    let first = first.version_id().unwrap().to_owned();
    let current = S3Source::new(s3.clone(), bucket, key);
    current.stat().await.unwrap();
    put(b"the second").await.unwrap();

    let old = S3Source::new(s3.clone(), bucket, key).version_id(&first);
    let ends = old.ends(3, 7).await.unwrap();
    assert_eq!(
        (&ends.head[..], &ends.tail[..]),
        (&b"the"[..], &b"version"[..])
    );
    assert_eq!(&old.read(4..9).await.unwrap()[..], b"first");
    assert_eq!(current.read(0..3).await.unwrap_err().kind(), "changed");

    s3.delete_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .unwrap();
    let gone = S3Source::new(s3.clone(), bucket, key);
    assert_eq!(gone.stat().await.unwrap_err().kind(), "not_found");
}
