//! Whole extractions of real media, judged by ffmpeg and ffprobe.

#![cfg(test)]

mod corpus;
mod formats;
mod hostile;
mod mp4;
mod support;
