//! Talking to the API, and to the bucket for uploads.

pub(crate) mod api;
pub(crate) mod socket;
pub(crate) mod transfer;
