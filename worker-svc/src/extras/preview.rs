//! Animated previews in the bucket.

use contract::{ManifestCost, ManifestPreview, ManifestRendition, metadata::PICTURE_CACHE};
use thumbcore::ImageFormat;

use super::{ExtraError, Opened, Place, cost};
use crate::config::PreviewSettings;

/// Makes and uploads the preview.
pub(super) async fn make(
    place: &Place<'_>,
    settings: &PreviewSettings,
    opened: &mut Opened,
) -> Result<ManifestPreview, ExtraError> {
    let (video, mut stats) = opened.take()?;
    let preview = video.preview(&settings.request).await?;
    stats += preview.stats;
    let key = place.name.preview();
    let picture = ManifestRendition {
        key: key.clone(),
        width: preview.width,
        height: preview.height,
        bytes: preview.image.len() as u64,
    };
    let kind = (ImageFormat::WebP.media_type(), PICTURE_CACHE);
    place.put(key, preview.image, kind).await?;
    Ok(ManifestPreview {
        picture: Some(picture),
        cost: cost(&stats),
        ..none()
    })
}

/// No preview.
pub(super) fn none() -> ManifestPreview {
    ManifestPreview {
        settings: String::new(),
        picture: None,
        cost: ManifestCost::default(),
        failure: None,
    }
}
