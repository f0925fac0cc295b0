//! Decoding forward to targets, as far as that may cost.

use std::{sync::Arc, time::Duration};

use super::Ladder;
use crate::{
    Error, LimitError,
    container::{Keyframe, Place},
    decode::Decoder,
    extract::{
        cpu::CpuTime,
        outcome::Origin,
        picture::Finished,
        search::{Allowance, Beyond, Search},
        target::{Made, Target},
    },
    select::NEAR_US,
};

/// The part of [`Limits::max_bytes`](crate::Limits::max_bytes) that is read on the way to pictures
/// that need not be exact.
const BYTES_SHARE: u64 = 4;

/// Steps of a search for the time up to which decoding is affordable, each of which halves what is
/// left of the way.
const STEPS: usize = 12;

impl Ladder<'_> {
    /// The latest time, up to `target_us`, to which decoding forward from `from` may read: always
    /// [`NEAR_US`], and as much more as the budget of bytes has for it.
    pub(super) fn affordable_us(&mut self, from: Option<&Keyframe>, target_us: i64) -> i64 {
        let Some(from) = from else {
            return target_us;
        };
        let near_us = from.time_us.saturating_add(NEAR_US);
        if target_us <= near_us || self.request.exact {
            return target_us;
        }
        let most = self.task.reader.limits().max_bytes / BYTES_SHARE;
        if self.bytes_to(from, target_us) <= most {
            return target_us;
        }
        let (mut affordable, mut over) = (near_us, target_us);
        for _ in 0..STEPS {
            let middle = affordable + (over - affordable) / 2;
            if self.bytes_to(from, middle) <= most {
                affordable = middle;
            } else {
                over = middle;
            }
        }
        affordable
    }

    /// Bytes between a keyframe and a later time, by the index, or else by the average.
    fn bytes_to(&mut self, from: &Keyframe, until_us: i64) -> u64 {
        let reader = &self.task.reader;
        if let Some(range) = self.session.planned(reader, from, Some(until_us)) {
            return range.end.saturating_sub(range.start);
        }
        let way_us = until_us.saturating_sub(from.time_us).max(0);
        let duration_us = self
            .session
            .track
            .duration_us
            .unwrap_or(0)
            .max(way_us)
            .max(1);
        (u128::from(reader.len()) * way_us as u128 / duration_us as u128) as u64
    }

    /// What may be spent on one of `left` targets that have no picture yet, which is no later than
    /// `latest_us`.
    pub(super) fn allowance(&self, left: usize, latest_us: Option<i64>) -> Allowance {
        let limits = self.task.reader.limits();
        let left = u32::try_from(left).unwrap_or(u32::MAX).max(1);
        Allowance {
            cpu: limits.max_decoding.saturating_sub(self.decoding) / left,
            bytes: limits.max_bytes / BYTES_SHARE / u64::from(left),
            latest_us,
        }
    }

    /// From a keyframe forward to the target. Targets behind the same keyframe share one pass.
    pub(super) fn decode_forward(&mut self) -> Result<(), Error> {
        let mut order =
            self.those(|target| target.is_wanted() && target.keyframe_alone().is_none());
        order.sort_by_key(|nth| self.targets[*nth].wanted.time_us);
        let mut decoder = None;
        let mut rest = &order[..];
        while let Some(first) = rest.first() {
            let from = self.targets[*first].plan.keyframe().cloned();
            let is_same = |nth: &&usize| self.targets[**nth].plan.keyframe() == from.as_ref();
            let (group, others) = rest.split_at(rest.iter().take_while(is_same).count());
            rest = others;
            let mut within = Vec::new();
            for nth in group {
                if self.fetch(*nth)? {
                    within.push(*nth);
                }
            }
            if within.is_empty() || from.as_ref().is_some_and(|from| self.is_barren(from)) {
                continue;
            }
            let decoder = match &mut decoder {
                Some(decoder) => decoder,
                none => none.insert(self.open_decoder()?),
            };
            match self.pass(&within, from.as_ref(), decoder) {
                // Another picture is not the exact one, and more packets are not allowed.
                Err(error @ Error::Limit(LimitError::Packets { .. })) if self.request.exact => {
                    return Err(error);
                }
                passed => {
                    within.retain(|nth| self.targets[*nth].made().is_none());
                    let first_us = self.allow(&within, passed)?.flatten();
                    if let (true, Some(from), Some(first_us)) =
                        (self.request.exact, &from, first_us)
                    {
                        self.enter_earlier(group, from, first_us)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Decodes to target `nth` from the keyframe before `from`.
    pub(super) fn pass_from_before(&mut self, nth: usize, from: &Keyframe) -> Result<(), Error> {
        let reader = &self.task.reader;
        let before_us = from.time_us.saturating_sub(1);
        let around = self.session.around(reader, &[before_us])?.pop();
        let before = around.transpose()?.and_then(|around| around.before);
        let before = match before {
            None => self.session.start_before(reader, before_us)?,
            found => found,
        };
        let Some(before) = before else {
            return Ok(());
        };
        let until_us = self.targets[nth].plan.until_us();
        let bytes = self.session.planned(reader, &before, until_us);
        self.session.prefetch(reader, bytes)?;
        let mut decoder = self.open_decoder()?;
        self.pass(&[nth], Some(&before), &mut decoder).map(drop)
    }

    /// Decodes from one keyframe, or the start of the file, forward to each of `group`, which are
    /// sorted by time. The time of the first picture that came out whole.
    fn pass(
        &mut self,
        group: &[usize],
        from: Option<&Keyframe>,
        decoder: &mut Decoder,
    ) -> Result<Option<i64>, Error> {
        let waiting = self.those(Target::is_wanted).len();
        let (task, request) = (self.task.clone(), self.request);
        let track = Arc::clone(&self.session.track);
        decoder.restart()?;
        if from.is_none() && track.codec.random_access().is_unmarked() {
            decoder.trust_any_start();
        }
        let allowance = |nth: usize| self.allowance(waiting.saturating_sub(nth), None);
        let allowances: Vec<_> = (0..group.len()).map(allowance).collect();
        let packets = match from {
            Some(keyframe) => self.session.packets(&task.reader, keyframe)?,
            None => self.session.packets_from_start(&task.reader)?,
        };
        let mut search = Search::new(&task, packets, decoder);
        let mut latest: Option<Finished> = None;
        let mut decoding = Duration::ZERO;
        for (nth, allowance) in group.iter().zip(allowances) {
            let target = &mut self.targets[*nth];
            // Without `exact`, another target gets another picture.
            let serves_both =
                |it: &Finished| request.exact && it.time_us >= Some(target.wanted.time_us);
            let cpu = CpuTime::start();
            let beyond = if request.exact {
                Beyond::Fail
            } else {
                Beyond::TakeLast(allowance)
            };
            if !latest.as_ref().is_some_and(serves_both)
                && let Some(picture) = search.reach(target.plan.until_us(), beyond)?
            {
                latest = Some(task.run(|| request.finish(&track, &picture))?);
            }
            decoding += cpu.spent();
            if let Some(picture) = latest.clone() {
                target.make(Made::new(picture, Origin::Decoded));
            }
        }
        let (first_us, is_in_vain) = (search.first_us(), search.is_in_vain());
        drop(search);
        self.decoding += decoding;
        if let Some(from) = from.filter(|_| is_in_vain) {
            self.note_barren(from);
        }
        Ok(first_us)
    }

    /// Notes that the packets from `keyframe` to the end of the film gave no whole picture.
    pub(super) fn note_barren(&mut self, keyframe: &Keyframe) {
        // Elsewhere damage may end a stream before its end.
        let is_indexed = matches!(
            keyframe.place,
            Place::Indexed { stretch: None, .. } | Place::Sample { stretch: None, .. }
        );
        if is_indexed {
            let barren_us = self.barren_us.get_or_insert(keyframe.time_us);
            *barren_us = keyframe.time_us.min(*barren_us);
        }
    }

    /// Whether decoding from `keyframe` on is known to lead nowhere.
    pub(super) fn is_barren(&self, keyframe: &Keyframe) -> bool {
        self.barren_us
            .is_some_and(|barren_us| keyframe.time_us >= barren_us)
    }
}
