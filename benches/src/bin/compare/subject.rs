//! What is measured, laid out as the server serves it.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client,
    config::{BehaviorVersion, Region, retry::RetryConfig},
    presigning::PresigningConfig,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use benches::media::{Film, Index};
use devstack::media::Clip;

use crate::server::{ACCESS_KEY, REGION, SECRET_KEY};

pub(crate) const BUCKET: &str = "films";

/// The name of the subject of many small files.
pub(crate) const BATCH: &str = "batch";

/// The extensions of a batch's files, in turn: always the same, so that figures can be compared.
const BATCHED: [&str; 10] = [
    "mp4", "mov", "mkv", "avi", "webm", "wmv", "flv", "m4v", "ts", "3gp",
];

/// A film, or a batch of small ones.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) index: Index,
    pub(crate) objects: Vec<Object>,
}

/// One file in the bucket.
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) path: PathBuf,
    /// For clients that know only URLs; secret for an hour.
    pub(crate) url: String,
}

/// A folder that is served as S3.
pub(crate) struct Store {
    root: PathBuf,
    client: Client,
}

impl Store {
    pub(crate) fn new(root: &Path, endpoint: &str) -> anyhow::Result<Self> {
        fs::create_dir_all(root.join(BUCKET))?;
        Ok(Self {
            root: root.to_owned(),
            client: Self::client_of(endpoint),
        })
    }

    /// A client of the server at `endpoint`.
    pub(crate) fn client_of(endpoint: &str) -> Client {
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(endpoint)
            .force_path_style(true)
            .credentials_provider(Credentials::new(
                ACCESS_KEY, SECRET_KEY, None, None, "bench",
            ))
            // thumbcore's reader retries; both would multiply.
            .retry_config(RetryConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    /// Puts the file at `path` into the bucket, without copying it.
    pub(crate) async fn put(&self, key: &str, path: &Path) -> anyhow::Result<Object> {
        let path = fs::canonicalize(path)?;
        let link = self.root.join(BUCKET).join(key);
        if link.is_symlink() {
            fs::remove_file(&link)?;
        }
        symlink(&path, &link)?;
        // s3s-fs would read the whole file for each request to make its ETag, unless it lies where
        // an upload leaves it.
        let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let name = format!(
            ".bucket-{}.object-{}.internal.json",
            encode(BUCKET),
            encode(key)
        );
        let tag = format!("{:032x}", path.metadata()?.len());
        fs::write(
            self.root.join(name),
            serde_json::json!({ "e_tag": tag }).to_string(),
        )?;
        let valid = PresigningConfig::expires_in(std::time::Duration::from_hours(1))?;
        let signed = self.client.get_object().bucket(BUCKET).key(key);
        let url = signed.presigned(valid).await?.uri().to_owned();
        Ok(Object {
            key: key.to_owned(),
            path,
            url,
        })
    }

    /// The film, made first if need be.
    pub(crate) async fn film(&self, film: &Film, bytes: u64) -> anyhow::Result<Subject> {
        let path = film.make(bytes)?;
        let key = format!("{}.{}", film.name, film.extension);
        Ok(Subject {
            name: film.name.to_owned(),
            title: film.title.to_owned(),
            index: film.index,
            objects: vec![self.put(&key, &path).await?],
        })
    }

    /// `count` small files of all containers, as a bucket fills with over a day.
    pub(crate) async fn batch(&self, count: usize) -> anyhow::Result<Subject> {
        let mut objects = Vec::new();
        for n in 0..count {
            let extension = BATCHED[n % BATCHED.len()];
            let path = Clip::new(extension).make()?;
            let key = format!("batch-{n:03}.{extension}");
            objects.push(self.put(&key, &path).await?);
        }
        Ok(Subject {
            name: BATCH.to_owned(),
            title: format!("{count} small files"),
            index: Index::Small,
            objects,
        })
    }
}

impl Subject {
    /// Size of all files, in bytes.
    pub(crate) fn bytes(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for object in &self.objects {
            sum += object.path.metadata()?.len();
        }
        Ok(sum)
    }
}
