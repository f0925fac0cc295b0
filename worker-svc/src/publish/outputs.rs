//! The outputs of a video: which objects, under which keys, with which metadata.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use contract::{
    Manifest, ManifestRead, ManifestRendition, ManifestThumbnail, MediaFacts, Origin, OutputName,
    Timings, metadata,
};
use thumbcore::{Extraction, ImageFormat, Rendition, Thumbnail};

use crate::{
    config::Widths,
    plan::Job,
    store::{Head, Object},
};

/// Pictures are overwritten in place when a video is, so caches may keep them for an hour only.
const PICTURE_CACHE: &str = "public, max-age=3600";
pub(super) const MANIFEST_CACHE: &str = "no-cache";

/// How many pictures a video gets, in which widths and format, and the settings they are made with.
#[derive(Debug, Clone)]
pub(crate) struct Outputs {
    pub(crate) pictures: usize,
    pub(crate) widths: Widths,
    pub(crate) format: ImageFormat,
    /// The settings hash.
    pub(crate) settings: String,
}

/// The pictures of one version of a video.
#[derive(Clone, Copy)]
pub(crate) struct Made<'a> {
    pub(crate) job: &'a Job,
    /// The version, without quotes.
    pub(crate) etag: &'a str,
    pub(crate) extraction: &'a Extraction,
}

impl Outputs {
    /// How many of the pictures that a video gets are there, each in every width, and not empty.
    pub(crate) fn complete_pictures(&self, extraction: &Extraction) -> usize {
        let widths = self.widths.iter().count();
        let is_complete = |thumbnail: &&Thumbnail| {
            let renditions = &thumbnail.renditions;
            renditions.len() == widths && renditions.iter().all(|one| !one.image.is_empty())
        };
        extraction.thumbnails.iter().filter(is_complete).count()
    }

    /// The keys of all pictures in all widths. The first one claims the name.
    pub(super) fn keys(&self, name: &OutputName) -> Vec<String> {
        (1..=self.pictures)
            .flat_map(|number| self.keys_of(name, number))
            .collect()
    }

    /// The keys of one picture, in the order of the widths.
    fn keys_of(&self, name: &OutputName, number: usize) -> Vec<String> {
        let extension = self.format.extension();
        let mut keys = vec![name.thumbnail(number, extension)];
        let further = self.widths.further.iter();
        keys.extend(further.map(|width| name.rendition(number, *width, extension)));
        keys
    }

    /// The key that claims a name.
    pub(super) fn claim_key(&self, name: &OutputName) -> String {
        name.thumbnail(1, self.format.extension())
    }

    /// The version of the video that an output was made from, if with today's settings.
    pub(super) fn version<'a>(&self, head: Option<&'a Head>) -> Option<&'a String> {
        let metadata = &head?.metadata;
        let is_current = metadata.get(metadata::SETTINGS) == Some(&self.settings);
        metadata.get(metadata::SOURCE_ETAG).filter(|_| is_current)
    }

    /// The pictures as objects, in the order of [`keys`](Self::keys).
    pub(super) fn objects(&self, name: &OutputName, made: Made<'_>) -> Vec<Object> {
        let mut objects = Vec::new();
        for (index, thumbnail) in made.extraction.thumbnails.iter().enumerate() {
            let mut metadata = self.metadata(made.job, made.etag);
            for (entry, time) in [
                (metadata::TARGET, thumbnail.target),
                (metadata::ACTUAL, thumbnail.actual),
            ] {
                metadata.insert(entry.to_owned(), format!("{:.3}", time.as_secs_f64()));
            }
            let keys = self.keys_of(name, index + 1).into_iter();
            objects.extend(
                keys.zip(&thumbnail.renditions)
                    .map(|(key, rendition)| Object {
                        key,
                        body: rendition.image.clone(),
                        content_type: thumbnail.format.media_type(),
                        cache_control: PICTURE_CACHE,
                        metadata: metadata.clone(),
                    }),
            );
        }
        objects
    }

    /// The manifest of pictures whose upload took so long.
    pub(super) fn manifest(&self, name: &OutputName, made: Made<'_>, upload: Duration) -> Manifest {
        let Extraction {
            media,
            thumbnails,
            stats,
            ..
        } = made.extraction;
        let thumbnails = thumbnails.iter().enumerate();
        Manifest {
            schema_version: contract::manifest::SCHEMA_VERSION,
            source_key: made.job.key.clone(),
            source_etag: made.etag.to_owned(),
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
                .filter_map(|(index, thumbnail)| self.entry(name, index + 1, thumbnail))
                .collect(),
            bytes_fetched: stats.bytes_fetched,
            requests: stats.requests,
            round_trips: stats.round_trips,
            reads: reads(&stats.reads),
            timings: Timings {
                extract_ms: stats.wall.as_millis() as u64,
                cpu_ms: stats.cpu.as_millis() as u64,
                upload_ms: upload.as_millis() as u64,
            },
            storyboard: None,
            preview: None,
        }
    }

    /// A picture's entry in the manifest; `None` for a picture without any rendition.
    fn entry(
        &self,
        name: &OutputName,
        number: usize,
        thumbnail: &Thumbnail,
    ) -> Option<ManifestThumbnail> {
        let keys = self.keys_of(name, number).into_iter();
        let mut renditions = keys.zip(&thumbnail.renditions).map(rendition);
        let first = renditions.next()?;
        Some(ManifestThumbnail {
            key: first.key,
            target_s: thumbnail.target.as_secs_f64(),
            actual_s: thumbnail.actual.as_secs_f64(),
            width: first.width,
            height: first.height,
            bytes: first.bytes,
            origin: origin(thumbnail.origin),
            renditions: renditions.collect(),
        })
    }

    pub(super) fn manifest_object(
        &self,
        job: &Job,
        name: &OutputName,
        manifest: &Manifest,
    ) -> Object {
        Object {
            key: name.manifest(),
            // Serialising plain data to memory cannot fail.
            body: Bytes::from(serde_json::to_vec(manifest).unwrap_or_default()),
            content_type: "application/json",
            cache_control: MANIFEST_CACHE,
            metadata: self.metadata(job, &manifest.source_etag),
        }
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
}

fn rendition((key, rendition): (String, &Rendition)) -> ManifestRendition {
    ManifestRendition {
        key,
        width: rendition.width,
        height: rendition.height,
        bytes: rendition.image.len() as u64,
    }
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
