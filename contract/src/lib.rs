//! What the worker, the API and the dashboard say to each other.
//!
//! - [`api`]: the JSON of the API's routes and of its WebSocket.
//! - [`naming`]: which keys are videos, and under which keys their pictures live.
//! - [`event`]: the body of a queue message, from S3, SNS, EventBridge or a person.
//! - [`journal`]: which videos were finished recently.
//! - [`manifest`]: the JSON document beside a video's pictures.
//! - [`metadata`]: the user metadata on every object the worker writes.
//!
//! The crate does no I/O and builds for `wasm32-unknown-unknown`.

pub mod api;
mod cost;
mod digest;
pub mod event;
pub mod journal;
pub mod manifest;
pub mod metadata;
pub mod naming;

pub use self::{
    cost::Cost,
    event::{CreatedObject, EventError, Message, Notification},
    journal::RecentEntry,
    manifest::{
        Manifest, ManifestCandidate, ManifestChoice, ManifestCost, ManifestFailure, ManifestPick,
        ManifestPreview, ManifestRead, ManifestRendition, ManifestStoryboard, ManifestThumbnail,
        MediaFacts, NoPictureName, Origin, PictureName, ReadReason, Timings,
    },
    naming::{
        NamingError, OutputName, Prefixes, ThumbnailKey, VIDEO_EXTENSIONS, is_in_storyboard,
        video_extension,
    },
};
