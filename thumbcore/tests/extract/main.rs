//! Whole extractions of real media, judged by ffmpeg and ffprobe.

#![cfg(test)]

mod attached;
mod corpus;
mod costs;
mod damage;
mod defects;
mod faults;
mod formats;
mod garbage;
mod holes;
mod hostile;
mod iframes;
mod indexed;
mod joined;
mod long_gops;
mod lost;
mod many;
mod matroska;
mod memory;
mod nonsense;
mod pick;
mod presentation;
mod preview;
mod programs;
mod reported;
mod rescued;
mod rotation;
mod scrambled;
mod sound;
mod storyboard;
mod streams;
mod support;
mod tracks;
mod unclocked;
mod unwritten;
mod video;
mod whole_pictures;
