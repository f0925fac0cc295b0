//! The name and the media type of a video that a client chooses.

use contract::naming::video_type;

const MAX_NAME_BYTES: usize = 900;

/// Checks the name of an upload: a path that means the same to every program that reads it.
pub(super) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err("1 to 900 bytes");
    }
    // Includes the characters that change how others look, such as U+202E.
    let is_odd = |c: char| {
        c.is_control()
            || matches!(c, '\\' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    if name.chars().any(is_odd) {
        return Err("control characters and backslashes are not allowed");
    }
    for segment in name.split('/') {
        if matches!(segment, "" | "." | "..") {
            return Err("empty, '.' and '..' segments are not allowed");
        }
        if segment.trim() != segment {
            return Err("segments must not begin or end with a space");
        }
    }
    Ok(())
}

/// The media type of the object.
pub(super) fn content_type(key: &str, wanted: Option<&str>) -> Result<String, &'static str> {
    let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) else {
        let known = video_type(key).unwrap_or("application/octet-stream");
        return Ok(known.to_owned());
    };
    // Never HTML, which a browser would run with the rights of the store's origin.
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let is_video = wanted.strip_prefix("video/").is_some_and(is_token);
    if wanted.len() <= 100 && (is_video || wanted == "application/octet-stream") {
        return Ok(wanted.to_owned());
    }
    Err("video/… or application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_are_refused() {
        for name in [
            "a.mp4",
            "holiday 2024/día 1/clip.MOV",
            "日本.webm",
            "a..b.mkv",
            ".a.mp4",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name:?}");
        }
        for name in [
            "",
            "/a.mp4",
            "a//b.mp4",
            "../a.mp4",
            "a/../../thumbnails/b.mp4",
            "./a.mp4",
            "a/./b.mp4",
            "a/",
            "a\\b.mp4",
            "a\nb.mp4",
            "a\r\nX-Evil: 1.mp4",
            "a\0.mp4",
            " a.mp4",
            "a /b.mp4",
            "gpm.\u{202e}4pm.mp4",
            "\u{feff}a.mp4",
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"x".repeat(901)).is_err());
    }

    #[test]
    fn only_videos_are_typed_as_such() {
        assert_eq!(content_type("a.MKV", None).unwrap(), "video/x-matroska");
        assert_eq!(content_type("a.mp4", Some("")).unwrap(), "video/mp4");
        assert_eq!(
            content_type("a.mp4", Some("video/H264")).unwrap(),
            "video/H264"
        );
        for wanted in [
            "text/html",
            "video/",
            "video/a b",
            "video/a\r\nx: y",
            "image/svg+xml",
            "*/*",
        ] {
            assert!(content_type("a.mp4", Some(wanted)).is_err(), "{wanted:?}");
        }
    }
}
