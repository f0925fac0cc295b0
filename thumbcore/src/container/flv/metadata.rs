//! `onMetaData`: the facts and, where a tool added one, the keyframe index of an FLV file.
//!
//! Source: Action Message Format AMF 0 (Adobe, 2007), and Adobe Flash Video File Format 10.1,
//! annex E.5. Written for files as they are: array counts lie, end markers are missing.

use std::ops::ControlFlow;

/// What `onMetaData` says that matters here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Metadata {
    /// In seconds.
    pub(super) duration: Option<f64>,
    /// Bytes of the file, as its writer left it.
    pub(super) file_size: Option<u64>,
    /// Keyframes: their times in seconds and the offsets of their tags.
    pub(super) keyframes: Vec<(f64, u64)>,
}

/// Values nested deeper than this are not looked into: `keyframes.times[0]` is the third level.
const MAX_DEPTH: u32 = 8;

impl Metadata {
    /// Reads the body of a script tag; what is missing or broken is left out.
    pub(super) fn parse(body: &[u8]) -> Self {
        let mut metadata = Self::default();
        let mut rest = Input(body);
        if rest.byte() == Some(STRING) && rest.string() == Some(b"onMetaData") {
            // The facts read before the body breaks off are as good as in a whole one.
            let _ = rest.members(|key, input| metadata.member(key, input));
        }
        metadata
    }

    fn member(&mut self, key: &[u8], input: &mut Input<'_>) -> Option<()> {
        match key {
            b"duration" => {
                self.duration = Some(input.number()?).filter(|s| s.is_finite() && *s > 0.0);
            }
            b"filesize" => {
                let bytes = Some(input.number()?).filter(|bytes| *bytes >= 1.0 && *bytes < 1e15);
                self.file_size = bytes.map(|bytes| bytes as u64);
            }
            b"keyframes" => {
                let (mut times, mut positions) = (Vec::new(), Vec::new());
                let whole = input.members(|key, input| {
                    match key {
                        b"times" => times = input.numbers()?,
                        b"filepositions" => positions = input.numbers()?,
                        _ => input.skip(MAX_DEPTH)?,
                    }
                    Some(())
                });
                // Lists of different lengths do not belong together.
                if times.len() == positions.len() {
                    let pairs = times.into_iter().zip(positions);
                    self.keyframes = pairs
                        .filter(|(time, at)| time.is_finite() && *at >= 0.0 && *at < 1e15)
                        .map(|(time, at)| (time, at as u64))
                        .collect();
                }
                whole?;
            }
            _ => input.skip(MAX_DEPTH)?,
        }
        Some(())
    }
}

const NUMBER: u8 = 0;
const BOOLEAN: u8 = 1;
const STRING: u8 = 2;
const OBJECT: u8 = 3;
const NULL: u8 = 5;
const UNDEFINED: u8 = 6;
const REFERENCE: u8 = 7;
const ECMA_ARRAY: u8 = 8;
const STRICT_ARRAY: u8 = 10;
const DATE: u8 = 11;
const LONG_STRING: u8 = 12;

/// What is left to read. Each method takes its part off, or gives `None` at the end.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (part, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(part)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let len = u16::from_be_bytes(self.array()?);
        self.take(usize::from(len))
    }

    /// A number; a value of another type is passed over and counts as not a number.
    fn number(&mut self) -> Option<f64> {
        if self.0.first() == Some(&NUMBER) {
            self.byte()?;
            return self.array().map(f64::from_be_bytes);
        }
        self.skip(MAX_DEPTH).map(|()| f64::NAN)
    }

    /// The numbers of a strict array; empty for a value of another type.
    fn numbers(&mut self) -> Option<Vec<f64>> {
        if self.0.first() != Some(&STRICT_ARRAY) {
            self.skip(MAX_DEPTH)?;
            return Some(Vec::new());
        }
        self.byte()?;
        let count = u32::from_be_bytes(self.array()?);
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(self.number()?);
        }
        Some(numbers)
    }

    /// Calls `member` for each member of an object or an ECMA array; it must take the value.
    fn members(&mut self, mut member: impl FnMut(&[u8], &mut Self) -> Option<()>) -> Option<()> {
        match self.byte()? {
            OBJECT => {}
            ECMA_ARRAY => drop(self.take(4)?),
            _ => return None,
        }
        loop {
            let key = self.string()?;
            if key.is_empty() && self.0.first() == Some(&9) {
                self.byte()?;
                return Some(());
            }
            member(key, self)?;
        }
    }

    /// Passes over a value.
    fn skip(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let kind = *self.0.first()?;
        if matches!(kind, OBJECT | ECMA_ARRAY) {
            return self.members(|_, input| input.skip(depth));
        }
        self.byte()?;
        let len = match kind {
            NUMBER => 8,
            BOOLEAN => 1,
            NULL | UNDEFINED => 0,
            REFERENCE => 2,
            DATE => 10,
            STRING => return self.string().map(drop),
            LONG_STRING => u32::from_be_bytes(self.array()?) as usize,
            STRICT_ARRAY => {
                let count = u32::from_be_bytes(self.array()?);
                let flow = (0..count).try_for_each(|_| match self.skip(depth) {
                    Some(()) => ControlFlow::Continue(()),
                    None => ControlFlow::Break(()),
                });
                return flow.is_continue().then_some(());
            }
            _ => return None,
        };
        self.take(len).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(text: &str) -> Vec<u8> {
        let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    fn number(value: f64) -> Vec<u8> {
        [&[NUMBER][..], &value.to_be_bytes()].concat()
    }

    fn numbers(values: &[f64]) -> Vec<u8> {
        let mut bytes = vec![STRICT_ARRAY];
        bytes.extend_from_slice(&(values.len() as u32).to_be_bytes());
        bytes.extend(values.iter().flat_map(|value| number(*value)));
        bytes
    }

    fn body(duration: f64, times: &[f64], positions: &[f64]) -> Vec<u8> {
        let end = [0, 0, 9];
        [
            &[STRING][..],
            &string("onMetaData"),
            &[ECMA_ARRAY, 0, 0, 0, 99],
            &string("title"),
            &[LONG_STRING, 0, 0, 0, 2, b'h', b'i'],
            &string("tags"),
            &[STRICT_ARRAY, 0, 0, 0, 2, NULL, BOOLEAN, 1],
            &string("duration"),
            &number(duration),
            &string("keyframes"),
            &[OBJECT],
            &string("times"),
            &numbers(times),
            &string("filepositions"),
            &numbers(positions),
            &end,
            &end,
        ]
        .concat()
    }

    #[test]
    fn lists_that_do_not_match_are_no_index() {
        let metadata = Metadata::parse(&body(3.5, &[0.0, 1.0], &[13.0]));
        assert_eq!(metadata.duration, Some(3.5));
        assert_eq!(metadata.keyframes, []);
    }

    #[test]
    fn what_a_broken_body_says_before_it_breaks_counts() {
        let whole = body(3.5, &[0.0], &[13.0]);
        let cut = &whole[..whole.len() - 30];
        assert_eq!(Metadata::parse(cut).duration, Some(3.5));
    }

    #[test]
    fn nesting_has_an_end() {
        let mut deep = [&[STRING][..], &string("onMetaData"), &[OBJECT]].concat();
        for _ in 0..100_000 {
            deep.extend(string("a"));
            deep.push(OBJECT);
        }
        assert_eq!(Metadata::parse(&deep), Metadata::default());
        let claim = [
            &[STRING][..],
            &string("onMetaData"),
            &[OBJECT],
            &string("keyframes"),
            &[OBJECT],
            &string("times"),
            &[STRICT_ARRAY, 255, 255, 255, 255],
        ]
        .concat();
        assert_eq!(Metadata::parse(&claim), Metadata::default());
    }

    proptest! {
        #[test]
        fn reads_back_what_was_written(
            duration in 0.001f64..1e6,
            keyframes in prop::collection::vec((0.0f64..1e6, 0u64..1 << 48), 0..50),
        ) {
            let (times, positions): (Vec<_>, Vec<_>) =
                keyframes.iter().map(|(time, at)| (*time, *at as f64)).unzip();
            let metadata = Metadata::parse(&body(duration, &times, &positions));
            prop_assert_eq!(metadata.duration, Some(duration));
            prop_assert_eq!(metadata.keyframes, keyframes);
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let start = [&[STRING][..], &string("onMetaData")].concat();
            let metadata = Metadata::parse(&[&start[..], &bytes].concat());
            prop_assert!(metadata.keyframes.len() <= bytes.len());
        }
    }
}
