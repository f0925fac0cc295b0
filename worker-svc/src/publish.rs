//! A video's outputs in the bucket: who owns a name, what is done, uploading.
//!
//! Two videos may want one name, two workers may have one video, and any of them may die half way.
//! What holds then rests on three rules:
//!
//! - The metadata of the first picture and of the manifest tell whose a name is. A free name is
//!   claimed by writing the first picture only if there is none (`If-None-Match`). The others go up
//!   at the same time, in the same way; the loser of a claim may have written one of them, which
//!   the winner then overwrites.
//! - The manifest is written last, and 'done' means that every picture and the manifest carry the
//!   same version and settings.
//! - After publishing, the caller checks that the video is still the version it read. If two
//!   workers read two versions, the one that writes last finds out, whichever it is.

use std::{
    collections::HashMap,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use contract::{
    Manifest, ManifestRead, ManifestThumbnail, MediaFacts, Origin, OutputName, Prefixes, Timings,
    metadata,
};
use futures::future::try_join_all;
use service_kit::aws::Written;
use thumbcore::{Extraction, ImageFormat, Thumbnail};

use crate::{
    failure::Failure,
    plan::Job,
    store::{Head, Object, Store, StoreError},
};

/// Pictures are overwritten in place when a video is, so caches may keep them for an hour only.
const PICTURE_CACHE: &str = "public, max-age=3600";
const MANIFEST_CACHE: &str = "no-cache";

/// How often a claim may be lost before the message is left for later. One more than there are
/// names, and some for writes that were under way and failed.
const MAX_CLAIMS: usize = 6;

/// How many outputs a video gets, in which format, and the settings they are made with.
#[derive(Debug, Clone)]
pub(crate) struct Publisher {
    store: Store,
    prefixes: Prefixes,
    pictures: usize,
    format: ImageFormat,
    settings: String,
}

/// Whose a name is.
enum Claim {
    Free,
    Ours {
        /// The version its first picture and manifest agree on, if they do.
        etag: Option<String>,
    },
    Others,
}

impl Publisher {
    pub(crate) fn new(
        store: Store,
        prefixes: Prefixes,
        pictures: usize,
        format: ImageFormat,
        settings: String,
    ) -> Self {
        Self {
            store,
            prefixes,
            pictures,
            format,
            settings,
        }
    }

    /// Whether all outputs of the job are there, made from the version the event is about or, if
    /// it does not tell or is outdated, the current one.
    pub(crate) async fn is_done(&self, job: &Job) -> Result<bool, Failure> {
        let (name, claim) = self.find_name(job).await?;
        let Claim::Ours { etag: Some(etag) } = claim else {
            return Ok(false);
        };
        if job.etag.as_ref() != Some(&etag) {
            let current = self.store.head(&job.key).await?;
            if current.is_none_or(|head| head.etag != etag) {
                return Ok(false);
            }
        }
        let others = (2..=self.pictures).map(|number| self.head_output(job, &name, number));
        let others = try_join_all(others).await?;
        Ok(others
            .iter()
            .all(|head| self.version(head.as_ref()) == Some(&etag)))
    }

    async fn head_output(
        &self,
        job: &Job,
        name: &OutputName,
        number: usize,
    ) -> Result<Option<Head>, StoreError> {
        let head = self.store.head(&self.picture_key(name, number)).await?;
        Ok(head.filter(|head| owner(head) == Some(&metadata::encode_key(&job.key))))
    }

    /// Uploads the pictures, then the manifest, under the first name that is free or the job's own.
    pub(crate) async fn publish(
        &self,
        job: &Job,
        etag: &str,
        extraction: &Extraction,
    ) -> Result<Manifest, Failure> {
        for _ in 0..MAX_CLAIMS {
            let (name, claim) = self.find_name(job).await?;
            let began = Instant::now();
            let pictures = self.pictures(job, &name, etag, extraction);
            let claimed = match claim {
                Claim::Ours { .. } => {
                    try_join_all(pictures.into_iter().map(|picture| self.store.put(picture)))
                        .await?;
                    true
                }
                Claim::Free => self.claim(pictures).await?,
                Claim::Others => false,
            };
            if !claimed {
                continue;
            }
            let manifest = self.manifest(job, &name, etag, extraction, began);
            self.store
                .put(self.manifest_object(job, &name, &manifest))
                .await?;
            self.announce(&name).await;
            return Ok(manifest);
        }
        Err(Failure::Contended)
    }

    /// Leaves an entry in the journal. Whoever reads it finds the video later without it, so a
    /// failure is no reason to do the video again.
    async fn announce(&self, name: &OutputName) {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.map_or(0, |elapsed| elapsed.as_millis() as u64);
        let Some(key) = self.prefixes.recent_key(name, millis) else {
            return;
        };
        let entry = Object {
            key,
            body: Bytes::new(),
            content_type: "application/octet-stream",
            cache_control: MANIFEST_CACHE,
            metadata: HashMap::new(),
        };
        if let Err(error) = self.store.put(entry).await {
            tracing::warn!(%error, "the journal has no entry of a video");
        }
    }

    /// Writes the pictures under a free name; `false` if another took it.
    async fn claim(&self, pictures: Vec<Object>) -> Result<bool, StoreError> {
        let writes = pictures
            .iter()
            .map(|picture| self.store.put_if_absent(picture.clone()));
        let written = try_join_all(writes).await?;
        if written.first() != Some(&Written::Yes) {
            return Ok(false);
        }
        let taken = pictures
            .into_iter()
            .zip(written)
            .filter(|(_, written)| *written == Written::Taken)
            .map(|(picture, _)| {
                tracing::warn!(
                    key = picture.key,
                    "overwriting a picture left by another video"
                );
                self.store.put(picture)
            });
        try_join_all(taken).await?;
        Ok(true)
    }

    /// The first of the job's names that is not another's.
    async fn find_name(&self, job: &Job) -> Result<(OutputName, Claim), StoreError> {
        let mut last = None;
        for name in &job.names {
            let claim = self.whose(name, &job.key).await?;
            if !matches!(claim, Claim::Others) {
                return Ok((name.clone(), claim));
            }
            last = Some((name.clone(), claim));
        }
        // The last name has a digest of the key in it: only an object nobody expects is there.
        Ok(last.unwrap_or_else(|| (job.names[0].clone(), Claim::Others)))
    }

    async fn whose(&self, name: &OutputName, key: &str) -> Result<Claim, StoreError> {
        let (picture, manifest) = (self.picture_key(name, 1), name.manifest());
        let (picture, manifest) =
            futures::try_join!(self.store.head(&picture), self.store.head(&manifest))?;
        let ours = metadata::encode_key(key);
        let is_others =
            |head: &Option<Head>| head.as_ref().is_some_and(|head| owner(head) != Some(&ours));
        if is_others(&picture) || is_others(&manifest) {
            return Ok(Claim::Others);
        }
        if picture.is_none() {
            return Ok(Claim::Free);
        }
        let etag = self.version(picture.as_ref());
        Ok(Claim::Ours {
            etag: etag
                .filter(|etag| self.version(manifest.as_ref()) == Some(etag))
                .cloned(),
        })
    }

    /// The version an output was made from, if with today's settings.
    fn version<'a>(&self, head: Option<&'a Head>) -> Option<&'a String> {
        let metadata = &head?.metadata;
        let current = metadata.get(metadata::SETTINGS) == Some(&self.settings);
        metadata.get(metadata::SOURCE_ETAG).filter(|_| current)
    }

    fn picture_key(&self, name: &OutputName, number: usize) -> String {
        name.thumbnail(number, self.format.extension())
    }

    fn metadata(&self, job: &Job, etag: &str) -> HashMap<String, String> {
        [
            (metadata::SOURCE_KEY, metadata::encode_key(&job.key)),
            (metadata::SOURCE_ETAG, etag.to_owned()),
            (metadata::SETTINGS, self.settings.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn pictures(
        &self,
        job: &Job,
        name: &OutputName,
        etag: &str,
        extraction: &Extraction,
    ) -> Vec<Object> {
        let picture = |(index, thumbnail): (usize, &Thumbnail)| {
            let mut metadata = self.metadata(job, etag);
            for (name, time) in [
                (metadata::TARGET, thumbnail.target),
                (metadata::ACTUAL, thumbnail.actual),
            ] {
                metadata.insert(name.to_owned(), format!("{:.3}", time.as_secs_f64()));
            }
            Object {
                key: self.picture_key(name, index + 1),
                body: thumbnail.image().clone(),
                content_type: thumbnail.format.media_type(),
                cache_control: PICTURE_CACHE,
                metadata,
            }
        };
        extraction
            .thumbnails
            .iter()
            .enumerate()
            .map(picture)
            .collect()
    }

    fn manifest(
        &self,
        job: &Job,
        name: &OutputName,
        etag: &str,
        extraction: &Extraction,
        began: Instant,
    ) -> Manifest {
        let Extraction {
            media,
            thumbnails,
            stats,
            ..
        } = extraction;
        Manifest {
            schema_version: contract::manifest::SCHEMA_VERSION,
            source_key: job.key.clone(),
            source_etag: etag.to_owned(),
            source_bytes: stats.source_bytes,
            settings: self.settings.clone(),
            created_at: now(),
            media: MediaFacts {
                container: media.container.as_str().to_owned(),
                codec: media.codec.as_str().to_owned(),
                width: media.width,
                height: media.height,
                duration_s: media.duration.map(|duration| duration.as_secs_f64()),
            },
            thumbnails: thumbnails
                .iter()
                .enumerate()
                .map(|(index, thumbnail)| ManifestThumbnail {
                    key: self.picture_key(name, index + 1),
                    target_s: thumbnail.target.as_secs_f64(),
                    actual_s: thumbnail.actual.as_secs_f64(),
                    width: thumbnail.width(),
                    height: thumbnail.height(),
                    bytes: thumbnail.image().len() as u64,
                    origin: origin(thumbnail.origin),
                })
                .collect(),
            bytes_fetched: stats.bytes_fetched,
            requests: stats.requests,
            round_trips: stats.round_trips,
            reads: reads(&stats.reads),
            timings: Timings {
                extract_ms: stats.wall.as_millis() as u64,
                cpu_ms: stats.cpu.as_millis() as u64,
                upload_ms: began.elapsed().as_millis() as u64,
            },
        }
    }

    fn manifest_object(&self, job: &Job, name: &OutputName, manifest: &Manifest) -> Object {
        Object {
            key: name.manifest(),
            // Serialising plain data to memory cannot fail.
            body: Bytes::from(serde_json::to_vec(manifest).unwrap_or_default()),
            content_type: "application/json",
            cache_control: MANIFEST_CACHE,
            metadata: self.metadata(job, &manifest.source_etag),
        }
    }
}

fn owner(head: &Head) -> Option<&String> {
    head.metadata.get(metadata::SOURCE_KEY)
}

fn reads(reads: &[thumbcore::RangeRead]) -> Vec<ManifestRead> {
    let reads = reads.iter().take(contract::manifest::MAX_READS);
    reads
        .map(|read| ManifestRead {
            start: read.start,
            bytes: read.end - read.start,
        })
        .collect()
}

fn origin(origin: thumbcore::Origin) -> Origin {
    match origin {
        thumbcore::Origin::Keyframe => Origin::Keyframe,
        thumbcore::Origin::Decoded => Origin::Decoded,
        _ => Origin::Fallback,
    }
}

fn now() -> String {
    use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
    DateTime::from(SystemTime::now())
        .fmt(DateTimeFormat::DateTime)
        .unwrap_or_default()
}
