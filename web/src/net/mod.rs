//! Talking to the API, and to the bucket for uploads.

pub(crate) mod api;
mod error;
mod line;
pub(crate) mod renewal;
pub(crate) mod save;
pub(crate) mod socket;
mod transfer;
pub(crate) mod uploader;
