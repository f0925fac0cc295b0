//! The library inside other programs: under load, with sources and settings of theirs.

#![cfg(test)]

mod crowd;
mod foreign;
mod guest;
mod load;
mod support;
