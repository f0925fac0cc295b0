//! What the dashboard knows and computes, without a browser: tested natively.

pub(crate) mod address;
pub(crate) mod backoff;
pub(crate) mod cells;
pub(crate) mod chart;
pub(crate) mod current;
pub(crate) mod failures;
pub(crate) mod filter;
pub(crate) mod flow;
pub(crate) mod format;
pub(crate) mod gallery;
pub(crate) mod grid;
pub(crate) mod location;
pub(crate) mod names;
pub(crate) mod pace;
pub(crate) mod ranges;
pub(crate) mod state;
pub(crate) mod storyboard;
pub(crate) mod theme;
pub(crate) mod uploads;
