//! What is asked for: which picture of which video.

use std::time::Duration;

use contract::{NamingError, metadata};
use thumbcore::{Position, Request};

/// The tolerance, as a share of the duration, that makes every keyframe near enough.
const ANY_DISTANCE: f64 = 1.0;

const DEFAULT_WIDTH: u32 = 640;

/// Widest picture: Full HD.
const MAX_WIDTH: u32 = 1920;

/// Narrowest picture.
const MIN_WIDTH: u32 = 16;

/// Latest time, in seconds: a day.
const MAX_SECONDS: f64 = 86_400.0;

/// Why a request names no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("w: {MIN_WIDTH} to {MAX_WIDTH} pixels")]
    Width,
    #[error("t: seconds (12.5) up to a day, or a percentage (50%)")]
    Time,
    #[error(transparent)]
    Key(#[from] NamingError),
}

/// A time in a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Time {
    Milliseconds(u64),
    /// Thousandths of a percent.
    Percent(u32),
}

/// Which picture is taken for a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Mode {
    /// The one that is shown at the time, decoded from the keyframe before it.
    #[default]
    Exact,
    /// The nearest keyframe, which costs a fraction of the work.
    Keyframe,
}

/// One picture of one video.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameRequest {
    pub(super) video: String,
    pub(super) time: Time,
    pub(super) width: u32,
    pub(super) mode: Mode,
}

impl FrameRequest {
    /// Reads `key`, `t` (`90`, `90.5`, `90s` or `12.5%`) and `w`.
    pub(crate) fn new(
        key: &str,
        t: &str,
        w: Option<u32>,
        mode: Mode,
    ) -> Result<Self, RequestError> {
        let width = w.unwrap_or(DEFAULT_WIDTH);
        if !(MIN_WIDTH..=MAX_WIDTH).contains(&width) {
            return Err(RequestError::Width);
        }
        let time = Time::parse(t).ok_or(RequestError::Time)?;
        Ok(Self {
            video: key.to_owned(),
            time,
            width,
            mode,
        })
    }
}

impl Time {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, percent) = match text.strip_suffix('%') {
            Some(number) => (number, true),
            None => (text.strip_suffix('s').unwrap_or(text), false),
        };
        // `f64::parse` also reads `inf` and `1e3`.
        if !number
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
        {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        if percent {
            (number <= 100.0).then(|| Self::Percent((number * 1000.0).round() as u32))
        } else {
            (number <= MAX_SECONDS).then(|| Self::Milliseconds((number * 1000.0).round() as u64))
        }
    }

    pub(super) fn position(self) -> Position {
        match self {
            Self::Milliseconds(ms) => Position::Time(Duration::from_millis(ms)),
            Self::Percent(thousandths) => Position::Fraction(f64::from(thousandths) / 100_000.0),
        }
    }
}

impl FrameRequest {
    /// The request to thumbcore.
    pub(super) fn picture(&self) -> Request {
        let request = Request::new()
            .positions([self.time.position()])
            .widths([self.width]);
        match self.mode {
            Mode::Exact => request.exact(true),
            Mode::Keyframe => request.tolerance(ANY_DISTANCE),
        }
    }

    /// The entity tag of the picture, of the version `etag` of the video.
    pub(super) fn entity_tag(&self, etag: &str) -> String {
        let version: String = metadata::bare_etag(etag)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let time = match self.time {
            Time::Milliseconds(ms) => format!("{ms}ms"),
            Time::Percent(thousandths) => format!("{thousandths}p"),
        };
        let mode = match self.mode {
            Mode::Exact => "",
            Mode::Keyframe => "-keyframe",
        };
        format!("\"{version}-{time}-{}{mode}\"", self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_normalised() {
        for (text, time) in [
            ("0", Time::Milliseconds(0)),
            ("90", Time::Milliseconds(90_000)),
            ("90.50", Time::Milliseconds(90_500)),
            ("1.5s", Time::Milliseconds(1_500)),
            ("50%", Time::Percent(50_000)),
            ("99.999%", Time::Percent(99_999)),
            ("100%", Time::Percent(100_000)),
        ] {
            assert_eq!(Time::parse(text), Some(time), "{text}");
        }
        for text in [
            "", "-1", "1e3", "inf", "nan", "100.1%", "86401", "%", "s", "1.2.3", "5m",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn requests_that_name_no_picture_are_refused() {
        for (t, w, error) in [
            ("x", None, RequestError::Time),
            ("1", Some(15), RequestError::Width),
            ("1", Some(1921), RequestError::Width),
        ] {
            assert_eq!(
                FrameRequest::new("uploads/a.mp4", t, w, Mode::Exact),
                Err(error)
            );
        }
    }
}
