//! What is seen, one component a file.

pub(crate) mod app;
mod badge;
mod chart;
mod detail;
mod dialog;
mod dropzone;
mod facts;
mod failures;
mod gallery;
mod header;
mod icon;
mod notices;
mod pods;
mod purge;
mod scrubber;
mod shell;
mod sign_in;
mod theme;
pub(crate) use theme::Theme;
mod tiles;
mod tray;
