//! Talking to the API, and to the bucket for uploads.

pub(crate) mod api;
pub(crate) mod socket;
mod transfer;
pub(crate) mod uploader;
