//! The value of `THUMBNAIL_WIDTHS`.

use std::{fmt, iter, str::FromStr};

use contract::naming::MIN_RENDITION_WIDTH;

/// Narrowest and widest picture, in pixels.
const RANGE: std::ops::RangeInclusive<u32> = 16..=8192;

/// Widths of the pictures, in pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widths {
    /// The width of the pictures whose keys have no width in them.
    pub first: u32,
    /// The widths that each picture is made in besides, all different.
    pub further: Vec<u32>,
}

impl Widths {
    /// A single width.
    pub(super) fn one(width: u32) -> Self {
        Self {
            first: width,
            further: Vec::new(),
        }
    }

    /// All widths, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        iter::once(self.first).chain(self.further.iter().copied())
    }
}

impl FromStr for Widths {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(',');
        let mut widths = Self::one(width(words.next().unwrap_or_default())?);
        for word in words {
            let width = width(word)?;
            if width < MIN_RENDITION_WIDTH {
                // The key of `NAME_1_99.jpg` is that of another video's picture.
                return Err(format!(
                    "{width}: widths after the first must be at least {MIN_RENDITION_WIDTH}"
                ));
            }
            if widths.iter().any(|other| other == width) {
                return Err(format!("{width} is given twice"));
            }
            widths.further.push(width);
        }
        Ok(widths)
    }
}

fn width(word: &str) -> Result<u32, String> {
    let word = word.trim();
    let width = word
        .parse()
        .map_err(|_| format!("{word:?} is not a number of pixels"))?;
    if !RANGE.contains(&width) {
        let (least, most) = RANGE.into_inner();
        return Err(format!("{width} is not between {least} and {most}"));
    }
    Ok(width)
}

impl fmt::Display for Widths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.further
            .iter()
            .try_for_each(|width| write!(f, ",{width}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_a_list_of_different_numbers() {
        let parse = |text: &str| text.parse::<Widths>();
        let widths = parse("640, 320").unwrap();
        assert_eq!((widths.first, &widths.further[..]), (640, &[320][..]));
        assert_eq!(widths.to_string(), "640,320");
        assert_eq!(parse("16").unwrap(), Widths::one(16));
        for (text, reason) in [
            ("", "not a number"),
            ("640,", "not a number"),
            ("wide", "not a number"),
            ("640,99", "at least 100"),
            ("15", "between 16 and 8192"),
            ("640,9000", "between 16 and 8192"),
            ("640,320,640", "twice"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
