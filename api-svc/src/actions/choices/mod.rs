//! A person's choice of a picture, in place of the worker's, and the way back.
//!
//! The manifest remembers the choice, and is what decides. Workers, other people and other
//! instances of the API may be at the same video at the same time, and any of them may die:
//!
//! 1. The picture is made, in all widths, before anything is written.
//! 2. The manifest is written with the picture as *pending*, if it is still the one that was read
//!    (`If-Match`). Its object lacks the settings in its metadata while a picture is pending, so
//!    that workers take the video for unfinished: should this process end here, the next message
//!    about the video completes the choice, and one was sent before, with a delay.
//! 3. The pictures are replaced, each if it is still the one that was there before step 2.
//! 4. The manifest is written without the mark, if it is still that of step 2.
//!
//! Where a condition fails, the manifest is read again: as long as it has this choice, the step is
//! repeated; where it has another one, somebody chose later, and this one ends.

mod change;
mod objects;

use std::sync::Arc;

use contract::{PictureName, Prefixes};

use self::{change::Change, objects::Objects};
use super::ondemand::{OnDemand, PictureError};
use crate::{
    aws::AwsError,
    manifests::{Fetched, ManifestError, Manifests},
};

/// How often a step is repeated that others come in between of.
const ATTEMPTS: usize = 12;

/// Why a picture cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChoiceError {
    #[error("no manifest of {key:?}")]
    NoVideo { key: String },
    #[error("the video has no picture {name}")]
    NoPicture { name: PictureName },
    #[error("timeS: the video has {duration_s:.3} s")]
    Time { duration_s: f64 },
    /// The pictures are those of an earlier version of the video.
    #[error("the video was overwritten, and its pictures are not made anew yet")]
    Outdated,
    #[error("someone else chose another picture meanwhile")]
    Overtaken,
    #[error("the video's pictures are being written by others; try again")]
    Contended,
    #[error(transparent)]
    Picture(#[from] PictureError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// What someone wants of a picture.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// The video, by any of its keys.
    pub(crate) key: String,
    pub(crate) name: PictureName,
    /// The time in seconds, and who chose it; `None` for the worker's own choice.
    pub(crate) choice: Option<(f64, String)>,
}

/// Replaces pictures by what people choose.
pub(crate) struct Choices {
    manifests: Arc<Manifests>,
    objects: Objects,
}

impl Choices {
    /// Works on the pictures of a bucket, and sends messages about their videos to a queue.
    pub(crate) fn new(
        (s3, bucket): (aws_sdk_s3::Client, String),
        (sqs, queue): (aws_sdk_sqs::Client, String),
        manifests: Arc<Manifests>,
        prefixes: Prefixes,
    ) -> Self {
        Self {
            manifests,
            objects: Objects {
                s3,
                bucket,
                sqs,
                queue,
                prefixes,
            },
        }
    }

    /// Replaces a picture as `wish` says. The manifest afterwards.
    pub(crate) async fn grant(
        &self,
        wish: &Wish,
        pictures: &OnDemand,
    ) -> Result<Fetched, ChoiceError> {
        let root = self.objects.prefixes.thumbnails();
        let mut made = None::<Change>;
        for _ in 0..ATTEMPTS {
            let read = self.manifests.find_current(&wish.key).await?;
            let read = read.ok_or_else(|| no_video(&wish.key))?;
            if wish.is_granted_in(&read.manifest)? {
                return Ok(read);
            }
            // Others may have changed other pictures meanwhile: this one need not be made again.
            let change = match made.take().filter(|change| change.fits(&read)) {
                Some(change) => change.onto(read),
                None => Box::pin(Change::make(wish, read, root, pictures)).await?,
            };
            // Looked at before the manifest is written: what is replaced afterwards is none of what
            // someone wrote who came later.
            let before = self.objects.heads(&change).await?;
            self.objects.remind(change.manifest()).await?;
            let pending = change.applied_to(change.manifest().clone(), true);
            let Some(marked) = self.objects.put_manifest(&change.read, pending).await? else {
                made = Some(change);
                continue;
            };
            self.replace(&change, before).await?;
            let written = self.complete(&change, marked).await?;
            self.objects.announce(&written).await;
            return Ok(written);
        }
        Err(ChoiceError::Contended)
    }

    /// Replaces the pictures, which were as `before` tells.
    async fn replace(
        &self,
        change: &Change,
        mut before: Vec<Option<String>>,
    ) -> Result<(), ChoiceError> {
        for _ in 0..ATTEMPTS {
            if self.objects.put_pictures(change, &before).await? {
                return Ok(());
            }
            before = self.objects.heads(change).await?;
            let now = self.current(change).await?;
            if !change.is_pending_in(&now.manifest)? {
                // A worker has completed it.
                return Ok(());
            }
        }
        Err(ChoiceError::Contended)
    }

    /// Takes the mark away from the manifest, which was written with it as `marked`.
    async fn complete(&self, change: &Change, marked: Fetched) -> Result<Fetched, ChoiceError> {
        let mut now = marked;
        for _ in 0..ATTEMPTS {
            if !change.is_pending_in(&now.manifest)? {
                return Ok(now);
            }
            let whole = change.applied_to(now.manifest.clone(), false);
            if let Some(written) = self.objects.put_manifest(&now, whole).await? {
                return Ok(written);
            }
            now = self.current(change).await?;
        }
        Err(ChoiceError::Contended)
    }

    /// The manifest as it is now.
    async fn current(&self, change: &Change) -> Result<Fetched, ChoiceError> {
        let key = &change.read.key;
        let found = self.manifests.fetch(key).await?;
        found.ok_or_else(|| no_video(key))
    }
}

fn no_video(key: &str) -> ChoiceError {
    ChoiceError::NoVideo {
        key: key.to_owned(),
    }
}
