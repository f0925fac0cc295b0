//! Whole extractions of real media, judged by ffmpeg and ffprobe.

#![cfg(test)]

mod corpus;
mod formats;
mod hostile;
mod indexed;
mod matroska;
mod mp4;
mod streams;
mod support;
