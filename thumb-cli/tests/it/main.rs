//! The real `thumb` on real media, as a person or a program calls it.

#![cfg(test)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as its assertions do"
)]

mod batch;
mod common;
mod extract;
mod preview;
mod remote;
mod storyboard;
mod terminal;
mod usage;
