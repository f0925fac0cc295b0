//! The outputs of a video: which objects, under which keys, with which metadata.

use std::{
    collections::HashMap,
    iter,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use contract::{
    Manifest, ManifestCandidate, ManifestRead, ManifestRendition, ManifestThumbnail, MediaFacts,
    Origin, OutputName, Timings, metadata,
};
use thumbcore::{Candidate, Extraction, ImageFormat, Rendition, Thumbnail};

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
    /// Pictures with numbers.
    pub(crate) pictures: usize,
    /// A picture without a number follows them.
    pub(crate) has_cover: bool,
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
    /// How many pictures a video gets.
    pub(crate) fn count(&self) -> usize {
        self.pictures + usize::from(self.has_cover)
    }

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
        (0..self.count())
            .flat_map(|nth| self.keys_of(name, nth))
            .collect()
    }

    /// The keys of the `nth` picture, counted from 0, in the order of the widths. The cover follows
    /// those with numbers.
    fn keys_of(&self, name: &OutputName, nth: usize) -> Vec<String> {
        let extension = self.format.extension();
        let further = self.widths.further.iter();
        let (first, further): (_, Vec<_>) = if nth < self.pictures {
            let number = nth + 1;
            let key = |width: &u32| name.rendition(number, *width, extension);
            (
                name.thumbnail(number, extension),
                further.map(key).collect(),
            )
        } else {
            let key = |width: &u32| name.cover(Some(*width), extension);
            (name.cover(None, extension), further.map(key).collect())
        };
        iter::once(first).chain(further).collect()
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
            let keys = self.keys_of(name, index).into_iter();
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
        let entries = thumbnails.iter().enumerate();
        let entry = |(nth, thumbnail)| self.entry(name, nth, thumbnail);
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
            thumbnails: entries
                .clone()
                .take(self.pictures)
                .filter_map(entry)
                .collect(),
            cover: entries.skip(self.pictures).find_map(entry),
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
        nth: usize,
        thumbnail: &Thumbnail,
    ) -> Option<ManifestThumbnail> {
        let keys = self.keys_of(name, nth).into_iter();
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
            score: Some(thousandths(thumbnail.score.value)),
            candidates: thumbnail.candidates.iter().map(candidate).collect(),
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

fn candidate(candidate: &Candidate) -> ManifestCandidate {
    ManifestCandidate {
        time_s: candidate.time.as_secs_f64(),
        score: thousandths(candidate.score.value),
    }
}

/// A score to three digits: it is no finer.
fn thousandths(score: f64) -> f64 {
    (score * 1e3).round() / 1e3
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
