//! One picture that is wanted, and how far it has got.

use super::{outcome::Origin, picture::Finished};
use crate::{
    LimitError,
    container::{Around, IFrame, Keyframe},
    select::Plan,
};

/// One picture that is wanted.
#[derive(Debug)]
pub(super) struct Target {
    /// In microseconds of the container's timeline.
    pub(super) time_us: i64,
    /// The keyframes on either side of the time.
    pub(super) around: Around,
    /// How the picture is made, or was.
    pub(super) plan: Plan,
    pub(super) state: State,
    pub(super) supply: Supply,
    /// The first budget that kept it from a picture, or from a better one.
    pub(super) limit: Option<LimitError>,
}

/// The bytes that a target's plan reads, as far as their place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    Unfetched,
    Fetched,
    /// They are over budget.
    Denied,
}

/// How far a target has got.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing is made yet.
    Wanted,
    /// What its plan reads is over budget: only the last rung is left.
    OverBudget,
    Made(Made),
}

/// The picture for one target.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) picture: Finished,
    pub(super) origin: Origin,
    /// The picture's time is not known before so many further packets are decoded; `None` where it
    /// is known.
    pub(super) late_by: Option<usize>,
    /// The first budget that kept the target from a better picture, once all are made.
    pub(super) limit: Option<LimitError>,
    /// What players need to show the keyframe that the picture is, once all are made.
    pub(super) iframe: Option<IFrame>,
}

impl Made {
    pub(super) fn new(picture: Finished, origin: Origin) -> Self {
        Self {
            picture,
            origin,
            late_by: None,
            limit: None,
            iframe: None,
        }
    }
}

impl Target {
    /// Gives the target another plan, for which nothing was fetched yet. The plan before.
    pub(super) fn replan(&mut self, plan: Plan) -> Plan {
        self.supply = Supply::Unfetched;
        std::mem::replace(&mut self.plan, plan)
    }

    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.state, State::Wanted)
    }

    pub(super) fn made(&self) -> Option<&Made> {
        match &self.state {
            State::Made(made) => Some(made),
            State::Wanted | State::OverBudget => None,
        }
    }

    /// What players need to show its picture, if that is a keyframe alone.
    fn iframe(&self) -> Option<&IFrame> {
        let is_keyframe = self.made()?.origin == Origin::Keyframe;
        let keyframe = self.keyframe_alone().filter(|_| is_keyframe)?;
        keyframe.place.iframe()
    }

    /// The time of the target, and its picture.
    pub(super) fn into_made(self) -> Option<(i64, Made)> {
        let iframe = self.iframe().cloned();
        match self.state {
            State::Made(made) => {
                let limit = self.limit;
                let made = Made {
                    limit,
                    iframe,
                    ..made
                };
                Some((self.time_us, made))
            }
            State::Wanted | State::OverBudget => None,
        }
    }

    /// The picture, and the keyframe of the plan that it was made by.
    pub(super) fn made_of_keyframe(&mut self) -> Option<(&mut Made, &Keyframe)> {
        match (&mut self.state, self.plan.keyframe()) {
            (State::Made(made), Some(keyframe)) => Some((made, keyframe)),
            _ => None,
        }
    }

    /// A target that has no picture is left to the last rung. One that has keeps its picture.
    pub(super) fn give_up_plan(&mut self) {
        if self.is_wanted() {
            self.state = State::OverBudget;
        }
    }

    /// The keyframe of its plan, if it is made from that keyframe alone.
    pub(super) fn keyframe_alone(&self) -> Option<&Keyframe> {
        match &self.plan {
            Plan::Keyframe(keyframe) => Some(keyframe),
            Plan::Forward { .. } | Plan::RollIn { .. } => None,
        }
    }
}
