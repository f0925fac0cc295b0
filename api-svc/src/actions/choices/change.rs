//! What becomes of a picture and of its manifest.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use contract::{
    Manifest, ManifestChoice, ManifestPick, ManifestRendition, ManifestThumbnail, Origin,
    PictureName, metadata,
};
use thumbcore::{ImageFormat, Rendition, Thumbnail};

use super::{ChoiceError, Wish};
use crate::{
    actions::ondemand::{OnDemand, PictureError, Still},
    manifests::{Fetched, ManifestError},
    time::rfc3339,
};

/// A picture that is to be replaced, as it will be, and the manifest that was read before.
pub(super) struct Change {
    pub(super) read: Fetched,
    name: PictureName,
    /// As it will be, pending.
    entry: ManifestThumbnail,
    format: ImageFormat,
    images: Vec<Bytes>,
}

impl Wish {
    fn picture_in<'a>(&self, manifest: &'a Manifest) -> Result<&'a ManifestThumbnail, ChoiceError> {
        let name = self.name;
        manifest
            .picture(name)
            .ok_or(ChoiceError::NoPicture { name })
    }

    /// Whether the picture that `manifest` describes is the one that is wanted.
    pub(super) fn is_granted_in(&self, manifest: &Manifest) -> Result<bool, ChoiceError> {
        let picture = self.picture_in(manifest)?;
        Ok(self.choice.is_none() && picture.choice.is_none() && !picture.pending)
    }
}

impl Change {
    /// Makes the picture that `wish` wants in place of what `read` describes. Only keys below
    /// `root` are written.
    pub(super) async fn make(
        wish: &Wish,
        read: Fetched,
        root: &str,
        pictures: &OnDemand,
    ) -> Result<Self, ChoiceError> {
        let before = wish.picture_in(&read.manifest)?;
        let format = format_of(&read, before, root)?;
        let pick = before.workers_pick();
        let choice = wish.choice.as_ref().map(|(time_s, by)| ManifestChoice {
            time_s: *time_s,
            by: by.clone(),
            at: rfc3339(SystemTime::now()),
            instead_of: pick,
        });
        let seconds = choice
            .as_ref()
            .map_or(pick.actual_s, |choice| choice.time_s);
        let time = time_within(seconds, &read.manifest)?;
        let further = before.renditions.iter().map(|rendition| rendition.width);
        let widths: Vec<u32> = [before.width].into_iter().chain(further).collect();
        let still = Still {
            video: &read.manifest.source_key,
            etag: &read.manifest.source_etag,
            time,
            widths: &widths,
            format,
        };
        let made = match pictures.still(&still).await {
            Err(PictureError::Changed) => return Err(ChoiceError::Outdated),
            made => made?,
        };
        let taken = match choice {
            Some(_) => pick_of(&made),
            None => pick,
        };
        let entry = entry(before, choice, taken, &made.renditions);
        Ok(Self {
            read,
            name: wish.name,
            entry,
            format,
            images: made.renditions.into_iter().map(|it| it.image).collect(),
        })
    }

    /// Whether the picture is the one that is wanted in place of what a later reading describes.
    pub(super) fn fits(&self, read: &Fetched) -> bool {
        let of = |manifest: &Manifest| {
            let picture = manifest.picture(self.name).cloned();
            (
                manifest.source_etag.clone(),
                manifest.settings.clone(),
                picture,
            )
        };
        read.key == self.read.key && of(&read.manifest) == of(self.manifest())
    }

    /// The same for a later reading of the manifest, which it [fits](Self::fits).
    pub(super) fn onto(self, read: Fetched) -> Self {
        Self { read, ..self }
    }

    /// The manifest that was read before.
    pub(super) fn manifest(&self) -> &Manifest {
        &self.read.manifest
    }

    /// `manifest` with the picture as it will be, marked as pending or not.
    pub(super) fn applied_to(&self, mut manifest: Manifest, pending: bool) -> Manifest {
        if let Some(picture) = manifest.picture_mut(self.name) {
            picture.clone_from(&self.entry);
            picture.pending = pending;
        }
        manifest
    }

    /// What `manifest` says of the picture now: whether it is pending still.
    ///
    /// # Errors
    /// [`ChoiceError::Overtaken`] where it has another choice, or is of another version.
    pub(super) fn is_pending_in(&self, manifest: &Manifest) -> Result<bool, ChoiceError> {
        let identity =
            |choice: &ManifestChoice| (choice.time_s, choice.by.clone(), choice.at.clone());
        let ours = self.entry.choice.as_ref().map(identity);
        let picture = manifest.picture(self.name);
        let picture = picture.filter(|it| it.choice.as_ref().map(identity) == ours);
        if manifest.source_etag != self.manifest().source_etag {
            return Err(ChoiceError::Overtaken);
        }
        picture.map(|it| it.pending).ok_or(ChoiceError::Overtaken)
    }

    /// The keys of the picture's objects, the first width first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        let further = self.entry.renditions.iter().map(|it| it.key.as_str());
        [self.entry.key.as_str()].into_iter().chain(further)
    }

    /// What they will hold.
    pub(super) fn images(&self) -> impl Iterator<Item = Bytes> {
        self.images.iter().cloned()
    }

    pub(super) fn media_type(&self) -> &'static str {
        self.format.media_type()
    }

    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let Manifest {
            source_key,
            source_etag,
            settings,
            ..
        } = self.manifest();
        metadata::of_picture((source_key, source_etag, settings), &self.entry)
    }
}

/// The format of a picture by its key. Its keys must lie below `root`, whatever the manifest says.
fn format_of(
    read: &Fetched,
    picture: &ManifestThumbnail,
    root: &str,
) -> Result<ImageFormat, ChoiceError> {
    let invalid = |reason: &str| ManifestError::Invalid {
        key: read.key.clone(),
        reason: reason.to_owned(),
    };
    let further = picture.renditions.iter().map(|it| &it.key);
    if ![&picture.key]
        .into_iter()
        .chain(further)
        .all(|key| key.starts_with(root))
    {
        return Err(invalid("it names keys outside the thumbnail prefix").into());
    }
    let extension = picture.key.rsplit_once('.').map(|(_, extension)| extension);
    let format = extension.and_then(|extension| extension.parse().ok());
    Ok(format.ok_or_else(|| invalid("it names a picture of an unknown format"))?)
}

/// A time within the video.
fn time_within(seconds: f64, manifest: &Manifest) -> Result<Duration, ChoiceError> {
    let duration_s = manifest.media.duration_s;
    let is_within = duration_s.is_none_or(|duration_s| seconds <= duration_s);
    let time = Duration::try_from_secs_f64(seconds).ok();
    time.filter(|_| is_within).ok_or(ChoiceError::Time {
        duration_s: duration_s.unwrap_or_default(),
    })
}

fn pick_of(made: &Thumbnail) -> ManifestPick {
    ManifestPick {
        actual_s: made.actual.as_secs_f64(),
        origin: match made.origin {
            thumbcore::Origin::Keyframe => Origin::Keyframe,
            thumbcore::Origin::Decoded => Origin::Decoded,
            _ => Origin::Fallback,
        },
        score: Some((made.score.value * 1e3).round() / 1e3),
    }
}

fn entry(
    before: &ManifestThumbnail,
    choice: Option<ManifestChoice>,
    taken: ManifestPick,
    renditions: &[Rendition],
) -> ManifestThumbnail {
    let mut entry = before.clone();
    if let Some(first) = renditions.first() {
        entry.width = first.width;
        entry.height = first.height;
        entry.bytes = first.image.len() as u64;
    }
    for (further, made) in entry.renditions.iter_mut().zip(renditions.iter().skip(1)) {
        *further = ManifestRendition {
            key: further.key.clone(),
            width: made.width,
            height: made.height,
            bytes: made.image.len() as u64,
        };
    }
    ManifestThumbnail {
        actual_s: taken.actual_s,
        origin: taken.origin,
        score: taken.score,
        choice,
        pending: true,
        ..entry
    }
}
