//! What a page of the dashboard may load, as a Content-Security-Policy.

use std::{fmt, str::FromStr};

use axum::http::HeaderValue;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

/// An origin that presigned URLs point to: scheme, host and port, as in
/// `https://videos.s3.eu-central-1.amazonaws.com`. The host's first label may be `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageOrigin(String);

/// Why a text is no [`StorageOrigin`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an origin such as https://bucket.s3.amazonaws.com")]
pub struct OriginError {
    text: String,
}

impl FromStr for StorageOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let error = || OriginError {
            text: text.to_owned(),
        };
        let text = text.trim();
        // The URL parser would take these out in silence.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(error());
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(error)?;
        let (wildcard, rest) = match rest.strip_prefix("*.") {
            Some(rest) => ("*.", rest),
            None => ("", rest),
        };
        let url = Url::parse(&format!("{scheme}://{rest}")).map_err(|_| error())?;
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https")
            || !is_bare
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(error());
        }
        // A domain could hold `;` or `'`, which would end the directive that it stands in.
        let host = match url.host().ok_or_else(error)? {
            Host::Domain(domain) if is_host_name(domain) => domain.to_owned(),
            Host::Domain(_) => return Err(error()),
            address if wildcard.is_empty() => address.to_string(),
            _ => return Err(error()),
        };
        let port = url.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        Ok(Self(format!("{}://{wildcard}{host}{port}", url.scheme())))
    }
}

fn is_host_name(domain: &str) -> bool {
    domain
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

impl fmt::Display for StorageOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What pages may load: themselves, WebAssembly, and pictures from, and uploads to, the storage.
#[derive(Debug, Clone, Default)]
pub struct ContentPolicy {
    storage: Vec<StorageOrigin>,
}

impl ContentPolicy {
    /// A policy that lets pages use these origins for pictures and uploads.
    #[must_use]
    pub fn new(storage: impl IntoIterator<Item = StorageOrigin>) -> Self {
        Self {
            storage: storage.into_iter().collect(),
        }
    }

    /// The header for a page of this HTML. Scripts written into the page itself, such as the
    /// dashboard's before its first paint, are allowed by the hash of their text and not otherwise.
    #[must_use]
    pub fn header(&self, html: &str) -> HeaderValue {
        let mut policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'".to_owned();
        for script in inline_scripts(html) {
            let hash = STANDARD.encode(Sha256::digest(script));
            policy.extend([" 'sha256-", &hash, "'"]);
        }
        for directive in ["; img-src 'self' blob: data:", "; connect-src 'self'"] {
            policy.push_str(directive);
            for origin in &self.storage {
                policy.extend([" ", &origin.0]);
            }
        }
        policy.push_str(
            "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        );
        // Every part is visible ASCII, so this never falls back; if it did, nothing would load.
        HeaderValue::try_from(policy)
            .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"))
    }
}

/// The texts of the scripts that are written into a page.
fn inline_scripts(html: &str) -> impl Iterator<Item = &str> {
    let lower = html.to_ascii_lowercase();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let tag = at + lower[at..].find("<script")?;
            let attributes = tag + "<script".len();
            let text = attributes + end_of_tag(&lower[attributes..])?;
            let end = text + lower[text..].find("</script")?;
            at = end;
            let has_source = lower[attributes..text]
                .split(|c: char| c.is_ascii_whitespace() || c == '>')
                .any(|attribute| attribute.starts_with("src="));
            if !has_source && end > text {
                return Some(&html[text..end]);
            }
        }
    })
}

/// Where the text after a tag begins, given what follows the tag's name.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (index, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(index + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_in_one_spelling() {
        for (text, origin) in [
            ("https://b.s3.amazonaws.com", "https://b.s3.amazonaws.com"),
            ("https://b.s3.amazonaws.com/", "https://b.s3.amazonaws.com"),
            (" HTTP://127.0.0.1:4566 ", "http://127.0.0.1:4566"),
            ("http://[::1]:9", "http://[::1]:9"),
            ("https://x.org:443", "https://x.org"),
            ("https://*.s3.amazonaws.com", "https://*.s3.amazonaws.com"),
        ] {
            let parsed: StorageOrigin = text.parse().unwrap();
            assert_eq!(parsed.to_string(), origin);
        }
    }

    #[test]
    fn nothing_that_could_widen_the_policy_is_an_origin() {
        for text in [
            "",
            "*",
            "https:",
            "https://",
            "https://*",
            "https://a.*.b",
            "https://*.127.0.0.1",
            "data:",
            "'unsafe-inline'",
            "https://a; script-src *",
            "https://a;script-src",
            "https://a'b",
            "https://a\r\nb",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "ftp://a",
        ] {
            let parsed = text.parse::<StorageOrigin>();
            assert!(parsed.is_err(), "{text:?} gave {parsed:?}");
        }
    }

    #[test]
    fn inline_scripts_are_found_and_others_not() {
        let html = r#"<SCRIPT type="module" nonce="a>b">import 1</SCRIPT><p>
            <script src="/x.js"></script><script type=module src=y.js> </script>
            <script></script><script>two</script><script"#;
        let found: Vec<_> = inline_scripts(html).collect();
        assert_eq!(found, ["import 1", "two"]);
    }

    #[test]
    fn the_policy_names_storage_and_scripts_by_hash() {
        let policy = ContentPolicy::new(["https://b.example".parse().unwrap()]);
        let header = policy.header("<script>alert('Hello, world.');</script>");
        let text = header.to_str().unwrap();
        // The example of the specification.
        let hash = "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='";
        assert!(text.contains(&format!("script-src 'self' 'wasm-unsafe-eval' {hash};")));
        assert!(text.contains("img-src 'self' blob: data: https://b.example;"));
        assert!(text.contains("connect-src 'self' https://b.example;"));
        assert!(!text.contains("unsafe-inline") && !text.contains("'unsafe-eval'"));
    }
}
