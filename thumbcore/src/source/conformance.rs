//! The contract of [`RangeSource`], as a test.
//!
//! A [`Fixture`] stores files where a source finds them; [`run`] reads them in every way the
//! contract speaks of and names the first promise that is broken. Files are small (at most 1 MiB),
//! so that the suite may run against a real network.

use std::{error::Error, iter::successors, ops::Range, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{FutureExt, future::join_all};

use crate::{RangeSource, SourceError, Stat, Validator};

/// What a fixture's own failure looks like.
pub type FixtureError = Box<dyn Error + Send + Sync>;

/// Where the suite's files live.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// Stores `bytes` as `key` (letters, digits and `-`), replacing what is there.
    async fn store(&self, key: &str, bytes: Bytes) -> Result<(), FixtureError>;

    /// Opens a new source for `key`, whether or not there is such a file.
    async fn open(&self, key: &str) -> Result<Arc<dyn RangeSource>, SourceError>;

    /// Whether an open source sees what is stored under its key later. `false` for sources that
    /// hold their bytes themselves.
    fn overwrites_show(&self) -> bool {
        true
    }

    /// What must not appear in a name, an error or a debug print.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A broken promise.
#[derive(Debug, thiserror::Error)]
#[error("{promise}: {detail}")]
pub struct Violation {
    /// The promise, in words.
    pub promise: &'static str,
    /// What was seen instead.
    pub detail: String,
}

/// Checks every line of the contract.
///
/// # Errors
/// The first promise that does not hold, or a failure of the fixture.
pub async fn run(fixture: &dyn Fixture) -> Result<(), Violation> {
    stat(fixture).await?;
    reads(fixture).await?;
    past_the_end(fixture).await?;
    ends(fixture).await?;
    expected(fixture).await?;
    concurrent_reads(fixture).await?;
    cancelled_reads(fixture).await?;
    if fixture.overwrites_show() {
        overwritten(fixture).await?;
    }
    missing(fixture).await?;
    secrets(fixture).await
}

type Checked = Result<(), Violation>;

/// Odd, and larger than what is taken from a server without ranges.
const LEN: u64 = 100_003;

/// Bytes that differ from their neighbours and between seeds.
fn noise(len: u64, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..len).map(|_| step(&mut state) as u8).collect()
}

/// Knuth's MMIX generator; its upper bits are good enough to choose ranges.
fn step(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn slice(bytes: &Bytes, range: Range<u64>) -> Bytes {
    bytes.slice(range.start as usize..range.end as usize)
}

fn broken(promise: &'static str, detail: impl Into<String>) -> Violation {
    let detail = detail.into();
    Violation { promise, detail }
}

fn ensure(holds: bool, promise: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(broken(promise, detail()))
    }
}

async fn store(fixture: &dyn Fixture, key: &str, bytes: Bytes) -> Checked {
    fixture
        .store(key, bytes)
        .await
        .map_err(|error| broken("the fixture stores files", format!("{key}: {error}")))
}

async fn open(fixture: &dyn Fixture, key: &str) -> Result<Arc<dyn RangeSource>, Violation> {
    let opened = fixture.open(key).await;
    opened.map_err(|error| broken("a stored file opens", error.to_string()))
}

async fn stored(
    fixture: &dyn Fixture,
    key: &str,
    len: u64,
) -> Result<(Bytes, Arc<dyn RangeSource>), Violation> {
    let bytes = noise(len, len);
    store(fixture, key, bytes.clone()).await?;
    Ok((bytes, open(fixture, key).await?))
}

async fn reads_exactly(source: &dyn RangeSource, bytes: &Bytes, range: Range<u64>) -> Checked {
    let promise = "read returns exactly the bytes of its range";
    match source.read(range.clone()).await {
        Ok(read) if read == slice(bytes, range.clone()) => Ok(()),
        Ok(read) => Err(broken(
            promise,
            format!(
                "{range:?} of {}: other bytes, {} of them",
                bytes.len(),
                read.len()
            ),
        )),
        Err(error) => Err(broken(promise, format!("{range:?}: {error}"))),
    }
}

async fn stat(fixture: &dyn Fixture) -> Checked {
    for len in [LEN, 1, 0] {
        let (_, source) = stored(fixture, "stat", len).await?;
        let first = source.stat().await;
        let first = first.map_err(|error| broken("stat succeeds", error.to_string()))?;
        ensure(first.len == len, "stat tells the length", || {
            format!("{} instead of {len}", first.len)
        })?;
        let again = source.stat().await;
        ensure(
            again.as_ref().is_ok_and(|again| *again == first),
            "stat does not change its mind",
            || format!("{first:?}, then {again:?}"),
        )?;
    }
    Ok(())
}

async fn reads(fixture: &dyn Fixture) -> Checked {
    let (bytes, source) = stored(fixture, "reads", LEN).await?;
    let ranges = [
        0..1,
        0..16,
        1..2,
        1_000..66_536,
        LEN - 1..LEN,
        LEN - 10..LEN,
        0..LEN,
        0..0,
        5..5,
        LEN..LEN,
    ];
    for range in ranges {
        reads_exactly(&*source, &bytes, range.clone()).await?;
        // Also as the first call on a source that knows nothing yet.
        let fresh = open(fixture, "reads").await?;
        reads_exactly(&*fresh, &bytes, range).await?;
    }
    let (bytes, source) = stored(fixture, "reads-empty", 0).await?;
    reads_exactly(&*source, &bytes, 0..0).await
}

async fn past_the_end(fixture: &dyn Fixture) -> Checked {
    for len in [LEN, 1, 0] {
        let (_, known) = stored(fixture, "past-the-end", len).await?;
        let _ = known.stat().await;
        #[expect(clippy::reversed_empty_ranges, reason = "it must be refused")]
        let ranges = [
            len..len + 1,
            0..len + 1,
            len.saturating_sub(1)..len + 1,
            len + 1..len + 2,
            len + 1..len + 1,
            0..u64::MAX,
            u64::MAX - 1..u64::MAX,
            1..0,
        ];
        for range in ranges {
            let fresh = open(fixture, "past-the-end").await?;
            for source in [&known, &fresh] {
                let result = source.read(range.clone()).await;
                ensure(
                    matches!(&result, Err(error) if !error.is_transient()),
                    "a range past the end, or in reverse, is a permanent error",
                    || format!("{range:?} of {len}: {result:?}"),
                )?;
            }
        }
    }
    Ok(())
}

async fn ends(fixture: &dyn Fixture) -> Checked {
    for len in [LEN, 1, 0] {
        let (bytes, known) = stored(fixture, "ends", len).await?;
        let _ = known.stat().await;
        let sizes = [0, 1, 1_000, len / 2 + 1, len, len + 1, 10 * len + 70_000];
        for head in sizes {
            for tail in sizes {
                let fresh = open(fixture, "ends").await?;
                both_ends(&*fresh, &bytes, head, tail).await?;
                both_ends(&*known, &bytes, head, tail).await?;
            }
        }
    }
    Ok(())
}

async fn both_ends(source: &dyn RangeSource, bytes: &Bytes, head: u64, tail: u64) -> Checked {
    let len = bytes.len() as u64;
    let asked = || format!("{head} and {tail} of {len}");
    let ends = source
        .ends(head, tail)
        .await
        .map_err(|error| broken("ends succeeds", format!("{}: {error}", asked())))?;
    ensure(ends.stat.len == len, "ends tells the length", || {
        format!("{}: {:?}", asked(), ends.stat)
    })?;
    let stat = source.stat().await;
    ensure(
        stat.as_ref().is_ok_and(|stat| *stat == ends.stat),
        "stat and ends agree",
        || format!("{}: {:?}, {stat:?}", asked(), ends.stat),
    )?;
    let head_end = head.min(len);
    ensure(
        ends.head == slice(bytes, 0..head_end),
        "ends reads the first bytes",
        || format!("{}: {} bytes", asked(), ends.head.len()),
    )?;
    let wanted = tail.min(len);
    let got = ends.tail.len() as u64;
    ensure(
        got <= wanted && got >= wanted.min(len - head_end),
        "ends reads as many last bytes as asked for, less what the head holds",
        || format!("{}: {got} bytes", asked()),
    )?;
    ensure(
        ends.tail == slice(bytes, len - got..len),
        "ends reads the last bytes",
        || format!("{}: {got} bytes", asked()),
    )?;
    let delivered = ends.head.len() as u64 + got;
    ensure(
        ends.bytes_fetched >= delivered && (ends.requests > 0 || delivered == 0),
        "ends counts what it took",
        || format!("{}: {ends:?}", asked()),
    )
}

/// Reads of a version that the caller knows, as the first call on a source.
async fn expected(fixture: &dyn Fixture) -> Checked {
    let (bytes, source) = stored(fixture, "expected", LEN).await?;
    let stat = source.stat().await;
    let stat = stat.map_err(|error| broken("stat succeeds", error.to_string()))?;
    let mut known = vec![stat.clone(), Stat::new(LEN, None)];
    // As events of S3 tell it.
    let bare = |validator: &Validator| {
        let bare = validator.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Validator(bare.to_owned()))
    };
    known.push(Stat::new(LEN, stat.validator.as_ref().and_then(bare)));
    for known in known {
        for range in [0..1, 500..70_000, LEN - 1..LEN, 0..LEN, 0..0] {
            let promise = "read_if returns exactly the bytes of its range";
            let fresh = open(fixture, "expected").await?;
            for source in [&source, &fresh] {
                let read = source.read_if(range.clone(), &known).await;
                let is_right = |read: &Bytes| *read == slice(&bytes, range.clone());
                ensure(read.as_ref().is_ok_and(is_right), promise, || {
                    let read = read.map(|read| read.len());
                    format!("{range:?} of {known:?}: {read:?}")
                })?;
            }
            let pinned = fresh.stat().await;
            ensure(
                pinned.as_ref().is_ok_and(|pinned| *pinned == stat),
                "read_if leaves the whole stat",
                || format!("{stat:?}, then {pinned:?}"),
            )?;
        }
        let fresh = open(fixture, "expected").await?;
        let past = fresh.read_if(LEN - 1..LEN + 1, &known).await;
        ensure(
            matches!(&past, Err(error) if !error.is_transient()),
            "a range past the end of what is expected is a permanent error",
            || format!("{past:?}"),
        )?;
    }
    let other = Validator("\"another\"".to_owned());
    let mut wrong = vec![Stat::new(LEN - 1, stat.validator.clone())];
    wrong.push(Stat::new(LEN + 1_000, stat.validator.clone()));
    wrong.extend(stat.validator.as_ref().map(|_| Stat::new(LEN, Some(other))));
    for wrong in wrong {
        unexpected(fixture, &bytes, &wrong).await?;
    }
    Ok(())
}

/// A source told of a version that is not there says so, and then reads the one that is.
async fn unexpected(fixture: &dyn Fixture, bytes: &Bytes, wrong: &Stat) -> Checked {
    for range in [0..1, wrong.len - 100..wrong.len] {
        let source = open(fixture, "expected").await?;
        for _ in 0..2 {
            let read = source.read_if(range.clone(), wrong).await;
            ensure(
                matches!(read, Err(SourceError::Changed { .. })),
                "read_if of another version is Changed",
                || format!("{range:?} of {wrong:?}: {read:?}"),
            )?;
        }
        both_ends(&*source, bytes, 1_000, 1_000).await?;
    }
    Ok(())
}

async fn concurrent_reads(fixture: &dyn Fixture) -> Checked {
    let (bytes, source) = stored(fixture, "concurrent", 1 << 20).await?;
    let mut state = 42;
    let ranges: Vec<_> = (0..64)
        .map(|_| {
            let start = step(&mut state) % (1 << 20);
            let end = start + step(&mut state) % ((1 << 20) - start).min(50_000);
            start..end
        })
        .collect();
    let reads = ranges
        .into_iter()
        .map(|range| reads_exactly(&*source, &bytes, range));
    join_all(reads).await.into_iter().collect()
}

async fn cancelled_reads(fixture: &dyn Fixture) -> Checked {
    let (bytes, source) = stored(fixture, "cancelled", LEN).await?;
    for turn in 0..16 {
        // Polled once, so under way, and dropped.
        let _ = source.read(turn * 100..LEN).now_or_never();
        let _ = source.ends(1_000, 1_000).now_or_never();
        let _ = source.stat().now_or_never();
    }
    reads_exactly(&*source, &bytes, 500..70_000).await
}

async fn overwritten(fixture: &dyn Fixture) -> Checked {
    let promise = "an overwritten file is Changed and no versions are mixed";
    for (len, new_len) in [(LEN, LEN), (LEN, LEN / 2), (LEN, 2 * LEN), (LEN, 0)] {
        let key = "overwritten";
        let pins = ["stat", "read", "ends", "failed read and read"];
        let mut sources = Vec::new();
        let (bytes, _) = stored(fixture, key, len).await?;
        for pin in pins {
            let source = open(fixture, key).await?;
            let pinned = match pin {
                "stat" => source.stat().await.map(|_| ()),
                "read" => source.read(0..10).await.map(|_| ()),
                "failed read and read" => {
                    let _ = source.read(10 * LEN..10 * LEN + 1).await;
                    source.read(0..10).await.map(|_| ())
                }
                _ => source.ends(10, 10).await.map(|_| ()),
            };
            pinned.map_err(|error| broken("a first call succeeds", error.to_string()))?;
            reads_exactly(&*source, &bytes, 10..20).await?;
            sources.push((pin, source));
        }
        let old = open(fixture, key).await?.stat().await;
        let old = old.map_err(|error| broken("stat succeeds", error.to_string()))?;
        store(fixture, key, noise(new_len, 999)).await?;
        let fresh = open(fixture, key).await?;
        let result = fresh.read_if(0..1_000.min(new_len), &old).await;
        ensure(
            matches!(result, Err(SourceError::Changed { .. })),
            promise,
            || format!("{len} to {new_len} bytes, read_if: {result:?}"),
        )?;
        for (pin, source) in sources {
            // The first has bytes in every version but the empty one, the second only in the old.
            for range in [0..1_000, LEN - 100..LEN] {
                let result = source.read(range.clone()).await;
                ensure(
                    matches!(result, Err(SourceError::Changed { .. })),
                    promise,
                    || format!("{len} to {new_len} bytes after {pin}, {range:?}: {result:?}"),
                )?;
            }
            let result = source.ends(100, 100).await;
            ensure(
                matches!(result, Err(SourceError::Changed { .. })),
                promise,
                || format!("{len} to {new_len} bytes after {pin}, ends: {result:?}"),
            )?;
        }
        let fresh = open(fixture, key).await?;
        reads_exactly(&*fresh, &noise(new_len, 999), 0..new_len).await?;
    }
    Ok(())
}

async fn missing(fixture: &dyn Fixture) -> Checked {
    let promise = "a missing file is NotFound";
    let source = match fixture.open("no-such-file").await {
        Err(error) => {
            return ensure(
                matches!(error, SourceError::NotFound { .. }),
                promise,
                || format!("open: {error:?}"),
            );
        }
        Ok(source) => source,
    };
    let errors = [
        source.stat().await.err(),
        source.read(0..10).await.err(),
        source.ends(10, 10).await.err(),
    ];
    ensure(
        errors
            .iter()
            .all(|error| matches!(error, Some(SourceError::NotFound { .. }))),
        promise,
        || format!("stat, read, ends: {errors:?}"),
    )
}

async fn secrets(fixture: &dyn Fixture) -> Checked {
    let (_, source) = stored(fixture, "secrets", 10).await?;
    let mut shown = vec![source.name().to_owned(), format!("{source:?}")];
    let past = source.read(0..11).await.err();
    let missing = match fixture.open("no-such-file").await {
        Ok(source) => source.read(0..1).await.err(),
        Err(error) => Some(error),
    };
    for error in [past, missing].into_iter().flatten() {
        let causes = successors(Some(&error as &dyn Error), |error| (*error).source());
        shown.extend(causes.map(|error| format!("{error} {error:?}")));
    }
    ensure(
        !source.name().is_empty(),
        "a source has a name",
        String::new,
    )?;
    for secret in fixture.secrets() {
        for text in &shown {
            ensure(
                !text.contains(&secret),
                "names and errors hold no secret",
                || text.clone(),
            )?;
        }
    }
    Ok(())
}
