//! What a list is asked for: filters, limit, and the cursor of the page before.

use std::cmp::Reverse;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};

use super::object::{Format, Place};

/// Longest prefix in characters; no key has more bytes.
const MAX_PREFIX: usize = 1024;

/// How many entries the pages of a list have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paging {
    /// If the client does not say.
    default: usize,
    most: usize,
}

impl Paging {
    /// Pages of pictures.
    pub(crate) const THUMBNAILS: Self = Self {
        default: 60,
        most: 200,
    };
    /// Pages of videos. Each may cost a request to S3.
    pub(crate) const VIDEOS: Self = Self {
        default: 20,
        most: 50,
    };
}

/// What a page is to hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Only pictures of this number.
    pub(crate) number: Option<u16>,
    /// Only keys that begin with this, with or without the thumbnail prefix.
    pub(crate) prefix: String,
    /// Only videos whose names have this in them, whatever its case; in lower case.
    pub(crate) search: String,
    pub(crate) sort: Sort,
    /// Most entries.
    pub(crate) limit: usize,
    /// Where the page before ended.
    pub(crate) after: Option<Cursor>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    /// By time, newest first.
    #[default]
    Newest,
    /// By name.
    Name,
    /// By the size of the video, largest first.
    Size,
    /// By the bytes that were read of the video, most first.
    Read,
}

impl Query {
    /// Asks for videos whose names have `text` in them, in the order `sort`.
    pub(crate) fn searching(mut self, text: Option<&str>, sort: Sort) -> Result<Self, QueryError> {
        let text = text.unwrap_or_default();
        if text.chars().count() > MAX_PREFIX {
            return Err(QueryError::Search);
        }
        self.search = text.to_lowercase();
        self.sort = sort;
        Ok(self)
    }

    /// Whether a video of this name, without the thumbnail prefix, is searched for.
    pub(super) fn finds(&self, name: &str) -> bool {
        self.search.is_empty() || name.to_lowercase().contains(&self.search)
    }
}

/// Why a query cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    #[error("limit: 1 to {most}")]
    Limit { most: usize },
    #[error("prefix: longer than any key")]
    Prefix,
    #[error("search: longer than any key")]
    Search,
    #[error("there is no page at this cursor")]
    Cursor,
}

impl Query {
    /// Checks what a client asks for.
    pub(crate) fn new(
        paging: Paging,
        prefix: Option<&str>,
        limit: Option<usize>,
        cursor: Option<&str>,
    ) -> Result<Self, QueryError> {
        let Paging { default, most } = paging;
        let limit = limit.unwrap_or(default);
        if !(1..=most).contains(&limit) {
            return Err(QueryError::Limit { most });
        }
        let prefix = prefix.unwrap_or_default();
        if prefix.chars().count() > MAX_PREFIX {
            return Err(QueryError::Prefix);
        }
        let after = match cursor {
            None => None,
            Some(text) => Some(Cursor::decode(text).ok_or(QueryError::Cursor)?),
        };
        Ok(Self {
            prefix: prefix.to_owned(),
            limit,
            after,
            ..Self::default()
        })
    }

    /// The first page of all pictures.
    pub(crate) fn newest() -> Self {
        Self {
            limit: Paging::THUMBNAILS.default,
            ..Self::default()
        }
    }
}

/// A place in the order of a list, opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(super) place: Place,
    /// What the list is sorted by, in orders other than those of time and of names.
    pub(super) value: u64,
}

impl Cursor {
    const VERSION: u8 = 2;

    /// Reads the text that [`Cursor::encode`] wrote.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&[version], rest) = bytes.split_first_chunk()?;
        let (value, rest) = rest.split_first_chunk()?;
        let (modified, rest) = rest.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (&[format], name) = rest.split_first_chunk()?;
        let format = [Format::Jpg, Format::Webp, Format::Avif]
            .into_iter()
            .find(|known| *known as u8 == format)?;
        (version == Self::VERSION).then_some(())?;
        Some(Self {
            place: Place {
                modified: Reverse(u32::from_be_bytes(*modified)),
                name: std::str::from_utf8(name).ok()?.into(),
                number: u16::from_be_bytes(*number),
                format,
            },
            value: u64::from_be_bytes(*value),
        })
    }

    /// Text for a URL.
    pub(crate) fn encode(&self) -> String {
        let Place {
            modified,
            name,
            number,
            format,
        } = &self.place;
        let mut bytes = vec![Self::VERSION];
        bytes.extend(self.value.to_be_bytes());
        bytes.extend(modified.0.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.push(*format as u8);
        bytes.extend(name.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_of_others_are_refused() {
        for text in ["", "x", "AAAA", "!!!", "AQAAAAAAAAk", "AgAAAAAAAQA"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }
}
