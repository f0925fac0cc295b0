//! What is seen, one component a file.
//!
//! - `session`, `answer`: shared by all: the API as the person who is signed in, and asking it.
//! - `listing`, `viewport`, `scroll`: the gallery's pages, the part of it that is in sight, and
//!   keeping that.
//! - `frames`: the requests behind the scrubber.
//! - `storyboard`, `play`: a storyboard's tiles, and what a cell plays of them.

mod acts;
mod answer;
pub(crate) mod app;
mod badge;
mod cell;
mod chart;
mod choice;
mod detail;
mod dialog;
mod dropzone;
mod facts;
mod failures;
mod filters;
mod frames;
mod gallery;
mod header;
mod icon;
mod listing;
mod notices;
mod object_url;
mod operations;
mod original;
mod outage;
mod picture;
mod play;
mod pods;
mod problem;
mod purge;
mod reading;
mod remedies;
mod scroll;
mod scrubber;
mod session;
mod sign_in;
mod storyboard;
mod theme;
mod tiles;
mod tray;
mod viewport;
