//! The pictures that people have chosen, made anew where a video's pictures are.
//!
//! The manifest remembers a choice, and the API makes its picture at once. A worker comes across it
//! where it publishes the same version of the video again: after a picture was lost, with other
//! settings, or where the API ended half way. A choice of another version is forgotten: its time
//! says nothing about what is in the video now.

use std::{sync::Arc, time::Duration};

use contract::{Manifest, ManifestChoice, PictureName};
use thumbcore::{Extractor, Opening, Position, Request, S3Source, Stat, Thumbnail};

use crate::{failure::Failure, publish::Outputs};

/// A picture that a person has chosen.
pub(crate) struct Chosen {
    pub(crate) name: PictureName,
    pub(crate) choice: ManifestChoice,
    pub(crate) thumbnail: Thumbnail,
}

/// Makes chosen pictures of one version of a video.
pub(crate) struct Chooser<'a> {
    pub(crate) extractor: &'a Extractor,
    pub(crate) source: &'a Arc<S3Source>,
    pub(crate) stat: &'a Stat,
}

impl Chooser<'_> {
    /// The pictures that people have chosen of the version `etag`, as `manifest` remembers them, in
    /// the widths and the format of `outputs`.
    pub(crate) async fn chosen(
        &self,
        manifest: &Manifest,
        etag: &str,
        outputs: &Outputs,
    ) -> Result<Vec<Chosen>, Failure> {
        if manifest.source_etag != etag {
            return Ok(Vec::new());
        }
        let choices = manifest.pictures().filter_map(|(name, picture)| {
            let choice = picture.choice.clone()?;
            outputs.has(name).then_some((name, choice))
        });
        let choices: Vec<_> = choices.collect();
        if choices.is_empty() {
            return Ok(Vec::new());
        }
        let times = choices.iter().map(|(_, choice)| {
            let time = Duration::try_from_secs_f64(choice.time_s);
            Position::Time(time.unwrap_or_default())
        });
        let request = Request::new()
            .positions(times)
            .widths(outputs.widths.iter())
            .format(outputs.format)
            .exact(true);
        let opening = Opening::from(Arc::clone(self.source)).stat(self.stat.clone());
        let video = self.extractor.open(opening).await?;
        let extraction = video.extract(&request).await?;
        let pictures = choices.into_iter().zip(extraction.thumbnails);
        Ok(pictures
            .map(|((name, choice), thumbnail)| Chosen {
                name,
                choice,
                thumbnail,
            })
            .collect())
    }
}
