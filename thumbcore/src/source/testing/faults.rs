//! Faults on purpose.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{Ends, RangeSource, SourceError, Stat};

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The answer ends half way: [`SourceError::Io`], after the request was made.
    ShortRead,
    /// 503 Slow Down: [`SourceError::Unavailable`], no request is made.
    Unavailable,
    /// The connection is reset: [`SourceError::Io`], no request is made.
    Reset,
    /// Nothing ever comes back; only dropping the call ends it.
    Stall,
    /// The object was overwritten: [`SourceError::Changed`], from now on for every call.
    Changed,
}

/// Makes calls of another source fail: chosen ones, or some by chance.
///
/// Calls (`stat`, `read`, `read_if` and `ends` alike) are numbered from 0 in the order in which
/// they begin. Chance depends on seed and number alone, so a run repeats as long as its calls begin
/// in the same order.
///
/// ```
/// use std::sync::Arc;
/// use thumbcore::{MemorySource, RangeSource, source::testing::{Fault, Faults}};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let memory = Arc::new(MemorySource::new("clip.mp4", &b"0123456789"[..]));
/// let source = Faults::new(memory).at(1, Fault::Unavailable);
/// assert!(source.read(0..2).await.is_ok());
/// assert!(source.read(0..2).await.is_err());
/// assert!(source.read(0..2).await.is_ok());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Faults {
    inner: Arc<dyn RangeSource>,
    script: BTreeMap<u64, Fault>,
    chance: Option<Chance>,
    calls: AtomicU64,
    injected: AtomicU64,
    changed: AtomicBool,
}

#[derive(Debug)]
struct Chance {
    probability: f64,
    seed: u64,
    faults: Vec<Fault>,
}

impl Faults {
    /// Passes everything on to `inner` until told otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn RangeSource>) -> Self {
        Self {
            inner,
            script: BTreeMap::new(),
            chance: None,
            calls: AtomicU64::new(0),
            injected: AtomicU64::new(0),
            changed: AtomicBool::new(false),
        }
    }

    /// Makes call number `call` fail.
    #[must_use]
    pub fn at(mut self, call: u64, fault: Fault) -> Self {
        self.script.insert(call, fault);
        self
    }

    /// Makes any other call fail with `probability` (0 to 1), in one of these ways.
    #[must_use]
    pub fn by_chance(
        mut self,
        probability: f64,
        seed: u64,
        faults: impl IntoIterator<Item = Fault>,
    ) -> Self {
        self.chance = Some(Chance {
            probability,
            seed,
            faults: faults.into_iter().collect(),
        });
        self
    }

    /// Calls begun so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(SeqCst)
    }

    /// Faults injected so far, not counting the calls after a [`Fault::Changed`].
    pub fn injected(&self) -> u64 {
        self.injected.load(SeqCst)
    }

    fn draw(&self) -> Option<Fault> {
        let call = self.calls.fetch_add(1, SeqCst);
        if let Some(fault) = self.script.get(&call) {
            return Some(*fault);
        }
        let chance = self.chance.as_ref()?;
        let bits = mix(chance.seed ^ mix(call));
        // The upper 53 bits: as many as an f64 holds exactly.
        let uniform = (bits >> 11) as f64 / (1u64 << 53) as f64;
        if uniform >= chance.probability || chance.faults.is_empty() {
            return None;
        }
        let index = mix(bits) % chance.faults.len() as u64;
        chance.faults.get(index as usize).copied()
    }

    async fn pass<T>(
        &self,
        call: impl Future<Output = Result<T, SourceError>> + Send,
    ) -> Result<T, SourceError> {
        let name = self.inner.name().to_owned();
        let fault = self.draw();
        if self.changed.load(SeqCst) {
            return Err(SourceError::changed(name));
        }
        let Some(fault) = fault else {
            return call.await;
        };
        self.injected.fetch_add(1, SeqCst);
        match fault {
            Fault::ShortRead => {
                call.await?;
                Err(SourceError::io(name, "the answer ended half way"))
            }
            Fault::Unavailable => Err(SourceError::unavailable(name, "503 Slow Down")),
            Fault::Reset => Err(SourceError::io(name, "connection reset by peer")),
            Fault::Stall => std::future::pending().await,
            Fault::Changed => {
                self.changed.store(true, SeqCst);
                Err(SourceError::changed(name))
            }
        }
    }
}

/// `SplitMix64`'s output function: a bijection that spreads neighbouring numbers.
fn mix(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[async_trait]
impl RangeSource for Faults {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn stat(&self) -> Result<Stat, SourceError> {
        self.pass(self.inner.stat()).await
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.pass(self.inner.read(range)).await
    }

    async fn read_if(&self, range: Range<u64>, expected: &Stat) -> Result<Bytes, SourceError> {
        self.pass(self.inner.read_if(range, expected)).await
    }

    async fn ends(&self, head: u64, tail: u64) -> Result<Ends, SourceError> {
        self.pass(self.inner.ends(head, tail)).await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::MemorySource;

    fn memory() -> Arc<dyn RangeSource> {
        Arc::new(MemorySource::new("m", &b"0123456789"[..]))
    }

    async fn kinds(source: &Faults, calls: u64) -> Vec<Option<&'static str>> {
        let mut kinds = Vec::new();
        for _ in 0..calls {
            kinds.push(source.read(0..4).await.err().map(|error| error.kind()));
        }
        kinds
    }

    #[tokio::test]
    async fn a_script_is_followed() {
        let source = Faults::new(memory())
            .at(1, Fault::Unavailable)
            .at(2, Fault::Reset)
            .at(3, Fault::ShortRead);
        assert_eq!(
            kinds(&source, 5).await,
            [None, Some("unavailable"), Some("io"), Some("io"), None]
        );
        assert_eq!((source.calls(), source.injected()), (5, 3));
    }

    #[tokio::test]
    async fn stat_and_ends_count_as_calls() {
        let source = Faults::new(memory())
            .at(0, Fault::Reset)
            .at(1, Fault::Unavailable);
        assert_eq!(source.stat().await.unwrap_err().kind(), "io");
        assert_eq!(source.ends(1, 1).await.unwrap_err().kind(), "unavailable");
        assert!(source.ends(1, 1).await.is_ok());
    }

    #[tokio::test]
    async fn a_changed_object_stays_changed() {
        let source = Faults::new(memory()).at(1, Fault::Changed);
        assert_eq!(
            kinds(&source, 4).await,
            [None, Some("changed"), Some("changed"), Some("changed")]
        );
    }

    #[tokio::test]
    async fn a_stall_ends_only_by_drop() {
        let source = Faults::new(memory()).at(0, Fault::Stall);
        assert!(source.read(0..4).now_or_never().is_none());
        assert!(source.read(0..4).await.is_ok());
    }

    #[tokio::test]
    async fn chance_repeats_with_its_seed() {
        let run = |seed| async move {
            let faults = [Fault::Reset, Fault::Unavailable];
            let source = Faults::new(memory()).by_chance(0.2, seed, faults);
            kinds(&source, 1_000).await
        };
        let first = run(7).await;
        assert_eq!(first, run(7).await);
        assert_ne!(first, run(8).await);
        let failed = first.iter().flatten().count();
        assert!((150..250).contains(&failed), "{failed}");
        for kind in ["io", "unavailable"] {
            assert!(first.contains(&Some(kind)), "{kind} never came");
        }
    }

    #[tokio::test]
    async fn probabilities_at_the_limits_hold() {
        let never = Faults::new(memory()).by_chance(0.0, 1, [Fault::Reset]);
        assert_eq!(kinds(&never, 100).await, vec![None; 100]);
        let always = Faults::new(memory()).by_chance(1.0, 1, [Fault::Reset]);
        assert_eq!(kinds(&always, 100).await, vec![Some("io"); 100]);
    }
}
