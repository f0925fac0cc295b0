//! The real API binary over real HTTP and WebSocket: against the local S3 and SQS, and against
//! stand-ins for what cannot run here (a cluster) or would take hours to fill (a bucket of 100,000
//! thumbnails).

#![cfg(test)]

mod crowd;
mod document;
mod expiry;
mod index;
mod keys;
mod live;
mod measure;
mod pods;
mod ready;
mod routes;
mod startup;
mod storyboard;
mod support;
