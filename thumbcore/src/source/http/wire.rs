//! One HTTP request and what its answer means.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream;
use reqwest::{
    Client, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName,
        HeaderValue, IF_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED, RANGE, RETRY_AFTER,
    },
};
use url::Url;

use super::super::{
    content_range::{ContentRange, Wanted},
    remote::{Body, Pin, Reply, Version, Wire},
};
use crate::SourceError;

pub(super) struct HttpWire {
    name: String,
    client: Client,
    url: Url,
    /// Where redirects led.
    moved: RwLock<Option<Url>>,
    pub(super) stall_timeout: Duration,
}

impl HttpWire {
    pub(super) fn new(name: String, client: Client, url: Url, stall_timeout: Duration) -> Self {
        Self {
            name,
            client,
            url,
            moved: RwLock::new(None),
            stall_timeout,
        }
    }

    /// Sends a GET to where redirects led before, or else to the URL itself.
    async fn send(&self, headers: &[(HeaderName, String)]) -> Result<Response, SourceError> {
        let moved = self
            .moved
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(moved) = moved {
            let answer = self.send_to(&moved, headers).await;
            let status = answer.as_ref().map(|response| response.status().as_u16());
            // Redirects often lead to signed URLs, which expire.
            if !matches!(status, Ok(400 | 401 | 403 | 404 | 410)) {
                if !matches!(status, Ok(..500)) {
                    // Perhaps only that host is down: whoever tries again is led anew.
                    self.remember(None);
                }
                return answer;
            }
        }
        let response = self.send_to(&self.url, headers).await?;
        // With a password in the URL every request must start where it is meant for.
        if response.status().is_success()
            && response.url() != &self.url
            && self.url.username().is_empty()
            && self.url.password().is_none()
        {
            self.remember(Some(response.url().clone()));
        }
        Ok(response)
    }

    fn remember(&self, moved: Option<Url>) {
        *self.moved.write().unwrap_or_else(PoisonError::into_inner) = moved;
    }

    async fn send_to(
        &self,
        url: &Url,
        headers: &[(HeaderName, String)],
    ) -> Result<Response, SourceError> {
        let mut request = self
            .client
            .get(url.clone())
            .header(ACCEPT_ENCODING, "identity");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match tokio::time::timeout(self.stall_timeout, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_redirect() || error.is_builder() => {
                let what = if error.is_redirect() {
                    "a redirect was not followed"
                } else {
                    "the request cannot be made"
                };
                Err(self.rejected(what).caused_by(error.without_url()))
            }
            Ok(Err(error)) => {
                let failed = SourceError::io(&self.name, "the request failed");
                Err(failed.caused_by(error.without_url()))
            }
            Err(_) => Err(stalled(&self.name, self.stall_timeout)),
        }
    }

    fn body(&self, response: Response) -> Body {
        let (name, stall) = (self.name.clone(), self.stall_timeout);
        Box::pin(stream::try_unfold(response, move |mut response| {
            let name = name.clone();
            async move {
                match tokio::time::timeout(stall, response.chunk()).await {
                    Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, response))),
                    Ok(Err(error)) => {
                        let broken = SourceError::io(name, "the answer broke off");
                        Err(broken.caused_by(error.without_url()))
                    }
                    Err(_) => Err(stalled(&name, stall)),
                }
            }
        }))
    }

    /// The error for an answer that holds no part of the file.
    fn refusal(&self, response: &Response) -> SourceError {
        let name = &self.name;
        let status = response.status();
        let mut reason = status.to_string();
        if let Some(after) = text(response, &RETRY_AFTER) {
            reason = format!("{reason}, retry after {after}");
        }
        match status.as_u16() {
            404 | 410 => SourceError::not_found(name),
            401 | 403 | 407 => SourceError::denied(name, reason),
            412 => SourceError::changed(name),
            // Not built in, or not this version of HTTP: those stay.
            501 | 505 => self.rejected(reason),
            408 | 425 | 429 | 500..=599 => SourceError::unavailable(name, reason),
            _ => self.rejected(reason),
        }
    }

    fn rejected(&self, reason: impl Into<String>) -> SourceError {
        SourceError::rejected(&self.name, reason)
    }
}

fn stalled(name: &str, timeout: Duration) -> SourceError {
    SourceError::io(name, format!("nothing arrived for {timeout:?}"))
}

fn text<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(HeaderValue::to_str)?
        .ok()
        .map(str::trim)
}

fn version(response: &Response) -> Version {
    Version {
        etag: text(response, &ETAG).map(ToOwned::to_owned),
        modified: text(response, &LAST_MODIFIED).map(ToOwned::to_owned),
    }
}

/// Whether a `Content-Range` names all of a file.
fn is_whole(range: Option<&ContentRange>) -> bool {
    matches!(range, Some(ContentRange::Part { range, total: Some(total) }) if *range == (0..*total))
}

/// Not [`Response::content_length`]: that is the length of what is left of the body.
fn content_length(response: &Response) -> Option<u64> {
    text(response, &CONTENT_LENGTH)?.parse().ok()
}

#[async_trait]
impl Wire for HttpWire {
    fn name(&self) -> &str {
        &self.name
    }

    async fn get(&self, wanted: &Wanted, pinned: &Version) -> Result<Reply, SourceError> {
        let mut headers = vec![(RANGE, wanted.to_string())];
        // Not `If-Range`: it answers a changed file with the whole of it.
        if let Some(etag) = pinned.strong_etag() {
            headers.push((IF_MATCH, etag.to_owned()));
        } else if let Some(modified) = &pinned.modified {
            headers.push((IF_UNMODIFIED_SINCE, modified.clone()));
        }
        let response = self.send(&headers).await?;
        let range = text(&response, &CONTENT_RANGE).map(ContentRange::parse);
        if response.status().is_success()
            && let Some(coding) = text(&response, &CONTENT_ENCODING)
            && matches!(
                coding.to_ascii_lowercase().as_str(),
                "gzip" | "x-gzip" | "deflate" | "br" | "zstd" | "compress"
            )
        {
            return Err(self.rejected(format!("the server compresses the file ({coding})")));
        }
        match response.status() {
            StatusCode::PARTIAL_CONTENT => match range {
                Some(Some(ContentRange::Part { range, total })) => Ok(Reply::Part {
                    range,
                    total,
                    version: version(&response),
                    body: self.body(response),
                }),
                _ => Err(self.rejected("partial answer without a sound Content-Range")),
            },
            // Players that trust the status would take the part for the whole file.
            StatusCode::OK
                if range
                    .as_ref()
                    .is_some_and(|range| !is_whole(range.as_ref())) =>
            {
                Err(self.rejected("the server sends a part of the file as if it were all of it"))
            }
            StatusCode::OK => Ok(Reply::Whole {
                len: content_length(&response),
                version: version(&response),
                body: self.body(response),
            }),
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Reply::Unsatisfiable {
                total: match range {
                    Some(Some(ContentRange::Unsatisfied { total })) => Some(total),
                    _ => None,
                },
            }),
            _ => Err(self.refusal(&response)),
        }
    }

    fn may_vary_etags(&self) -> bool {
        true
    }

    async fn head(&self) -> Result<Pin, SourceError> {
        // A GET whose body is dropped: signed URLs allow one method.
        let response = self.send(&[]).await?;
        if response.status() != StatusCode::OK {
            return Err(self.refusal(&response));
        }
        match content_length(&response) {
            Some(len) => Ok(Pin {
                len,
                version: version(&response),
            }),
            None => Err(SourceError::no_ranges(&self.name)),
        }
    }
}
