//! Links to videos as they were uploaded, for people who may act: whoever has a link may read that
//! video until the link ends.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::Client;
use contract::{NamingError, Prefixes, api::OriginalLink, naming::as_path};

use crate::{
    aws::{AwsError, status},
    presign::{PresignError, Sessions},
    time::rfc3339,
};

/// How long a download has to begin, if the session lasts so long: links get into histories and
/// chats. Sessions are renewed early enough for this.
const LIFETIME: Duration = Duration::from_mins(15);

/// Why there is no link.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum OriginalError {
    #[error(transparent)]
    Key(#[from] NamingError),
    #[error("there is no video {key:?}")]
    NoVideo { key: String },
    #[error(transparent)]
    Presign(#[from] PresignError),
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// Signs links to originals.
#[derive(Debug)]
pub(crate) struct Originals {
    client: Client,
    sessions: Arc<Sessions>,
    bucket: String,
    prefixes: Prefixes,
}

impl Originals {
    pub(crate) fn new(
        client: Client,
        sessions: Arc<Sessions>,
        bucket: String,
        prefixes: Prefixes,
    ) -> Self {
        Self {
            client,
            sessions,
            bucket,
            prefixes,
        }
    }

    /// A link to the video of this key.
    pub(crate) async fn link(&self, key: &str) -> Result<OriginalLink, OriginalError> {
        // Nothing but videos: what else the bucket holds is nobody's to read here.
        self.prefixes.candidates(key)?;
        let head = self.client.head_object().bucket(&self.bucket).key(key);
        match head.send().await {
            Ok(_) => {}
            Err(error) if status(&error) == Some(404) => {
                let key = key.to_owned();
                return Err(OriginalError::NoVideo { key });
            }
            Err(error) => return Err(AwsError::new("looking at the video", error).into()),
        }
        let session = self.sessions.current().await?;
        let (config, end) = session.presigning(SystemTime::now(), LIFETIME)?;
        let get = session
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_type("application/octet-stream")
            .response_content_disposition(attachment(key));
        let signed = get.presigned(config).await;
        let signed = signed.map_err(|error| AwsError::new("signing the link", error))?;
        Ok(OriginalLink {
            url: signed.uri().to_owned(),
            expires_at: rfc3339(end),
        })
    }
}

/// The header that has a browser save what it gets: a page that someone uploaded as a video would
/// run with the rights of the store's origin.
fn attachment(key: &str) -> String {
    let name = key.rsplit('/').next().unwrap_or_default();
    // Escaped as RFC 8187 says, which has paths' unreserved characters among its own.
    format!("attachment; filename*=UTF-8''{}", as_path(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_header() {
        assert_eq!(
            attachment("uploads/a/día \"1\"; x=y.mp4"),
            "attachment; filename*=UTF-8''d%C3%ADa%20%221%22%3B%20x%3Dy.mp4"
        );
    }
}
