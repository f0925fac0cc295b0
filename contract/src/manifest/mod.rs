//! The JSON document beside a video's pictures: what they show, and what they cost.

mod choice;
mod extras;

use serde::{Deserialize, Serialize};

pub use self::{
    choice::{ManifestChoice, ManifestPick, NoPictureName, PictureName},
    extras::{ManifestCost, ManifestFailure, ManifestPreview, ManifestStoryboard},
};

/// The version of [`Manifest`] this crate writes. Raised when a field changes its meaning or goes;
/// new fields do not need it.
pub const SCHEMA_VERSION: u32 = 1;

/// A video's manifest. It is written after the last picture, so where it exists, they do. Where a
/// person chooses another picture it is written before, too, with that picture as
/// [pending](ManifestThumbnail::pending).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Manifest {
    /// [`SCHEMA_VERSION`] at the time of writing.
    pub schema_version: u32,
    /// The video's key.
    pub source_key: String,
    /// The `ETag`, without quotes, of the version all pictures come from.
    pub source_etag: String,
    /// Size of the video in bytes.
    pub source_bytes: u64,
    /// The [`settings_hash`](crate::metadata::settings_hash) the pictures were made with.
    pub settings: String,
    /// When the manifest was written: RFC 3339, UTC.
    pub created_at: String,
    /// Facts about the video.
    pub media: MediaFacts,
    /// The pictures, in the order of their numbers.
    pub thumbnails: Vec<ManifestThumbnail>,
    /// The most telling frame of the film; left out where the pipeline makes none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cover: Option<ManifestThumbnail>,
    /// Bytes of the video that were fetched.
    pub bytes_fetched: u64,
    /// Range requests sent.
    pub requests: u64,
    /// Longest chain of requests of which each waited for the one before.
    pub round_trips: u64,
    /// Which bytes were fetched, in the order of the requests: the first [`MAX_READS`] of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub reads: Vec<ManifestRead>,
    /// Where the time went.
    pub timings: Timings,
    /// The storyboard, once it is there or has failed for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub storyboard: Option<ManifestStoryboard>,
    /// The animated preview, once it is there or has failed for good.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub preview: Option<ManifestPreview>,
}

/// Most [`Manifest::reads`]. An indexed video takes six, one that must be searched some dozens.
pub const MAX_READS: usize = 256;

/// One range of the video that was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestRead {
    /// Its first byte.
    pub start: u64,
    /// How many bytes.
    pub bytes: u64,
    /// What it was read for; left out by workers that did not tell, as are the two that follow.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<ReadReason>,
    /// Its place in the longest chain of requests that waited for each other, from 1: ranges of
    /// one round trip were fetched side by side.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub round_trip: Option<u64>,
    /// From the request to the last byte, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waited_ms: Option<u64>,
}

/// What a range was read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ReadReason {
    /// The start or the end, before anything was known.
    Ends,
    /// The container's header or index.
    Index,
    /// A search for a keyframe where no index tells its place.
    Search,
    /// A keyframe whose place is known.
    Keyframe,
    /// Read by the demuxer beyond what was planned.
    Demux,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// Facts about a video.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MediaFacts {
    /// The container family: `mp4`, `matroska`, ….
    pub container: String,
    /// The video codec: `h264`, `vp9`, ….
    pub codec: String,
    /// Width in pixels as shown.
    pub width: u32,
    /// Height in pixels as shown.
    pub height: u32,
    /// Duration in seconds; absent where the container does not tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub duration_s: Option<f64>,
}

/// One picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestThumbnail {
    /// Its key.
    pub key: String,
    /// The time that was asked for, in seconds from the start.
    pub target_s: f64,
    /// The time of the picture, in seconds from the start.
    pub actual_s: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size in bytes.
    pub bytes: u64,
    /// How it was found.
    pub origin: Origin,
    /// How good it is as a thumbnail, 0 to 1; left out by workers that did not judge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub score: Option<f64>,
    /// The keyframes that competed for it, in the order of time; left out where the first was good
    /// enough.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub candidates: Vec<ManifestCandidate>,
    /// The same picture in the further widths, in the order of the setting; left out where the
    /// pipeline makes one width only.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub renditions: Vec<ManifestRendition>,
    /// The choice of a person in place of the worker's; left out where nobody has chosen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub choice: Option<ManifestChoice>,
    /// Whether the picture is just being replaced: its objects may be those from before, or, for a
    /// moment, some of both. Left out where it is not.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub pending: bool,
}

/// A keyframe that competed for a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestCandidate {
    /// Its time in seconds from the start.
    pub time_s: f64,
    /// How good it is as a thumbnail, 0 to 1.
    pub score: f64,
}

/// A picture in one of the further widths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ManifestRendition {
    /// Its key.
    pub key: String,
    /// Width in pixels; less than the key says where the video is narrower.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Size in bytes.
    pub bytes: u64,
}

/// How a picture was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Origin {
    /// A keyframe near the target.
    Keyframe,
    /// Decoded forward from a keyframe to the target.
    Decoded,
    /// The nearest picture that could be decoded at all.
    Fallback,
}

/// Where the time went, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Timings {
    /// Reading, decoding and encoding, by the clock.
    pub extract_ms: u64,
    /// CPU time of the same.
    pub cpu_ms: u64,
    /// Uploading the pictures, by the clock.
    pub upload_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_what_other_programs_read() {
        let text = r#"{
            "schemaVersion": 1, "sourceKey": "uploads/a.mp4", "sourceEtag": "e", "sourceBytes": 9,
            "settings": "s", "createdAt": "2026-01-02T03:04:05Z",
            "media": {"container":"mp4","codec":"h264","width":640,"height":360,"durationS":10.0},
            "thumbnails": [{"key":"thumbnails/a_1.jpg","targetS":1.0,"actualS":1.04,"width":640,
                            "height":360,"bytes":7,"origin":"keyframe","score":0.75,
                            "candidates":[{"timeS":1.04,"score":0.75},{"timeS":2.0,"score":0.5}]},
                           {"key":"thumbnails/a_2.jpg","targetS":5.0,"actualS":5.0,"width":640,
                            "height":360,"bytes":8,"origin":"decoded","renditions":[
                             {"key":"thumbnails/a_2_320.jpg","width":320,"height":180,"bytes":3}]}],
            "cover": {"key":"thumbnails/a_cover.jpg","targetS":5.0,"actualS":7.0,"width":640,
                      "height":360,"bytes":9,"origin":"decoded","pending":true,
                      "choice":{"timeS":6.5,"by":"token","at":"2026-01-02T04:05:06.789Z",
                                "insteadOf":{"actualS":5.5,"origin":"keyframe","score":0.25}}},
            "bytesFetched": 5, "requests": 2, "roundTrips": 1,
            "reads": [{"start":0,"bytes":5},
                      {"start":7,"bytes":2,"reason":"keyframe","roundTrip":2,"waitedMs":31}],
            "timings": {"extractMs": 1, "cpuMs": 2, "uploadMs": 3},
            "storyboard": {"settings":"b","sheets":["thumbnails/a.storyboard/0.jpg"],
                           "files":["thumbnails/a.storyboard/index.json"],"bytes":900,
                           "cost":{"bytesFetched":6,"requests":4,"cpuMs":5}},
            "preview": {"settings":"p","cost":{"bytesFetched":0,"requests":0,"cpuMs":0},
                        "failure":{"kind":"corrupt","message":"no picture"}}
        }"#;
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert_eq!(manifest.schema_version, SCHEMA_VERSION);
        assert_eq!(manifest.thumbnails[0].origin, Origin::Keyframe);
        assert_eq!(manifest.thumbnails[0].renditions, []);
        assert_eq!(manifest.thumbnails[0].candidates.len(), 2);
        assert_eq!(manifest.thumbnails[1].score, None);
        assert_eq!(manifest.thumbnails[1].renditions[0].width, 320);
        assert_eq!(manifest.reads[0].reason, None);
        assert_eq!(manifest.reads[1].reason, Some(ReadReason::Keyframe));
        assert_eq!(manifest.storyboard.as_ref().unwrap().bytes, 900);
        let cover = manifest.picture(PictureName::Cover).unwrap();
        assert_eq!(cover.revision().unwrap(), "20260102040506789");
        assert_eq!(cover.workers_pick().score, Some(0.25));
        assert!(!manifest.is_whole() && manifest.pictures().count() == 3);
        let first = manifest.picture(PictureName::Number(1)).unwrap();
        assert_eq!(
            (first.revision(), first.workers_pick().actual_s),
            (None, 1.04)
        );
        let preview = manifest.preview.as_ref().unwrap();
        assert_eq!(preview.failure.as_ref().unwrap().kind, "corrupt");
        let written = serde_json::to_value(&manifest).unwrap();
        assert_eq!(
            written,
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
    }

    #[test]
    fn a_reason_of_later_workers_is_no_error() {
        let read = r#"{"start":0,"bytes":5,"reason":"divination"}"#;
        let read: ManifestRead = serde_json::from_str(read).unwrap();
        assert_eq!(read.reason, Some(ReadReason::Other));
    }
}
