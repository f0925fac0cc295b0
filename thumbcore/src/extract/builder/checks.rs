//! Options that cannot work, alone or together.

use std::{ops::RangeInclusive, time::Duration};

use super::Settings;
use crate::{Error, Limits, ReadConfig, error::check};

/// Largest number of bytes that is read at once: 1 GiB. Sums of several cannot overflow.
const MAX_READ: u64 = 1 << 30;

impl Settings {
    /// [`Error::Invalid`] for the first option that cannot work.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.request.check()?;
        within("decoding", self.cpus.count(), 1..=1024)?;
        within("max_in_flight", self.max_in_flight(), 1..=1 << 16)?;
        self.limits.check_options()?;
        self.read.check_options()?;
        self.check_together()
    }

    /// Options that must fit each other.
    fn check_together(&self) -> Result<(), Error> {
        // Both are charged before either is read.
        let ends = self.read.head + self.read.tail;
        check(
            self.limits.max_memory >= ends,
            "max_memory",
            "less than head and tail together",
        )?;
        check(
            self.memory
                .as_ref()
                .is_none_or(|memory| memory.limit() >= ends),
            "memory",
            "less than head and tail together",
        )
    }
}

impl Limits {
    fn check_options(&self) -> Result<(), Error> {
        within("max_pixels", self.max_pixels, 1..=u64::MAX)?;
        within("max_streams", self.max_streams, 1..=usize::MAX)?;
        within("max_samples", self.max_samples, 1..=u64::MAX)?;
        within("max_packets", self.max_packets, 1..=usize::MAX)?;
        within("max_bytes", self.max_bytes, 1..=u64::MAX)?;
        within("max_requests", self.max_requests, 1..=u64::MAX)?;
        let has_time = self.max_time > Duration::ZERO;
        check(has_time, "max_time", "no time at all")
    }
}

impl ReadConfig {
    fn check_options(&self) -> Result<(), Error> {
        // Nothing can be read by windows of nothing.
        within("head", self.head, 1..=MAX_READ)?;
        within("tail", self.tail, 0..=MAX_READ)?;
        within("max_ends", self.max_ends, 0..=MAX_READ)?;
        within("whole", self.whole, 0..=MAX_READ)?;
        within("gap", self.gap, 0..=MAX_READ)?;
        within("window", self.window, 1..=MAX_READ)?;
        within("max_window", self.max_window, 1..=MAX_READ)?;
        let is_in_order = self.window <= self.max_window;
        check(is_in_order, "window", "larger than max_window")?;
        // The tail would drive out the head, which tells the container.
        let ends = self.head + self.tail;
        let holds_ends = self.cache as u64 >= ends;
        check(holds_ends, "cache", "smaller than head and tail together")?;
        within("concurrency", self.concurrency, 1..=1024)?;
        within("retries", self.retries, 0..=100)
    }
}

fn within<T: PartialOrd + Copy + std::fmt::Display>(
    option: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), Error> {
    let (first, last) = (range.start(), range.end());
    let reason = format!("{value} is not within {first} to {last}");
    check(range.contains(&value), option, &reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cpus, ExtractorBuilder, MemoryBudget};

    fn refused(builder: ExtractorBuilder) -> Option<&'static str> {
        match builder.build() {
            Ok(_) => None,
            Err(Error::Invalid { option, .. }) => Some(option),
            Err(error) => panic!("{error:?}"),
        }
    }

    fn reading(change: impl FnOnce(&mut ReadConfig)) -> Option<&'static str> {
        let mut config = ReadConfig::default();
        change(&mut config);
        refused(ExtractorBuilder::default().read(config))
    }

    fn limited(change: impl FnOnce(&mut Limits)) -> Option<&'static str> {
        let mut limits = Limits::default();
        change(&mut limits);
        refused(ExtractorBuilder::default().limits(limits))
    }

    #[test]
    fn reads_of_nothing_or_of_too_much_are_refused() {
        type Change = fn(&mut ReadConfig, u64);
        let options: [(&str, Change); 2] = [
            ("head", |config, bytes| config.head = bytes),
            ("window", |config, bytes| config.window = bytes),
        ];
        for (option, change) in options {
            let wide = |bytes| {
                let mut config = ReadConfig {
                    max_window: 1 << 30,
                    cache: 2 << 30,
                    ..ReadConfig::default()
                };
                change(&mut config, bytes);
                let limits = Limits {
                    max_memory: 2 << 30,
                    ..Limits::default()
                };
                refused(ExtractorBuilder::default().read(config).limits(limits))
            };
            assert_eq!(wide(0), Some(option));
            assert_eq!(wide(1), None);
            assert_eq!(wide(1 << 30), None, "{option}");
            assert_eq!(wide(u64::MAX), Some(option));
        }
        assert_eq!(reading(|config| config.tail = 0), None);
        assert_eq!(reading(|config| config.tail = u64::MAX), Some("tail"));
        assert_eq!(reading(|config| config.whole = u64::MAX), Some("whole"));
        assert_eq!(reading(|config| config.gap = u64::MAX), Some("gap"));
        let ends = u64::MAX;
        assert_eq!(reading(|config| config.max_ends = ends), Some("max_ends"));
    }

    #[test]
    fn options_that_cannot_work_together_are_refused() {
        assert_eq!(reading(|config| config.cache = 0), Some("cache"));
        assert_eq!(reading(|config| config.cache = 128 << 10), None);
        let small = (128 << 10) - 1;
        assert_eq!(reading(|config| config.cache = small), Some("cache"));
        assert_eq!(reading(|config| config.max_window = 1), Some("window"));
        assert_eq!(
            reading(|config| config.concurrency = 0),
            Some("concurrency")
        );
        let memory = |bytes| refused(ExtractorBuilder::default().memory(MemoryBudget::new(bytes)));
        assert_eq!(memory(1 << 10), Some("memory"));
        assert_eq!(memory(128 << 10), None);
    }

    #[test]
    fn limits_that_let_nothing_through_are_refused() {
        assert_eq!(limited(|limits| limits.max_pixels = 0), Some("max_pixels"));
        assert_eq!(
            limited(|limits| limits.max_streams = 0),
            Some("max_streams")
        );
        assert_eq!(
            limited(|limits| limits.max_samples = 0),
            Some("max_samples")
        );
        assert_eq!(
            limited(|limits| limits.max_packets = 0),
            Some("max_packets")
        );
        assert_eq!(limited(|limits| limits.max_bytes = 0), Some("max_bytes"));
        assert_eq!(
            limited(|limits| limits.max_requests = 0),
            Some("max_requests")
        );
        assert_eq!(limited(|limits| limits.max_memory = 9), Some("max_memory"));
        let none = Duration::ZERO;
        assert_eq!(limited(|limits| limits.max_time = none), Some("max_time"));
    }

    #[test]
    fn nothing_at_once_is_refused() {
        let builder = ExtractorBuilder::default;
        assert_eq!(refused(builder().decoding(0)), Some("decoding"));
        assert_eq!(refused(builder().cpus(Cpus::new(0))), Some("decoding"));
        assert_eq!(refused(builder().decoding(1)), None);
        assert_eq!(refused(builder().max_in_flight(0)), Some("max_in_flight"));
        assert_eq!(refused(builder().max_in_flight(1)), None);
    }
}
