//! Every source keeps the contract of `RangeSource`: files on disk, HTTP and S3 over real sockets.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use thumbcore::{
    FileSource, HttpSource, MemorySource, RangeSource, S3Source, SourceError,
    source::{
        conformance::{self, Fixture, FixtureError},
        testing::{Fault, Faults, Trace},
    },
};

use crate::server::{Quirk, Server};

#[derive(Default)]
struct Memory {
    files: Mutex<HashMap<String, Bytes>>,
}

#[async_trait]
impl Fixture for Memory {
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError> {
        self.files.lock().unwrap().insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError> {
        match self.files.lock().unwrap().get(key) {
            Some(bytes) => Ok(Arc::new(MemorySource::new(key, bytes.clone()))),
            None => Err(SourceError::not_found(key)),
        }
    }

    fn overwrites_show(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn memory() {
    conformance::run(&Memory::default()).await.unwrap();
}

struct Files(tempfile::TempDir);

#[async_trait]
impl Fixture for Files {
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError> {
        // As most programs save: whole, under a new inode. A rewrite in place within one tick of
        // the file system's clock leaves no trace to find.
        let mut new = tempfile::NamedTempFile::new_in(self.0.path())?;
        std::io::Write::write_all(&mut new, &bytes)?;
        new.persist(self.0.path().join(key))?;
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError> {
        Ok(Arc::new(FileSource::open(self.0.path().join(key)).await?))
    }
}

#[tokio::test]
async fn file() {
    let folder = tempfile::tempdir().unwrap();
    conformance::run(&Files(folder)).await.unwrap();
}

struct Http {
    server: Server,
    client: reqwest::Client,
}

impl Http {
    async fn start(quirk: Quirk) -> Self {
        Self {
            server: Server::start(quirk).await,
            client: HttpSource::client().unwrap(),
        }
    }
}

#[async_trait]
impl Fixture for Http {
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError> {
        self.server.store(key, bytes);
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError> {
        let url = format!(
            "http://alice:hunter2@{}/{key}?sig=s3cr3t",
            self.server.address()
        );
        let source = HttpSource::with_client(&url, self.client.clone())?;
        Ok(Arc::new(source))
    }

    fn secrets(&self) -> Vec<String> {
        ["alice", "hunter2", "s3cr3t"].map(Into::into).to_vec()
    }
}

#[tokio::test]
async fn http() {
    let fixture = Http::start(Quirk::None).await;
    conformance::run(&fixture).await.unwrap();
}

/// Servers that do less than they might, and for which the contract holds all the same.
#[tokio::test]
async fn http_with_quirks() {
    for quirk in [
        Quirk::SuffixIgnored,
        Quirk::SuffixRefused,
        Quirk::SuffixMisread,
        Quirk::SuffixTooLongRefused,
        Quirk::BareUnsatisfiable,
        Quirk::LastModified,
        Quirk::WeakEtag,
        Quirk::IgnoresIfMatch,
    ] {
        let fixture = Http::start(quirk).await;
        let result = conformance::run(&fixture).await;
        assert!(result.is_ok(), "{quirk:?}: {}", result.unwrap_err());
    }
}

struct S3(devstack::Stack);

#[async_trait]
impl Fixture for S3 {
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError> {
        let put = self.0.s3().put_object().bucket(self.0.bucket()).key(key);
        put.body(bytes.into()).send().await?;
        Ok(())
    }

    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError> {
        let client = self.0.s3().clone();
        Ok(Arc::new(S3Source::new(client, self.0.bucket(), key)))
    }
}

#[tokio::test]
async fn s3() {
    let stack = devstack::Stack::start(devstack::StackOptions::default())
        .await
        .unwrap();
    conformance::run(&S3(stack)).await.unwrap();
}

/// The suite itself: it finds what is broken.
struct Broken {
    memory: Memory,
    wrap: fn(Arc<dyn RangeSource>) -> Arc<dyn RangeSource>,
    overwrites_show: bool,
}

#[async_trait]
impl Fixture for Broken {
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError> {
        self.memory.store(key, bytes).await
    }

    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError> {
        Ok((self.wrap)(self.memory.open(key).await?))
    }

    fn overwrites_show(&self) -> bool {
        self.overwrites_show
    }

    fn secrets(&self) -> Vec<String> {
        vec!["secrets".to_owned()]
    }
}

async fn promise_broken(
    overwrites_show: bool,
    wrap: fn(Arc<dyn RangeSource>) -> Arc<dyn RangeSource>,
) -> &'static str {
    let broken = Broken {
        memory: Memory::default(),
        wrap,
        overwrites_show,
    };
    conformance::run(&broken).await.unwrap_err().promise
}

#[tokio::test]
async fn the_suite_finds_broken_sources() {
    assert_eq!(
        promise_broken(false, |inner| Arc::new(
            Faults::new(inner).at(0, Fault::Reset)
        ))
        .await,
        "stat succeeds"
    );
    assert_eq!(
        promise_broken(false, |inner| Arc::new(
            Faults::new(inner).at(1, Fault::ShortRead)
        ))
        .await,
        "stat does not change its mind"
    );
    assert_eq!(
        promise_broken(true, |inner| Arc::new(Trace::new(inner))).await,
        "an overwritten file is Changed and no versions are mixed"
    );
    // Memory's name is the key, and one of the keys is the "secret".
    assert_eq!(
        promise_broken(false, |inner| Arc::new(Trace::new(inner))).await,
        "names and errors hold no secret"
    );
}
