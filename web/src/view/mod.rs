//! What is seen, one component a file.

pub(crate) mod app;
mod badge;
mod cell;
mod chart;
mod detail;
mod dialog;
mod dropzone;
mod facts;
mod failures;
mod filters;
mod gallery;
mod header;
mod icon;
mod listing;
mod notices;
mod pods;
mod purge;
mod scrubber;
mod shell;
mod sight;
mod sign_in;
mod stale;
mod theme;
pub(crate) use theme::Theme;
mod tiles;
mod tray;
