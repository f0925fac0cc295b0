//! A file behind http or https.

mod wire;

use std::{fmt, ops::Range, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Client, redirect};
use url::Url;

use self::wire::HttpWire;
use super::{
    Ends, RangeSource, Stat,
    remote::{Remote, Wire},
};
use crate::SourceError;

/// A handshake takes two round trips; ten seconds allow for lost packets on a slow link and no
/// more, so that a dead address is told from a slow one.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Object stores answer within a second, and their own advice is to give up on a silent request
/// after a few; ten seconds leave room for a cold cache that must fetch from its origin first, and
/// within a call's time for another try.
const STALL_TIMEOUT: Duration = Duration::from_secs(10);
/// As many as browsers and curl's users are used to.
const MAX_REDIRECTS: usize = 10;

/// A file behind http or https, read by range requests.
///
/// - Length and version come from the first answer's `Content-Range`, `ETag` and `Last-Modified`;
///   no HEAD is sent, so URLs that are signed for GET alone work.
/// - Later reads carry `If-Match` (strong `ETag`) or else `If-Unmodified-Since`, and their answers
///   are compared as well: some servers ignore preconditions. Where a server sends neither, only a
///   change of length is noticed.
/// - A server that answers with less than asked is asked for the rest. One that sends another
///   `ETag` with each answer is refused: nothing tells then whether the file was replaced.
/// - A server without range support gives [`SourceError::NoRanges`] and its body is not downloaded,
///   unless the whole file is small (64 KiB) or no larger than the read.
/// - Redirects are followed, but never from https to http. Where they lead is remembered for later
///   reads, and asked for anew once that place refuses.
/// - [`name`](RangeSource::name) and errors hold neither user and password nor query.
///
/// ```no_run
/// use thumbcore::{HttpSource, RangeSource};
///
/// # async fn example() -> Result<(), thumbcore::SourceError> {
/// let source = HttpSource::new("https://example.com/clip.mp4")?;
/// let ends = source.ends(65_536, 65_536).await?;
/// # Ok(())
/// # }
/// ```
pub struct HttpSource {
    remote: Remote<HttpWire>,
}

impl HttpSource {
    /// A source with a client of its own. Many sources of one server do better with
    /// [`with_client`](Self::with_client): they then share connections.
    ///
    /// # Errors
    /// [`SourceError::Rejected`] if `url` is not an http or https URL. Nothing is sent yet.
    pub fn new(url: &str) -> Result<Self, SourceError> {
        Self::with_client(url, Self::client()?)
    }

    /// A source that sends its requests through `client`.
    ///
    /// # Errors
    /// [`SourceError::Rejected`] if `url` is not an http or https URL. Nothing is sent yet.
    pub fn with_client(url: &str, client: Client) -> Result<Self, SourceError> {
        // An unparsable URL is not shown: nothing says where its secrets are.
        let url = Url::parse(url)
            .map_err(|error| SourceError::rejected("URL", "is not a URL").caused_by(error))?;
        let name = shown(&url);
        if !matches!(url.scheme(), "http" | "https") {
            let reason = format!("unsupported URL scheme {:?}", url.scheme());
            return Err(SourceError::rejected(name, reason));
        }
        Ok(Self {
            remote: Remote::new(HttpWire::new(name, client, url, STALL_TIMEOUT)),
        })
    }

    /// Gives up on a read when nothing arrives for `timeout` (10 s unless told): neither the
    /// answer's head nor the next piece of its body. A slow but steady transfer is not a stall.
    #[must_use]
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.remote.wire_mut().stall_timeout = timeout;
        self
    }

    /// The client that [`new`](Self::new) builds: no Nagle delay, kept-alive connections or HTTP/2,
    /// no decompression (ranges count the bytes as stored), 10 s to connect, at most 10 redirects
    /// and none from https to http.
    ///
    /// TLS is rustls, with the crypto provider that the program has installed for the process, or
    /// else with aws-lc; none is installed. A program that also links rustls with another provider
    /// must name its provider for its own connections
    /// (`rustls::ClientConfig::builder_with_provider`), since rustls guesses only where one is
    /// linked.
    ///
    /// # Errors
    /// [`SourceError::Rejected`] if TLS cannot be set up.
    pub fn client() -> Result<Client, SourceError> {
        Client::builder()
            .user_agent(concat!("thumbcore/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .redirect(redirect::Policy::custom(follow))
            .build()
            .map_err(|error| {
                SourceError::rejected("HTTP client", "cannot be set up")
                    .caused_by(error.without_url())
            })
    }
}

fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    match refused(attempt.previous(), attempt.url()) {
        Some(reason) => attempt.error(reason),
        None => attempt.follow(),
    }
}

/// Why a redirect is not followed.
fn refused(previous: &[Url], next: &Url) -> Option<&'static str> {
    let from_https = previous.last().is_some_and(|url| url.scheme() == "https");
    match next.scheme() {
        _ if previous.len() > MAX_REDIRECTS => Some("too many redirects"),
        "http" if from_https => Some("redirect from https to http"),
        "http" | "https" => None,
        _ => Some("redirect to something other than http or https"),
    }
}

/// A URL without user, password, query and fragment.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Both fail only for URLs that have no host and so no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource")
            .field("name", &self.remote.wire().name())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl RangeSource for HttpSource {
    fn name(&self) -> &str {
        self.remote.wire().name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.remote.stat().await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.remote.read(range).await
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        self.remote.read_if(range, expected).await
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        self.remote.ends(head, tail).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_secret() {
        let source =
            HttpSource::new("https://user:pass@example.com:8443/a%20b.mp4?sig=secret#frag")
                .unwrap();
        assert_eq!(source.name(), "https://example.com:8443/a%20b.mp4");
        let debug = format!("{source:?}");
        for secret in ["user", "pass", "secret", "frag"] {
            assert!(!debug.contains(secret), "{debug}");
        }
    }

    #[test]
    fn redirects_stay_with_https_and_end() {
        let http = Url::parse("http://example.com/").unwrap();
        let https = Url::parse("https://example.com/").unwrap();
        let ftp = Url::parse("ftp://example.com/").unwrap();
        let refused = |previous: &[&Url], next: &Url| {
            let previous: Vec<_> = previous.iter().copied().cloned().collect();
            refused(&previous, next).is_some()
        };
        assert!(!refused(&[&http], &https));
        assert!(!refused(&[&http], &http));
        assert!(!refused(&[&https], &https));
        assert!(refused(&[&https], &http));
        assert!(refused(&[&http, &https], &http));
        assert!(refused(&[&https], &ftp));
        assert!(!refused(&[&http; MAX_REDIRECTS], &http));
        assert!(refused(&[&http; MAX_REDIRECTS + 1], &http));
    }

    #[test]
    fn refuses_what_is_not_http() {
        for url in [
            "",
            "clip.mp4",
            "/etc/passwd",
            "file:///etc/passwd",
            "ftp://example.com/clip.mp4",
            "https://",
        ] {
            let error = HttpSource::new(url).unwrap_err();
            assert_eq!(error.kind(), "rejected", "{url}: {error}");
        }
        let error = HttpSource::new("http://u:hunter2@[broken?sig=abc").unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert!(!error.to_string().contains("abc"), "{error}");
    }
}
