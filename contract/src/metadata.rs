//! The user metadata on every object the worker writes.
//!
//! The metadata tells which video owns a key, and which version of it and which settings the object
//! was made from, so that one `HEAD` answers 'is this already done?'. S3 carries user metadata in
//! HTTP headers: ASCII only, and 2 KB in all.

use std::{borrow::Cow, collections::HashMap};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{Manifest, ManifestThumbnail, digest};

/// The video's key, in the form of [`encode_key`].
pub const SOURCE_KEY: &str = "source-key";
/// The video's `ETag` without its quotes.
pub const SOURCE_ETAG: &str = "source-etag";
/// The [`settings_hash`] the pictures were made with.
pub const SETTINGS: &str = "settings";
/// The time that was asked for, in seconds from the start.
pub const TARGET: &str = "target";
/// The time of the picture, in seconds from the start.
pub const ACTUAL: &str = "actual";

/// The `Cache-Control` of pictures. They are overwritten in place when a video is, so caches may
/// keep them for an hour only.
pub const PICTURE_CACHE: &str = "public, max-age=3600";
/// The `Cache-Control` of what has to be as new as what it describes.
pub const INDEX_CACHE: &str = "no-cache";

/// Raise it in every change after which the same video and settings give other pictures than
/// before, or other metadata on them: outputs of an earlier version count as outdated and are made
/// anew when their video's message comes again.
///
/// 2: SHA-256 instead of FNV-1a in shortened keys, in the last candidate of a name, and in the
/// settings hash.
///
/// 3: pictures of codecs without marked keyframes, of damaged, fragmented, trimmed and turned
/// files, and of files whose header misstates the duration.
///
/// 4: where the nearest keyframe shows nothing, more than one other is tried.
///
/// 5: where the best is wanted, pictures between keyframes compete as well.
///
/// 8: of several videos in one stream, the largest; recordings joined; damaged and false indexes.
const PIPELINE_VERSION: &str = "10";

/// Longest encoded key that is stored whole; leaves 512 of the 2048 bytes to the other entries.
const MAX_ENCODED_BYTES: usize = 1536;

/// Ends a shortened key. [`KEY`] escapes it, so no whole key contains it.
const SHORTENED: char = '~';

const KEY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.');

/// A key as metadata: percent-encoded and, where that grows too long (a long key in a non-Latin
/// script), cut and completed with the key's SHA-256. Equal keys have equal values, and nobody can
/// make another key with the value of a given one.
///
/// The short digest that pipeline version 1 wrote in place of SHA-256 could be forged, so it proves
/// nothing: a video with such a value on its outputs takes its next free name.
///
/// ```
/// assert_eq!(contract::metadata::encode_key("uploads/a ü.mp4"), "uploads/a%20%C3%BC.mp4");
/// ```
#[must_use]
pub fn encode_key(key: &str) -> String {
    let mut encoded = utf8_percent_encode(key, KEY).to_string();
    if encoded.len() > MAX_ENCODED_BYTES {
        encoded.truncate(MAX_ENCODED_BYTES);
        encoded.push(SHORTENED);
        encoded.push_str(&digest::full(key));
    }
    encoded
}

/// The key of a value of [`encode_key`]; `None` if the value was shortened (the manifest has the
/// key whole) or does not decode to UTF-8.
#[must_use]
pub fn decode_key(value: &str) -> Option<Cow<'_, str>> {
    if value.contains(SHORTENED) {
        return None;
    }
    percent_decode_str(value).decode_utf8().ok()
}

/// Whose an object is, which version it was made of, and with which settings.
#[must_use]
pub fn of_output(source_key: &str, source_etag: &str, settings: &str) -> HashMap<String, String> {
    [
        (SOURCE_KEY, encode_key(source_key)),
        (SOURCE_ETAG, source_etag.to_owned()),
        (SETTINGS, settings.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The metadata of a picture, in every width.
#[must_use]
pub fn of_picture(
    (source_key, source_etag, settings): (&str, &str, &str),
    picture: &ManifestThumbnail,
) -> HashMap<String, String> {
    let mut output = of_output(source_key, source_etag, settings);
    for (entry, seconds) in [(TARGET, picture.target_s), (ACTUAL, picture.actual_s)] {
        output.insert(entry.to_owned(), format!("{seconds:.3}"));
    }
    output
}

/// The metadata of a manifest. Without the settings while a picture is
/// [pending](ManifestThumbnail::pending): workers take such a video for unfinished then, so the
/// next message about it completes it.
#[must_use]
pub fn of_manifest(manifest: &Manifest) -> HashMap<String, String> {
    let Manifest {
        source_key,
        source_etag,
        settings,
        ..
    } = manifest;
    let mut output = of_output(source_key, source_etag, settings);
    if !manifest.is_whole() {
        output.remove(SETTINGS);
    }
    output
}

/// An `ETag` without its quotes: S3's API gives it with them, its events without.
#[must_use]
pub fn bare_etag(etag: &str) -> &str {
    etag.trim_matches('"')
}

/// A stable digest of everything that decides what the pictures look like, given as (name, value).
/// A setting that may change the pictures and is not in here is a defect: repeats would keep the
/// old ones.
#[must_use]
pub fn settings_hash<'a>(settings: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut text = format!("pipeline={PIPELINE_VERSION}");
    for (name, value) in settings {
        text.push('\n');
        text.push_str(name);
        text.push('=');
        text.push_str(&value);
    }
    digest::short(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ascii_and_read_back() {
        let key = "uploads/Ünï 日本~%2E+x.mp4";
        let encoded = encode_key(key);
        assert!(encoded.is_ascii());
        assert_eq!(decode_key(&encoded).unwrap(), key);
    }

    #[test]
    fn long_keys_fit_and_stay_distinct() {
        let key = "語".repeat(341);
        let encoded = encode_key(&key);
        assert!(encoded.len() <= MAX_ENCODED_BYTES + 65);
        assert_eq!(decode_key(&encoded), None);
        assert_ne!(encoded, encode_key(&format!("{}本", "語".repeat(340))));
    }

    #[test]
    fn the_settings_hash_is_pinned_and_sees_every_part() {
        let hash = |width: &str| settings_hash([("max_width", width.to_owned())]);
        // It changes with PIPELINE_VERSION only: another value makes workers redo every video.
        assert_eq!(hash("640"), "cd9e9ed7e6cf7c00");
        assert_ne!(hash("640"), hash("320"));
    }

    /// Two keys whose 64-bit FNV-1a hashes, which shortened keys once ended with, are the same.
    #[test]
    fn no_key_has_the_shortened_form_of_another() {
        let key = |end: &str| format!("uploads/{}{end}.mp4", "語".repeat(200));
        let [one, other] = ["1eSFnpGkLQC", "0wMQbfWhF8M"].map(key);
        let [one, other] = [encode_key(&one), encode_key(&other)];
        assert_eq!(one[..MAX_ENCODED_BYTES], other[..MAX_ENCODED_BYTES]);
        assert_ne!(one, other);
    }

    #[test]
    fn etags_lose_their_quotes() {
        assert_eq!(bare_etag("\"abc-2\""), "abc-2");
        assert_eq!(bare_etag("abc"), "abc");
    }
}
