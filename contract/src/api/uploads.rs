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
    rename_all_fields = "camelCase",
    try_from = "FlatTarget"
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

/// The fields of every [`UploadTarget`]: serde would keep an object whose kind it does not know yet
/// in memory, by code that makes the dashboard larger.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FlatTarget {
    kind: String,
    url: String,
    headers: Vec<UploadHeader>,
    upload_id: String,
    part_size: u64,
    parts: Vec<UploadPart>,
}

impl TryFrom<FlatTarget> for UploadTarget {
    type Error = &'static str;

    fn try_from(flat: FlatTarget) -> Result<Self, &'static str> {
        match flat.kind.as_str() {
            "single" => Ok(Self::Single {
                url: flat.url,
                headers: flat.headers,
            }),
            "multipart" => Ok(Self::Multipart {
                upload_id: flat.upload_id,
                part_size: flat.part_size,
                parts: flat.parts,
            }),
            _ => Err("an unknown kind of upload"),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_as_they_are_written() {
        let single = UploadTarget::Single {
            url: "https://b/k".to_owned(),
            headers: vec![UploadHeader {
                name: "if-none-match".to_owned(),
                value: "*".to_owned(),
            }],
        };
        let multipart = UploadTarget::Multipart {
            upload_id: "u".to_owned(),
            part_size: 5,
            parts: vec![UploadPart {
                number: 1,
                url: "https://b/k?1".to_owned(),
                size: 4,
            }],
        };
        for target in [single, multipart] {
            let text = serde_json::to_string(&target).unwrap();
            assert!(text.contains(r#""kind":"#), "{text}");
            assert_eq!(serde_json::from_str::<UploadTarget>(&text).unwrap(), target);
        }
        assert!(serde_json::from_str::<UploadTarget>(r#"{"kind":"pigeon"}"#).is_err());
    }
}
