//! What is seen, one component a file.
//!
//! - `session`, `answer`: what they share: the API as someone, and asking it.
//! - `listing`, `viewport`: what goes on behind the gallery.

mod answer;
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
mod operations;
mod outage;
mod pods;
mod problem;
mod purge;
mod scrubber;
mod session;
mod sign_in;
mod theme;
mod tiles;
mod tray;
mod viewport;
