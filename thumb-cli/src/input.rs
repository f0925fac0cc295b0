//! The inputs on the command line.
//!
//! [`Input::parse`] is pure; [`expand`] looks at the file system and turns folders into the videos
//! below them. Only inputs that can never be read (`s3://bucket` without a key, an unknown scheme)
//! are usage errors; a missing file is the failure of one input.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use url::Url;
use walkdir::WalkDir;

use crate::report::Failure;

/// Extensions of the files that are taken from a folder; a file that is an input itself may have
/// any.
const EXTENSIONS: [&str; 19] = [
    "mp4", "mov", "mkv", "avi", "webm", "wmv", "flv", "m4v", "ts", "3gp", "3g2", "f4v", "mts",
    "m2ts", "mpg", "mpeg", "vob", "asf", "ogv",
];

/// Where one video is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Input {
    File(PathBuf),
    Http(Url),
    S3 { bucket: String, key: String },
}

impl Input {
    /// Parses an argument. Errors may be shown: they hold neither password nor query.
    pub(crate) fn parse(argument: &OsStr) -> Result<Self, String> {
        let file = || Self::File(PathBuf::from(argument));
        let Some((scheme, rest)) = argument.to_str().and_then(|text| text.split_once("://")) else {
            return if argument.is_empty() {
                Err("an input is empty".to_owned())
            } else {
                Ok(file())
            };
        };
        match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Url::parse(&format!("{scheme}://{rest}"))
                .map(Self::Http)
                .map_err(|error| format!("{}: {error}", redact(scheme, rest))),
            // Keys are taken literally, as the AWS tools do: `?`, `#` and `%` are part of them.
            "s3" => match rest.split_once('/') {
                Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(Self::S3 {
                    bucket: bucket.to_owned(),
                    key: key.to_owned(),
                }),
                _ => Err(format!("s3://{rest}: want s3://bucket/key")),
            },
            _ if Path::new(argument).exists() => Ok(file()),
            _ => Err(format!(
                "{}: {scheme}:// is none of http://, https://, s3://",
                redact(scheme, rest)
            )),
        }
    }

    /// The input for messages: without password and query.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Http(url) => {
                let mut url = url.clone();
                // These fail only for URLs that cannot have a user name or a password.
                let _ = url.set_username("");
                let _ = url.set_password(None);
                url.set_query(None);
                url.set_fragment(None);
                url.into()
            }
            Self::S3 { bucket, key } => format!("s3://{bucket}/{key}"),
        }
    }

    /// The file name that the pictures' names are derived from; it contains no `/`.
    pub(crate) fn file_name(&self) -> OsString {
        let remote = |name: &str| OsString::from(name.replace(['/', '\0'], "_"));
        match self {
            Self::File(path) => path.file_name().unwrap_or(path.as_os_str()).to_owned(),
            Self::Http(url) => {
                let last = url
                    .path_segments()
                    .and_then(|mut segments| segments.rfind(|segment| !segment.is_empty()))
                    .or(url.host_str())
                    .unwrap_or("video");
                remote(&percent_decode_str(last).decode_utf8_lossy())
            }
            Self::S3 { bucket, key } => {
                let last = key.rsplit('/').find(|part| !part.is_empty());
                remote(last.unwrap_or(bucket))
            }
        }
    }
}

/// Removes the parts that may be secret from a text that is not a valid URL.
fn redact(scheme: &str, rest: &str) -> String {
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let path = rest.find('/').map_or(end, |slash| slash.min(end));
    let host = rest[..path].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..end])
}

/// One line of the result: a video, or the reason why there is none.
#[derive(Debug)]
pub(crate) struct Item {
    /// The input for messages.
    pub(crate) name: String,
    pub(crate) input: Result<Input, Failure>,
    /// The size of a file; 0 of what is elsewhere, whose size only opening it tells.
    pub(crate) bytes: u64,
}

impl Item {
    fn of(input: Input) -> Self {
        let bytes = match &input {
            Input::File(path) => fs::metadata(path).map_or(0, |file| file.len()),
            Input::Http(_) | Input::S3 { .. } => 0,
        };
        Self {
            name: input.name(),
            input: Ok(input),
            bytes,
        }
    }

    fn failed(path: &Path, failure: Failure) -> Self {
        Self {
            name: path.to_string_lossy().into_owned(),
            input: Err(failure),
            bytes: 0,
        }
    }
}

/// Replaces folders by the videos in and below them, sorted by name. An input given twice counts
/// once.
pub(crate) fn expand(inputs: Vec<Input>) -> Vec<Item> {
    let mut items = Vec::new();
    for input in inputs {
        match &input {
            Input::File(path) if path.is_dir() => walk(path, &mut items),
            _ => items.push(Item::of(input)),
        }
    }
    let mut seen = HashSet::new();
    items.retain(|item| match &item.input {
        Ok(input) => seen.insert(input.clone()),
        Err(_) => true,
    });
    items
}

fn walk(folder: &Path, items: &mut Vec<Item>) {
    let before = items.len();
    // Links are followed, but into each folder once: links can form loops, and trees of exponential
    // size.
    let mut folders = HashSet::new();
    let entries = WalkDir::new(folder)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|entry| {
            // Hidden files are not videos: `._clip.mp4` is how macOS keeps attributes on a stick.
            let hidden = entry.depth() > 0 && entry.file_name().as_encoded_bytes()[0] == b'.';
            let mut fresh = || match fs::canonicalize(entry.path()) {
                Ok(path) => folders.insert(path),
                Err(_) => true,
            };
            !hidden && (!entry.file_type().is_dir() || fresh())
        });
    for entry in entries {
        match entry {
            Ok(entry) if entry.file_type().is_file() && is_video(entry.path()) => {
                items.push(Item::of(Input::File(entry.into_path())));
            }
            Ok(_) => {}
            Err(error) if error.loop_ancestor().is_some() => {}
            // A dangling link is reported only if it is named like a video.
            Err(error) => {
                let path = error.path().unwrap_or(folder);
                let dangling = path.is_symlink() && !path.exists();
                if !dangling || is_video(path) {
                    items.push(Item::failed(path, Failure::from(&error)));
                }
            }
        }
    }
    if items.len() == before {
        let failure = Failure {
            kind: "not_found",
            message: format!("no video in this folder ({})", EXTENSIONS.join(", ")),
        };
        items.push(Item::failed(folder, failure));
    }
}

fn is_video(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::{ffi::OsStrExt, fs::symlink};

    use super::*;

    fn parse(text: &str) -> Result<Input, String> {
        Input::parse(OsStr::new(text))
    }

    #[test]
    fn keys_are_taken_as_they_are() {
        let input = parse("s3://bucket/a b/100%25?#é.mp4").unwrap();
        assert_eq!(
            input,
            Input::S3 {
                bucket: "bucket".into(),
                key: "a b/100%25?#é.mp4".into()
            }
        );
        assert_eq!(input.file_name(), "100%25?#é.mp4");
        assert_eq!(input.name(), "s3://bucket/a b/100%25?#é.mp4");
    }

    #[test]
    fn what_can_never_be_read_is_a_usage_error() {
        for bad in [
            "",
            "s3://",
            "s3://bucket",
            "s3://bucket/",
            "http://",
            "ftp://a/b.mp4",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn no_secret_is_shown() {
        for text in [
            "https://me:secret@host/a%20b.mp4?sig=secret#secret",
            "HTTPS://secret@host/a%20b.mp4",
        ] {
            let input = parse(text).unwrap();
            assert_eq!(input.name(), "https://host/a%20b.mp4");
            assert_eq!(input.file_name(), "a b.mp4");
        }
        for text in [
            "https://me:secret@host:99999/a?secret",
            "https://me:secret@?secret",
            "ftp://me:secret@host/a#secret",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn names_from_urls_stay_in_the_folder() {
        for (url, name) in [
            ("http://host/a/..%2F..%2Fetc%2Fx.mp4", ".._.._etc_x.mp4"),
            ("http://host/a/", "a"),
            ("http://host/", "host"),
            ("s3://b//", "b"),
        ] {
            assert_eq!(parse(url).unwrap().file_name(), name);
        }
    }

    #[test]
    fn paths_need_not_be_unicode() {
        let name = OsStr::from_bytes(b"\xff.mp4");
        assert_eq!(Input::parse(name).unwrap().file_name(), name);
    }

    #[test]
    fn folders_give_their_videos_once_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::create_dir_all(root.join("sub/.git")).unwrap();
        for name in [
            "b.MP4",
            "a.ts",
            "a.txt",
            "._b.mp4",
            "sub/c.3gp",
            "sub/.git/d.mp4",
        ] {
            fs::write(root.join(name), "").unwrap();
        }
        symlink(root, root.join("sub/loop")).unwrap();
        symlink(root.join("sub"), root.join("again")).unwrap();
        symlink("nowhere", root.join("dangling.txt")).unwrap();
        let found = expand(vec![
            Input::File(root.into()),
            Input::File(root.join("a.ts")),
        ]);
        let found: Vec<_> = found.into_iter().map(|item| item.input.unwrap()).collect();
        let expected = ["a.ts", "again/c.3gp", "b.MP4"].map(|name| Input::File(root.join(name)));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_is_searched_for_what_the_services_take() {
        assert_eq!(EXTENSIONS, devstack::EXTENSIONS);
    }

    #[test]
    fn a_folder_without_videos_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let items = expand(vec![Input::File(folder.path().into())]);
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].input.as_ref().unwrap_err().kind, "not_found");
    }
}
