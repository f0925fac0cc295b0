//! The outputs of a video: which objects, under which keys, with which metadata.

use std::{
    iter,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use contract::{
    Manifest, ManifestCandidate, ManifestChoice, ManifestPick, ManifestRead, ManifestRendition,
    ManifestThumbnail, MediaFacts, Origin, OutputName, PictureName, ReadReason, Timings, metadata,
};
use thumbcore::{Candidate, Extraction, ImageFormat, Rendition, Thumbnail};

use crate::{
    choices::Chosen,
    config::Widths,
    plan::Job,
    store::{Head, Object},
};

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

/// What goes up under one name: the worker's own pictures, but for those that people have chosen.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) made: Made<'a>,
    pub(super) chosen: &'a [Chosen],
}

impl<'a> Content<'a> {
    /// The `nth` picture, counted from 0: the worker's own, and what a person has chosen in its
    /// place.
    fn picture(
        &self,
        outputs: &Outputs,
        nth: usize,
    ) -> Option<(&'a Thumbnail, Option<&'a Chosen>)> {
        let own = self.made.extraction.thumbnails.get(nth)?;
        let name = outputs.picture_name(nth);
        let chosen = self.chosen.iter().find(|chosen| chosen.name == name);
        Some((own, chosen))
    }
}

impl Outputs {
    /// How many pictures a video gets.
    pub(crate) fn count(&self) -> usize {
        self.pictures + usize::from(self.has_cover)
    }

    /// Whether videos get a picture of this name.
    pub(crate) fn has(&self, name: PictureName) -> bool {
        match name {
            PictureName::Number(number) => number <= self.pictures,
            PictureName::Cover => self.has_cover,
        }
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

    /// What the `nth` picture, counted from 0, is called.
    fn picture_name(&self, nth: usize) -> PictureName {
        if nth < self.pictures {
            PictureName::Number(nth + 1)
        } else {
            PictureName::Cover
        }
    }

    /// The pictures as objects, in the order of [`keys`](Self::keys).
    pub(super) fn objects(&self, name: &OutputName, content: Content<'_>) -> Vec<Object> {
        let Made { job, etag, .. } = content.made;
        let mut objects = Vec::new();
        for nth in 0..self.count() {
            let Some(entry) = self.entry(name, content, nth) else {
                continue;
            };
            let Some((own, chosen)) = content.picture(self, nth) else {
                continue;
            };
            let thumbnail = chosen.map_or(own, |chosen| &chosen.thumbnail);
            let metadata = metadata::of_picture((&job.key, etag, &self.settings), &entry);
            let keys = self.keys_of(name, nth).into_iter();
            objects.extend(
                keys.zip(&thumbnail.renditions)
                    .map(|(key, rendition)| Object {
                        key,
                        body: rendition.image.clone(),
                        content_type: thumbnail.format.media_type(),
                        cache_control: metadata::PICTURE_CACHE,
                        metadata: metadata.clone(),
                    }),
            );
        }
        objects
    }

    /// The manifest of pictures whose upload took so long.
    pub(super) fn manifest(
        &self,
        name: &OutputName,
        content: Content<'_>,
        upload: Duration,
    ) -> Manifest {
        let Made {
            job,
            etag,
            extraction,
        } = content.made;
        let Extraction { media, stats, .. } = extraction;
        let entry = |nth| self.entry(name, content, nth);
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
            thumbnails: (0..self.pictures).filter_map(entry).collect(),
            cover: (self.pictures..self.count()).find_map(entry),
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

    /// The entry of the `nth` picture in the manifest; `None` for a picture without any rendition.
    fn entry(
        &self,
        name: &OutputName,
        content: Content<'_>,
        nth: usize,
    ) -> Option<ManifestThumbnail> {
        let (own, chosen) = content.picture(self, nth)?;
        let thumbnail = chosen.map_or(own, |chosen| &chosen.thumbnail);
        let keys = self.keys_of(name, nth).into_iter();
        let mut renditions = keys.zip(&thumbnail.renditions).map(rendition);
        let first = renditions.next()?;
        let taken = pick(thumbnail);
        Some(ManifestThumbnail {
            key: first.key,
            target_s: own.target.as_secs_f64(),
            actual_s: taken.actual_s,
            width: first.width,
            height: first.height,
            bytes: first.bytes,
            origin: taken.origin,
            score: taken.score,
            candidates: own.candidates.iter().map(candidate).collect(),
            renditions: renditions.collect(),
            choice: chosen.map(|chosen| ManifestChoice {
                instead_of: pick(own),
                ..chosen.choice.clone()
            }),
            pending: false,
        })
    }

    pub(super) fn manifest_object(name: &OutputName, manifest: &Manifest) -> Object {
        Object {
            key: name.manifest(),
            // Serialising plain data to memory cannot fail.
            body: Bytes::from(serde_json::to_vec(manifest).unwrap_or_default()),
            content_type: "application/json",
            cache_control: metadata::INDEX_CACHE,
            metadata: metadata::of_manifest(manifest),
        }
    }
}

fn pick(thumbnail: &Thumbnail) -> ManifestPick {
    ManifestPick {
        actual_s: thumbnail.actual.as_secs_f64(),
        origin: origin(thumbnail.origin),
        score: Some(thousandths(thumbnail.score.value)),
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
            reason: Some(reason(read.reason)),
            round_trip: Some(read.round_trip),
            waited_ms: Some(read.waited.as_millis() as u64),
        })
        .collect()
}

fn reason(reason: thumbcore::Reason) -> ReadReason {
    match reason {
        thumbcore::Reason::Ends => ReadReason::Ends,
        thumbcore::Reason::Index => ReadReason::Index,
        thumbcore::Reason::Search => ReadReason::Search,
        thumbcore::Reason::Keyframe => ReadReason::Keyframe,
        thumbcore::Reason::Demux => ReadReason::Demux,
        _ => ReadReason::Other,
    }
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
