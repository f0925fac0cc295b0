//! Options of an extractor.

use super::{Extractor, Request, request::check};
use crate::{Error, ImageFormat, Limits, MemoryBudget, Position, ReadConfig};

/// Builds an [`Extractor`].
///
/// [`limits`](Self::limits), [`read`](Self::read) and [`decoding`](Self::decoding) hold for every
/// video. The other options are those of the default [`Request`], which
/// [`Extractor::extract`] makes.
#[derive(Debug, Clone, Default)]
pub struct ExtractorBuilder {
    pub(super) settings: Settings,
}

/// What holds for all videos of an extractor.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) request: Request,
    pub(super) limits: Limits,
    pub(super) read: ReadConfig,
    /// `None` where videos share no memory.
    pub(super) memory: Option<MemoryBudget>,
    /// Pictures decoded at once; `None` for as many as there are CPUs.
    pub(super) decoding: Option<usize>,
}

impl ExtractorBuilder {
    /// The default request, all of it.
    #[must_use]
    pub fn request(mut self, request: Request) -> Self {
        self.settings.request = request;
        self
    }

    /// Where to take pictures: see [`Request::positions`].
    #[must_use]
    pub fn positions(self, positions: impl IntoIterator<Item = Position>) -> Self {
        self.change(|request| request.positions(positions))
    }

    /// Widest picture in pixels; a narrower video is never enlarged.
    #[must_use]
    pub fn max_width(self, pixels: u32) -> Self {
        self.widths([pixels])
    }

    /// Several widths, each picture in all of them: see [`Request::widths`].
    #[must_use]
    pub fn widths(self, pixels: impl IntoIterator<Item = u32>) -> Self {
        self.change(|request| request.widths(pixels))
    }

    /// The pictures' format.
    #[must_use]
    pub fn format(self, format: ImageFormat) -> Self {
        self.change(|request| request.format(format))
    }

    /// Quality from 1 to 100.
    #[must_use]
    pub fn quality(self, quality: u8) -> Self {
        self.change(|request| request.quality(quality))
    }

    /// Decode forward to the exact time: see [`Request::exact`].
    #[must_use]
    pub fn exact(self, exact: bool) -> Self {
        self.change(|request| request.exact(exact))
    }

    /// How far a keyframe may lie from its target: see [`Request::tolerance`].
    #[must_use]
    pub fn tolerance(self, fraction: f64) -> Self {
        self.change(|request| request.tolerance(fraction))
    }

    /// Limits on what one call may cost.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How sources are read.
    #[must_use]
    pub fn read(mut self, config: ReadConfig) -> Self {
        self.settings.read = config;
        self
    }

    /// Memory that all videos share, also with other extractors that are given the same budget.
    /// Without one, only [`Limits::max_memory`] bounds each by itself.
    #[must_use]
    pub fn memory(mut self, budget: MemoryBudget) -> Self {
        self.settings.memory = Some(budget);
        self
    }

    /// How many pictures are decoded or encoded at once, of all videos together: 1 to 1024. As
    /// many as there are CPUs (of the container's quota) by default.
    #[must_use]
    pub fn decoding(mut self, pictures: usize) -> Self {
        self.settings.decoding = Some(pictures);
        self
    }

    fn change(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.settings.request = change(self.settings.request);
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong.
    pub fn build(self) -> Result<Extractor, Error> {
        let settings = self.settings;
        settings.request.check()?;
        let decoding = settings.decoding.unwrap_or(1);
        check(
            (1..=1024).contains(&decoding),
            "decoding",
            "not within 1 to 1024",
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

    fn refused(builder: ExtractorBuilder) -> Option<&'static str> {
        match builder.build() {
            Ok(_) => None,
            Err(Error::Invalid { option, .. }) => Some(option),
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn reads_of_nothing_or_of_too_much_are_refused() {
        type Change = fn(&mut ReadConfig, u64);
        let refused = |change: Change, bytes| {
            let mut config = ReadConfig::default();
            change(&mut config, bytes);
            refused(ExtractorBuilder::default().read(config))
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

    #[test]
    fn no_picture_at_once_is_refused() {
        let builder = ExtractorBuilder::default;
        assert_eq!(refused(builder().decoding(0)), Some("decoding"));
        assert_eq!(refused(builder().decoding(1)), None);
    }
}
