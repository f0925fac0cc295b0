//! A guest in a process that belongs to others: their runtime, their clock, their logs, their
//! crypto.

use std::{
    ops::Range,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{executor::block_on, future::join_all};
use thumbcore::{Cpus, Extractor, HttpSource, RangeSource, SourceError, Stat};
use tokio::{runtime, sync::oneshot};
use tracing::Instrument;

use crate::support::{memory, one_picture, pictures, tiny};

#[test]
fn without_a_runtime_an_error_says_so() {
    let extractor = one_picture().build().unwrap();
    let error = block_on(extractor.extract(memory(&tiny("mp4")))).unwrap_err();
    assert!(error.to_string().contains("tokio runtime"), "{error}");
    assert_eq!((error.kind(), error.is_transient()), ("invalid", false));
}

#[test]
fn a_runtime_without_timers_does_unless_the_source_wants_them() {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    let extractor = one_picture().build().unwrap();
    let extraction = runtime.block_on(extractor.extract(memory(&tiny("mp4"))));
    assert_eq!(extraction.unwrap().thumbnails.len(), 1);
    let source = HttpSource::new("http://127.0.0.1:9/clip.mp4").unwrap();
    let error = runtime.block_on(extractor.extract(Arc::new(source)));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("runtime"), "{error}");
}

/// Answers on a thread of its own, after some real time.
#[derive(Debug)]
struct Elsewhere(Arc<dyn RangeSource>);

#[async_trait]
impl RangeSource for Elsewhere {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.0.stat().await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let (tell, told) = oneshot::channel();
        let inner = Arc::clone(&self.0);
        thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            tell.send(block_on(inner.read(range)))
        });
        told.await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_clock_does_no_harm() {
    let extractor = one_picture().cpus(Cpus::new(1)).build().unwrap();
    let path = tiny("ts");
    let alone = extractor.extract(memory(&path)).await.unwrap();
    let calls = (0..4).map(|_| extractor.extract(Arc::new(Elsewhere(memory(&path)))));
    for extraction in join_all(calls).await {
        assert_eq!(pictures(&extraction.unwrap()), pictures(&alone));
    }
}

/// Notes in which span each read is made.
#[derive(Debug)]
struct Spans {
    inner: Arc<dyn RangeSource>,
    seen: Mutex<Vec<Option<&'static str>>>,
}

#[async_trait]
impl RangeSource for Spans {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.inner.stat().await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        let span = tracing::Span::current()
            .metadata()
            .map(tracing::Metadata::name);
        self.seen.lock().unwrap().push(span);
        self.inner.read(range).await
    }
}

#[tokio::test]
async fn spans_follow_the_work_onto_its_thread() {
    let subscriber = tracing_subscriber::registry();
    let _default = tracing::subscriber::set_default(subscriber);
    let spans = Arc::new(Spans {
        inner: memory(&tiny("mp4")),
        seen: Mutex::default(),
    });
    let source: Arc<dyn RangeSource> = spans.clone();
    let extractor = one_picture().build().unwrap();
    let extract = async {
        let video = extractor.open(source).await.unwrap();
        video.extract(&thumbcore::Request::new()).await.unwrap();
    };
    extract.instrument(tracing::info_span!("upload")).await;
    let seen = spans.seen.lock().unwrap();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|span| *span == Some("upload")), "{seen:?}");
}

#[test]
fn the_programs_crypto_provider_is_its_own_affair() {
    use rustls::crypto::{CryptoProvider, aws_lc_rs};

    let _client = HttpSource::client().unwrap();
    assert!(CryptoProvider::get_default().is_none(), "one was installed");
    aws_lc_rs::default_provider().install_default().unwrap();
    HttpSource::new("https://example.com/clip.mp4").unwrap();
}

#[tokio::test]
async fn results_have_no_spare_capacity() {
    use thumbcore::ImageFormat::{Avif, Jpeg, WebP};

    for format in [Jpeg, WebP, Avif] {
        let extractor = one_picture().format(format).build().unwrap();
        let extraction = extractor.extract(memory(&tiny("mp4"))).await.unwrap();
        let mut thumbnails = extraction.thumbnails;
        let image = thumbnails.remove(0).renditions.remove(0).image;
        let len = image.len();
        assert_eq!(Vec::from(image).capacity(), len, "{format:?}");
    }
}

#[tokio::test]
async fn clones_and_videos_can_be_used_from_any_task() {
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}

    let extractor = Extractor::builder().build().unwrap();
    is_shared(&extractor);
    is_shared(&extractor.open(memory(&tiny("mp4"))).await.unwrap());
}
