//! One picture that is wanted, and how far it has got.

use super::{
    outcome::Origin,
    picture::{Finished, Judgement},
    ranking::BLENDED,
    wanted::{Choice, Wanted},
};
use crate::{
    LimitError,
    container::{Around, IFrame, Keyframe},
    score::{Flaw, Signature},
    select::Plan,
};

/// One picture that is wanted.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) wanted: Wanted,
    /// The keyframes on either side of the time.
    pub(super) around: Around,
    /// How the picture is made, or was.
    pub(super) plan: Plan,
    /// The keyframes that compete for the picture, of which the plan's is one; empty where the
    /// plan's is alone.
    pub(super) field: Vec<Entrant>,
    /// Times of the keyframes that competed, in microseconds, as the index and the keyframes tell.
    pub(super) tried: Vec<i64>,
    /// The pictures of those that could be decoded.
    pub(super) judged: Vec<Judged>,
    pub(super) state: State,
    pub(super) supply: Supply,
    /// The first budget that kept it from a picture, or from a better one.
    pub(super) limit: Option<LimitError>,
}

/// A keyframe that competes for a picture.
#[derive(Debug, Clone)]
pub(super) struct Entrant {
    pub(super) keyframe: Keyframe,
    /// Bytes of the coded picture, where an index tells.
    pub(super) size: Option<u64>,
}

impl Entrant {
    /// A keyframe that was found without an index.
    pub(super) fn unlisted(keyframe: Keyframe) -> Self {
        Self {
            keyframe,
            size: None,
        }
    }
}

/// What a picture that competed is worth.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    /// The keyframe that the picture is of; `None` for one between keyframes.
    pub(super) entrant: Option<Entrant>,
    pub(super) judgement: Judgement,
}

impl Judged {
    pub(super) fn keyframe(entrant: Entrant, judgement: Judgement) -> Self {
        Self {
            entrant: Some(entrant),
            judgement,
        }
    }

    pub(super) fn between(judgement: Judgement) -> Self {
        Self {
            entrant: None,
            judgement,
        }
    }

    fn value(&self) -> f64 {
        self.judgement.score.value
    }
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
    Made(Box<Made>),
}

/// How much later than its own packet a picture comes out of a decoder that puts pictures in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Late {
    /// Packets that are decoded first.
    pub(super) by: usize,
    /// Pictures behind it in the stream may be shown before it: a packet more for each of them.
    pub(super) may_be_led: bool,
}

/// The picture for one target.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) picture: Finished,
    pub(super) origin: Origin,
    /// The picture's time is not known before further packets are decoded; `None` where it is known.
    pub(super) late: Option<Late>,
    /// The first budget that kept the target from a better picture, once all are made.
    pub(super) limit: Option<LimitError>,
    /// What players need to show the keyframe that the picture is, once all are made.
    pub(super) iframe: Option<IFrame>,
    /// The pictures that competed, once all are made.
    pub(super) judged: Vec<Judged>,
    /// The picture lies in a cross-fade.
    pub(super) is_blended: bool,
}

impl Made {
    pub(super) fn new(picture: Finished, origin: Origin) -> Self {
        Self {
            picture,
            origin,
            late: None,
            limit: None,
            iframe: None,
            judged: Vec::new(),
            is_blended: false,
        }
    }

    /// How good the picture is as a thumbnail.
    pub(super) fn value(&self) -> f64 {
        self.picture.score.value
    }
}

/// Part of the best picture's value that another must have to be taken instead, because the best
/// one shows what another target's picture shows.
const NEXT_BEST: f64 = 0.5;

/// How far apart, in microseconds, keyframes are at most that may lie in one cross-fade.
const CROSS_FADE_US: u64 = 1_500_000;

/// Value under which a picture is as poor as a flawed one: it has a bit of several flaws.
const POOR: f64 = 0.03;

impl Target {
    /// Whether it takes the best keyframe rather than the nearest.
    pub(super) fn takes_best(&self) -> bool {
        matches!(self.wanted.choice, Choice::Best(_))
    }

    /// Gives the target another plan, for which nothing was fetched yet. The plan before.
    pub(super) fn replan(&mut self, plan: Plan) -> Plan {
        self.supply = Supply::Unfetched;
        self.field.clear();
        std::mem::replace(&mut self.plan, plan)
    }

    /// Lets the keyframes of `field`, of which there is at least one, compete for the picture. The
    /// plan before.
    pub(super) fn enter(&mut self, field: Vec<Entrant>) -> Plan {
        let first = field
            .first()
            .map(|first| Plan::Keyframe(first.keyframe.clone()));
        let plan = self.replan(first.unwrap_or_else(|| self.plan.clone()));
        self.tried
            .extend(field.iter().map(|entrant| entrant.keyframe.time_us));
        self.field = field;
        plan
    }

    /// Goes back to `plan`, from which the target's picture was made.
    pub(super) fn stay_with(&mut self, plan: Plan) {
        self.field.clear();
        self.plan = plan;
    }

    /// Whether a better picture than the one that was made is worth more keyframes.
    pub(super) fn is_poor(&self) -> bool {
        let is_poor = |made: &Made| match self.wanted.choice {
            Choice::Nearest => !made.picture.score.is_fit(),
            Choice::Best(_) => made.picture.score.flaw().is_some() || made.value() < POOR,
        };
        self.made().is_some_and(is_poor)
    }

    /// Whether a target that takes the best is worth decoding between keyframes: its picture is
    /// poor, or shows what one of `kept` does for want of keyframes.
    pub(super) fn needs_other(&self, kept: &[Signature]) -> bool {
        let is_lone_twin = || self.judged.len() < 2 && self.is_twin(kept);
        let is_blended = self.made().is_some_and(|made| made.is_blended);
        self.is_poor() || is_blended || is_lone_twin()
    }

    /// Takes most of the value of its picture, which lies in a cross-fade, and of those that
    /// competed with it and are so close that they may lie there as well.
    pub(super) fn dissolve(&mut self) {
        let State::Made(made) = &mut self.state else {
            return;
        };
        made.picture.score.value *= BLENDED;
        made.is_blended = true;
        let own_us = made.picture.time_us.unwrap_or(0);
        for judged in &mut self.judged {
            let time_us = judged.judgement.time_us.unwrap_or(0);
            if time_us.abs_diff(own_us) <= CROSS_FADE_US {
                judged.judgement.score.value *= BLENDED;
            }
        }
    }

    /// The keyframe of the best picture that competed and is better than the one that the target
    /// has.
    pub(super) fn second_best(&self) -> Option<Keyframe> {
        let own = self.made().map_or(0.0, Made::value);
        let keyframes = self.judged.iter().filter_map(|judged| {
            let entrant = judged.entrant.as_ref()?;
            (judged.value() > own).then_some((judged.value(), &entrant.keyframe))
        });
        let best = keyframes.max_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, keyframe)| keyframe.clone())
    }

    /// Whether `judged` is to be preferred to the picture that the target has, beside those in
    /// `kept`.
    pub(super) fn takes(&self, judged: &Judged, kept: &[Signature]) -> bool {
        let own = self.made().map_or(0.0, Made::value);
        if self.is_twin(kept) {
            let is_new = !shows_one_of(&judged.judgement.signature, kept);
            return is_new && judged.value() >= own * NEXT_BEST;
        }
        judged.value() > own
    }

    /// Whether its picture shows what one of `kept` does.
    fn is_twin(&self, kept: &[Signature]) -> bool {
        self.signature().is_some_and(|own| shows_one_of(own, kept))
    }

    pub(super) fn signature(&self) -> Option<&Signature> {
        self.made().map(|made| &made.picture.signature)
    }

    /// Whether `made` is better than the picture that the target has.
    pub(super) fn prefers(&self, made: &Made) -> bool {
        let Some(own) = self.made() else {
            return true;
        };
        match self.wanted.choice {
            Choice::Nearest => fitness(made) > fitness(own),
            Choice::Best(_) => made.value() > own.value(),
        }
    }

    /// The keyframe of the best picture that competed and is like none of `kept`, where the picture
    /// that won is and that one is not much worse.
    pub(super) fn unlike(&self, kept: &[Signature]) -> Option<Keyframe> {
        if !self.is_twin(kept) {
            return None;
        }
        let others = self.judged.iter().filter(|it| self.takes(it, kept));
        let best = others.max_by(|a, b| a.value().total_cmp(&b.value()))?;
        best.entrant.as_ref().map(|best| best.keyframe.clone())
    }

    pub(super) fn is_wanted(&self) -> bool {
        matches!(self.state, State::Wanted)
    }

    /// Takes `made` for its picture.
    pub(super) fn make(&mut self, made: Made) {
        self.state = State::Made(Box::new(made));
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

    /// Its picture, if it has one.
    pub(super) fn into_made(self) -> Option<(Wanted, Made)> {
        let iframe = self.iframe().cloned();
        match self.state {
            State::Made(made) => {
                let made = Made {
                    limit: self.limit,
                    judged: self.judged,
                    iframe,
                    ..*made
                };
                Some((self.wanted, made))
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

/// Whether a picture shows what one of `kept` does.
fn shows_one_of(signature: &Signature, kept: &[Signature]) -> bool {
    kept.iter().any(|other| other.is_like(signature))
}

/// How much a picture shows: nothing, little, or enough.
fn fitness(made: &Made) -> u8 {
    match made.picture.score.flaw() {
        Some(Flaw::Blank) => 0,
        Some(Flaw::Faded) => 1,
        _ => 2,
    }
}
