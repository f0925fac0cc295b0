//! Options of an extractor.

mod checks;

use std::time::Duration;

use super::{Extractor, Pick, Request, admission::Admission, cpu::Cpus};
#[cfg(sandbox)]
use crate::Sandbox;
use crate::{Error, ImageFormat, Limits, MemoryBudget, Position, ReadConfig};

/// Builds an [`Extractor`].
///
/// [`limits`](Self::limits), [`read`](Self::read), [`attached_picture`](Self::attached_picture),
/// [`memory`](Self::memory), [`cpus`](Self::cpus), [`max_in_flight`](Self::max_in_flight) and
/// [`max_wait`](Self::max_wait) hold for every video.
/// The other options are those of the default [`Request`], which [`Extractor::extract`] makes.
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
    /// An attached picture will do where there is no film.
    pub(super) attached_picture: bool,
    /// `None` where videos share no memory.
    pub(super) memory: Option<MemoryBudget>,
    pub(super) cpus: Cpus,
    /// Calls worked on at once; `None` for as many as CPUs and memory suggest.
    max_in_flight: Option<usize>,
    /// `None` where a call waits for others as long as it takes.
    pub(super) max_wait: Option<Duration>,
    /// `None` where videos are decoded in this process.
    #[cfg(sandbox)]
    pub(super) sandbox: Option<Sandbox>,
}

impl Settings {
    /// Calls worked on at once.
    pub(super) fn max_in_flight(&self) -> usize {
        let default = || Admission::default_calls(&self.cpus, self.memory.as_ref());
        self.max_in_flight.unwrap_or_else(default)
    }
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

    /// Which frame near a position becomes its picture: see [`Request::pick`].
    #[must_use]
    pub fn pick(self, pick: Pick) -> Self {
        self.change(|request| request.pick(pick))
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

    /// Whether a file without a film gives its attached picture, such as the cover of an album, for
    /// every position. By default such a file ends in [`Error::NoVideo`]. A film's pictures are
    /// never those that are attached to it.
    #[must_use]
    pub fn attached_picture(mut self, is_wanted: bool) -> Self {
        self.settings.attached_picture = is_wanted;
        self
    }

    /// Memory that all videos share, also with other extractors that are given the same budget.
    /// Without one, only [`Limits::max_memory`] bounds each by itself.
    #[must_use]
    pub fn memory(mut self, budget: MemoryBudget) -> Self {
        self.settings.memory = Some(budget);
        self
    }

    /// CPUs that all videos share, also with other extractors that are given a clone: so many
    /// pictures are decoded or encoded at once. By default an extractor has as many for itself as
    /// the process may use (of the container's quota).
    #[must_use]
    pub fn cpus(mut self, cpus: Cpus) -> Self {
        self.settings.cpus = cpus;
        self
    }

    /// How many pictures are decoded or encoded at once, of all videos together: 1 to 1024. Short
    /// for [`cpus`](Self::cpus) with CPUs of its own.
    #[must_use]
    pub fn decoding(self, pictures: usize) -> Self {
        self.cpus(Cpus::new(pictures))
    }

    /// How many calls are worked on at once, 1 to 65,536. Further calls wait, and cost neither a
    /// thread nor a byte until they are let in. By default 16 for each CPU, or as many as begin
    /// within the [`memory`](Self::memory) (32 MiB each) where those are fewer.
    ///
    /// A call has one thread; keyframes of one call that are decoded side by side have one more for
    /// each further CPU. So the threads are as many as the calls in flight and the CPUs together.
    #[must_use]
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.settings.max_in_flight = Some(calls);
        self
    }

    /// How long a call may wait for what others use (its place among the calls in flight, memory,
    /// CPUs, its turn on an open video), all waits together. Beyond that it ends with
    /// [`Error::Busy`]. By default it waits as long as it takes.
    #[must_use]
    pub fn max_wait(mut self, limit: Duration) -> Self {
        self.settings.max_wait = Some(limit);
        self
    }

    /// Demuxes, decodes, renders and encodes each video in a process of `sandbox`, which has no
    /// right but to ask for the video's bytes. Pictures, bytes and requests are the same.
    ///
    /// A process that dies is replaced once; if that one dies as well, the call ends in
    /// [`Error::Crashed`], and nothing else does.
    #[cfg(sandbox)]
    #[must_use]
    pub fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.settings.sandbox = Some(sandbox);
        self
    }

    fn change(mut self, change: impl FnOnce(Request) -> Request) -> Self {
        self.settings.request = change(self.settings.request);
        self
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the option that is wrong, or that cannot work with another.
    pub fn build(self) -> Result<Extractor, Error> {
        self.settings.check()?;
        Ok(Extractor::new(self.settings))
    }
}
