//! What was measured, as it is kept from run to run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use benches::{cpu::median, media::Index};
use serde::{Deserialize, Serialize};

use crate::{measure::Bill, peers::Contender, requests::Traffic, server::Network};

/// One contender's work on one subject, once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    #[serde(flatten)]
    pub(crate) bill: Bill,
    #[serde(flatten)]
    pub(crate) traffic: Traffic,
}

/// One contender's runs on one subject, and what its pictures are worth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) contender: Contender,
    pub(crate) runs: Vec<Run>,
    /// Why it did not give every picture, if so.
    pub(crate) error: Option<String>,
    pub(crate) pictures: usize,
    pub(crate) right: usize,
    /// Lowest similarity of a picture with what it should show.
    pub(crate) ssim: f64,
    /// How far the farthest picture lies from the time that was asked for, in seconds.
    pub(crate) off_s: f64,
}

/// Everything about one subject.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sheet {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) index: Index,
    pub(crate) bytes: u64,
    pub(crate) network: Network,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Outcome {
    pub(crate) fn median(&self, of: impl Fn(&Run) -> f64) -> f64 {
        median(&self.runs.iter().map(of).collect::<Vec<_>>())
    }

    pub(crate) fn bytes(&self) -> f64 {
        self.median(|run| run.traffic.bytes as f64)
    }

    pub(crate) fn round_trips(&self) -> f64 {
        self.median(|run| run.traffic.round_trips as f64)
    }

    pub(crate) fn cpu(&self) -> f64 {
        self.median(|run| run.bill.cpu_s)
    }

    /// Whether it gave every picture, and each shows what it should.
    pub(crate) fn is_right(&self) -> bool {
        self.error.is_none() && self.pictures > 0 && self.right == self.pictures
    }

    /// Median over the rounds of `other`'s figure to ours in the same round; of medians where one
    /// of both ran less often.
    pub(crate) fn ratio(&self, other: &Self, of: impl Fn(&Run) -> f64 + Copy) -> f64 {
        if self.runs.len() != other.runs.len() {
            return other.median(of) / self.median(of);
        }
        let pairs = self.runs.iter().zip(&other.runs);
        median(&pairs.map(|(a, b)| of(b) / of(a)).collect::<Vec<_>>())
    }
}

impl Sheet {
    pub(crate) fn of(&self, contender: Contender) -> Option<&Outcome> {
        self.outcomes
            .iter()
            .find(|outcome| outcome.contender == contender && !outcome.runs.is_empty())
    }

    fn path(folder: &Path, name: &str) -> PathBuf {
        folder.join(format!("{name}.json"))
    }

    pub(crate) fn load(folder: &Path, name: &str) -> anyhow::Result<Option<Self>> {
        let path = Self::path(folder, name);
        if !path.exists() {
            return Ok(None);
        }
        let sheet = serde_json::from_slice(&fs::read(&path)?);
        sheet.with_context(|| format!("cannot read {}", path.display()))
    }

    /// Written as a whole or not at all, so that an interrupted run goes on where it was.
    pub(crate) fn save(&self, folder: &Path) -> anyhow::Result<()> {
        let path = Self::path(folder, &self.name);
        let unfinished = path.with_extension("unfinished");
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        Ok(fs::rename(unfinished, path)?)
    }
}
