//! Options of an extraction.

use super::Extractor;
use crate::{Error, ImageFormat, Limits, Position, ReadConfig};

/// Builds an [`Extractor`].
#[derive(Debug, Clone)]
pub struct ExtractorBuilder {
    settings: Settings,
}

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) positions: Vec<Position>,
    pub(super) max_width: u32,
    pub(super) format: ImageFormat,
    pub(super) quality: u8,
    pub(super) exact: bool,
    pub(super) tolerance: f64,
    pub(super) limits: Limits,
    pub(super) read: ReadConfig,
}

impl Default for ExtractorBuilder {
    fn default() -> Self {
        Self {
            settings: Settings {
                positions: vec![
                    Position::Fraction(0.10),
                    Position::Fraction(0.50),
                    Position::Fraction(0.95),
                ],
                max_width: 640,
                format: ImageFormat::Jpeg,
                quality: 85,
                exact: false,
                tolerance: 0.05,
                limits: Limits::default(),
                read: ReadConfig::default(),
            },
        }
    }
}

impl ExtractorBuilder {
    /// Where to take pictures, one each: 1 to 200, each of which may cost a request or two.
    #[must_use]
    pub fn positions(mut self, positions: impl IntoIterator<Item = Position>) -> Self {
        self.settings.positions = positions.into_iter().collect();
        self
    }

    /// Widest picture in pixels; a narrower video is never enlarged.
    #[must_use]
    pub fn max_width(mut self, pixels: u32) -> Self {
        self.settings.max_width = pixels;
        self
    }

    /// The pictures' format.
    #[must_use]
    pub fn format(mut self, format: ImageFormat) -> Self {
        self.settings.format = format;
        self
    }

    /// Quality from 1 to 100.
    #[must_use]
    pub fn quality(mut self, quality: u8) -> Self {
        self.settings.quality = quality;
        self
    }

    /// Decode forward to the exact time instead of taking the nearest keyframe. Costs the packets
    /// from the keyframe before to the target.
    #[must_use]
    pub fn exact(mut self, exact: bool) -> Self {
        self.settings.exact = exact;
        self
    }

    /// How far a keyframe may lie from its target, as a fraction of the duration (default 0.05),
    /// before the video is decoded forward to the target instead.
    #[must_use]
    pub fn tolerance(mut self, fraction: f64) -> Self {
        self.settings.tolerance = fraction;
        self
    }

    /// Limits on what one video may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How the source is read.
    #[must_use]
    pub fn read(mut self, config: ReadConfig) -> Self {
        self.settings.read = config;
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn build(self) -> Result<Extractor, Error> {
        let settings = self.settings;
        let check = |good: bool, option, reason: &str| {
            if good {
                return Ok(());
            }
            Err(Error::Invalid {
                option,
                reason: reason.to_owned(),
            })
        };
        let count = settings.positions.len();
        check(
            (1..=200).contains(&count),
            "positions",
            "1 to 200 are needed",
        )?;
        let fractions_are_sound = settings.positions.iter().all(|position| match position {
            Position::Fraction(fraction) => (0.0..=1.0).contains(fraction),
            Position::Time(_) => true,
        });
        check(
            fractions_are_sound,
            "positions",
            "a fraction lies outside 0 to 1",
        )?;
        check(
            cfg!(feature = "avif") || settings.format != ImageFormat::Avif,
            "format",
            "avif: built without the feature",
        )?;
        let max_width = settings.max_width;
        check(
            (1..=16_384).contains(&max_width),
            "max_width",
            "not within 1 to 16384",
        )?;
        let quality = settings.quality;
        check(
            (1..=100).contains(&quality),
            "quality",
            "not within 1 to 100",
        )?;
        let tolerance = settings.tolerance;
        check(
            (0.0..=1.0).contains(&tolerance),
            "tolerance",
            "not within 0 to 1",
        )?;
        // Nothing can be read by windows of nothing, and sums with larger ones would overflow.
        let ReadConfig {
            head,
            window,
            max_window,
            ..
        } = settings.read;
        for (option, bytes) in [
            ("head", head),
            ("window", window),
            ("max_window", max_window),
        ] {
            check(
                (1..=1 << 30).contains(&bytes),
                option,
                "not within 1 byte to 1 GiB",
            )?;
        }
        Ok(Extractor::new(settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_nothing_or_of_too_much_are_refused() {
        type Change = fn(&mut ReadConfig, u64);
        let refused = |change: Change, bytes| {
            let mut config = ReadConfig::default();
            change(&mut config, bytes);
            match ExtractorBuilder::default().read(config).build() {
                Ok(_) => None,
                Err(Error::Invalid { option, .. }) => Some(option),
                Err(error) => panic!("{error:?}"),
            }
        };
        let options: [(&str, Change); 3] = [
            ("head", |config, bytes| config.head = bytes),
            ("window", |config, bytes| config.window = bytes),
            ("max_window", |config, bytes| config.max_window = bytes),
        ];
        for (option, change) in options {
            assert_eq!(refused(change, 0), Some(option));
            assert_eq!(refused(change, 1), None);
            assert_eq!(refused(change, 1 << 30), None);
            assert_eq!(refused(change, u64::MAX), Some(option));
        }
        assert_eq!(refused(|config, bytes| config.tail = bytes, 0), None);
    }
}
