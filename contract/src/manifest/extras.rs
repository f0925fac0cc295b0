//! What a video has beside its pictures: a storyboard and an animated preview.

use serde::{Deserialize, Serialize};

/// A video's storyboard: sheets of small pictures, and what players read of them. Its index, as
/// `thumbcore::storyboard::json` writes it, is the first of [`files`](Self::files).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestStoryboard {
    /// The [`settings_hash`](crate::metadata::settings_hash) of the storyboard's own settings.
    pub settings: String,
    /// The keys of the sheets, in the order of time; none if it failed.
    pub sheets: Vec<String>,
    /// The keys of the files for players; none if it failed.
    pub files: Vec<String>,
    /// Size of the sheets in bytes.
    pub bytes: u64,
    /// What the delivery that finished it has cost.
    pub cost: ManifestCost,
    /// Why there is none, for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<ManifestFailure>,
}

/// A video's animated preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestPreview {
    /// The [`settings_hash`](crate::metadata::settings_hash) of the preview's own settings.
    pub settings: String,
    /// The picture; none if it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub picture: Option<super::ManifestRendition>,
    /// What it has cost.
    pub cost: ManifestCost,
    /// Why there is none, for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failure: Option<ManifestFailure>,
}

impl ManifestStoryboard {
    /// Whether there is one to show.
    #[must_use]
    pub fn is_made(&self) -> bool {
        !self.files.is_empty() && !self.sheets.is_empty()
    }
}

/// What was read of a video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestCost {
    /// Bytes of the video that were fetched.
    pub bytes_fetched: u64,
    /// Range requests sent.
    pub requests: u64,
    /// CPU time in milliseconds.
    pub cpu_ms: u64,
}

/// Why something could not be made, for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestFailure {
    /// A stable name, as in the dead-letter queue.
    pub kind: String,
    /// The reason, for people.
    pub message: String,
}
