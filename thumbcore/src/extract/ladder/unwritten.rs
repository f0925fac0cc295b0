//! Space at the end of a file that an index fills and nobody wrote: targets in it take the last
//! picture before it.

use super::Ladder;
use crate::{
    Error,
    container::{Place, is_blank},
    extract::target::Target,
    select::Plan,
};

/// Bytes of a keyframe that are looked at, at most.
const LOOK: usize = 4 << 10;

impl Ladder<'_> {
    /// Plans the targets anew whose keyframes were never written, once it is known where the file's
    /// data end.
    pub(super) fn leave_unwritten(&mut self) -> Result<(), Error> {
        let mut lost = Vec::new();
        for nth in self.those(Target::is_wanted) {
            lost.extend(self.unwritten(nth)?.map(|start| (nth, start)));
        }
        let Some(first) = lost.iter().map(|(_, start)| *start).min() else {
            return Ok(());
        };
        let made = self.targets.iter().filter(|it| it.made().is_some());
        let held = made.filter_map(|it| it.plan.keyframe()?.place.bytes());
        let held = held.map(|bytes| bytes.end).max().unwrap_or(0);
        let lost: Vec<_> = lost.into_iter().map(|(nth, _)| nth).collect();
        // A hole that data follow is no end.
        if held > first {
            return Ok(());
        }
        let learnt = self.session.learn_data_end(&self.task.reader, held..first);
        if self.allow(&lost, learnt)? != Some(true) {
            return Ok(());
        }
        for nth in lost {
            let target_us = self.targets[nth].wanted.time_us;
            let around = self.session.around(&self.task.reader, &[target_us])?.pop();
            let around = self.allow(&[nth], around.transpose())?.flatten();
            let around = around.unwrap_or_default();
            let from = around.before.clone();
            let until_us = self.affordable_us(from.as_ref(), target_us);
            let target = &mut self.targets[nth];
            target.around = around;
            target.replan(Plan::Forward { from, until_us });
        }
        Ok(())
    }

    /// Where the keyframe of target `nth` lies, if an index says that and nothing is there.
    fn unwritten(&mut self, nth: usize) -> Result<Option<u64>, Error> {
        let keyframe = self.targets[nth].keyframe_alone();
        let Some(Place::Indexed { bytes, .. }) = keyframe.map(|keyframe| &keyframe.place) else {
            return Ok(None);
        };
        let bytes = bytes.clone();
        if self.session.track.codec.may_hold_zeros() || !self.fetch(nth)? {
            return Ok(None);
        }
        let held = self.task.reader.cached(bytes.start).unwrap_or_default();
        let len = usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(LOOK);
        let look = held.get(..len.min(LOOK)).unwrap_or_default();
        Ok(Some(bytes.start).filter(|_| is_blank(look)))
    }
}
