//! Best keyframes that turn out to lie in a cross-fade: one picture does not tell that it shows two
//! scenes, but those that follow it do.

use std::sync::Arc;

use super::{
    Ladder,
    between::{Group, Judge, Judgements},
};
use crate::{Error, decode::Decoder, extract::cpu::CpuTime, select::usual_change};

/// Time between the pictures that are looked at, in microseconds.
const STEP_US: i64 = 250_000;

/// Pictures that are looked at behind the keyframe: a second, since a cross-fade takes one or two.
const SAMPLES: i64 = 4;

/// Pictures that tell a cross-fade at least, the keyframe among them.
const LEAST: usize = 3;

/// Times the film's usual change from which a cross-fade is suspected.
const MUCH_CHANGE: f64 = 1.5;

impl Ladder<'_> {
    /// Targets that take the best lose a keyframe in a cross-fade to another that competed. Only
    /// those are looked at that more change than usual follows, as an index of the packets' sizes
    /// tells: a cross-fade changes every pixel of every picture.
    pub(super) fn leave_dissolves(&mut self) -> Result<(), Error> {
        if self.request.exact || self.request.tiling.is_some() || self.is_huge() {
            return Ok(());
        }
        let Some(usual) = usual_change(&self.listed()) else {
            return Ok(());
        };
        let sound = self.those(|target| target.takes_best() && !target.is_poor());
        let suspects = sound.into_iter().filter_map(|nth| {
            let group = self.suspect(nth, usual)?;
            self.pay_for_groups(nth, [&group]);
            Some((nth, group))
        });
        let suspects: Vec<_> = suspects.collect();
        if suspects.is_empty() {
            return Ok(());
        }
        self.fetch_groups(&suspects)?;
        let numbers: Vec<_> = suspects.iter().map(|(nth, _)| *nth).collect();
        let opened = self.open_decoder();
        let Some(mut decoder) = self.allow(&numbers, opened)? else {
            return Ok(());
        };
        for (nth, group) in &suspects {
            let looked = self.is_dissolving(group, &mut decoder);
            if self.allow(&[*nth], looked)? == Some(true) {
                self.targets[*nth].dissolve();
                let taken = self.take_another(*nth);
                self.allow(&[*nth], taken)?;
            }
        }
        Ok(())
    }

    /// The pictures that tell whether the keyframe of target `nth` lies in a cross-fade, if much
    /// more change than the `usual` follows it.
    fn suspect(&mut self, nth: usize, usual: f64) -> Option<Group> {
        let target = &self.targets[nth];
        let keyframe = target.made().and(target.keyframe_alone()).cloned()?;
        let start_us = keyframe.time_us;
        let times_us = (0..=SAMPLES).map(|nth| start_us + nth * STEP_US);
        let alone = self.session.planned(&self.task.reader, &keyframe, None)?;
        let left = self.purse(nth).left;
        let group = self.affordable_group(nth, keyframe, times_us.collect(), left);
        let bytes = group.bytes.as_ref()?;
        let span_us = (group.times_us.len() as i64 - 1) * STEP_US;
        let change = (bytes.end - alone.end) as f64 / span_us as f64;
        (group.times_us.len() >= LEAST && change >= usual * MUCH_CHANGE).then_some(group)
    }

    /// Whether the pictures of `group` turn one into the other.
    fn is_dissolving(&mut self, group: &Group, decoder: &mut Decoder) -> Result<bool, Error> {
        let cpu = CpuTime::start();
        let judge = Judge {
            task: self.task.clone(),
            track: Arc::clone(&self.session.track),
            allowance: self.between_allowance(),
        };
        let packets = self.session.packets(&judge.task.reader, &group.keyframe)?;
        let Judgements { mut ranking, .. } = judge.pictures(group, packets, decoder)?;
        self.decoding += cpu.spent();
        let alone = ranking.score(0).map(|score| score.value);
        ranking.discount_blends();
        Ok(ranking.score(0).map(|score| score.value) < alone)
    }

    /// Gives target `nth` the best of the other keyframes that competed, if one is better.
    fn take_another(&mut self, nth: usize) -> Result<(), Error> {
        match self.targets[nth].second_best() {
            Some(keyframe) => self.take_instead(nth, keyframe),
            None => Ok(()),
        }
    }
}
