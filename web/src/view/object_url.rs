//! Addresses of pictures in memory.

use web_sys::{Blob, Url};

use crate::net::api::{ApiError, Result};

/// The address of a picture in memory. Dropping it frees the picture.
#[derive(Debug, PartialEq)]
pub(super) struct ObjectUrl(String);

impl ObjectUrl {
    pub(super) fn new(content: &Blob) -> Result<Self> {
        let url = Url::create_object_url_with_blob(content);
        let url = url.map_err(|_| ApiError::Unreadable("no picture".to_owned()))?;
        Ok(Self(url))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        // Fails only where the address does not exist.
        let _ = Url::revoke_object_url(&self.0);
    }
}
