//! `POST /api/uploads`, `POST /api/uploads/complete` and `DELETE /api/uploads`: the browser sends
//! the video straight to the bucket.
//!
//! A client asks with [`UploadRequest`], sends what the [`UploadTicket`] says to its presigned
//! URLs, and tells the API with [`CompleteUpload`] that it is done.

use serde::{Deserialize, Serialize};

/// A video that someone wants to upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadRequest {
    /// The video's name, with folders if wanted. The key is the upload prefix and this name.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 900))]
    pub name: String,
    /// The video's size in bytes.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub size: u64,
    /// The media type of the video, and of the object.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content_type: Option<String>,
    /// The id of an upload in parts that began before and whose URLs end soon: the ticket has new
    /// URLs for the same upload.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upload_id: Option<String>,
}

/// The requests that upload a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadTicket {
    /// The video's key.
    pub key: String,
    /// When the URLs end: RFC 3339, UTC. One URL lasts an hour, URLs of parts six; less if the
    /// credentials that signed them end earlier.
    pub expires_at: String,
    /// Where to send the video.
    pub target: UploadTarget,
}

/// Where to send a video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UploadTarget {
    /// One `PUT` of the whole file.
    Single {
        /// The presigned URL.
        url: String,
        /// Headers that must be sent with it exactly.
        headers: Vec<UploadHeader>,
    },
    /// A `PUT` for each part, in any order; the `ETag` of each answer goes into
    /// [`CompleteUpload::parts`].
    Multipart {
        /// The upload's id.
        upload_id: String,
        /// Bytes of each part but the last, which may be shorter.
        part_size: u64,
        /// The parts, in order.
        parts: Vec<UploadPart>,
    },
}

/// A header to send with a presigned request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// One part of a multipart upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadPart {
    /// Its number, from 1.
    pub number: u32,
    /// The presigned URL.
    pub url: String,
    /// Its bytes.
    pub size: u64,
}

/// An upload that is done; with `DELETE`, one that is given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompleteUpload {
    /// The ticket's key.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1024))]
    pub key: String,
    /// The id of a multipart upload; absent or `null` for a single one.
    #[cfg_attr(feature = "openapi", schema(nullable = true))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upload_id: Option<String>,
    /// The parts of a multipart upload.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parts: Vec<CompletedPart>,
}

/// A part that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CompletedPart {
    /// Its number, from 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 10000))]
    pub number: u32,
    /// The `ETag` header that answered it.
    pub etag: String,
}

/// The object that an upload became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadCompleted {
    /// Its key.
    pub key: String,
    /// Its `ETag`, without quotes.
    pub etag: String,
    /// Its bytes.
    pub size: u64,
}
