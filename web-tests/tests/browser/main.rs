//! The dashboard as people use it: in Chromium, against the real API, worker, S3 and SQS.

#![cfg(test)]

mod access;
mod actions;
mod choices;
mod connection;
mod layout;
mod live;
mod long;
mod originals;
mod panels;
mod place;
mod prefix;
mod recovery;
mod scene;
mod storyboards;
mod support;
mod uploads;
