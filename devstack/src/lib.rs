//! The environment of the tests and of `cargo xtask up`: a private local S3 and SQS, real media,
//! and independent judges.
//!
//! - [`Stack`] is one `ministack` process with the bucket, the queues and the S3 to SQS
//!   notification of production. A service under test takes [`Stack::env`] and cannot tell it from
//!   AWS.
//! - [`media`] makes clips with the `ffmpeg` program, once, into `target/media/`; [`corpus`] finds
//!   real videos where they are at hand.
//! - [`oracle`] tells what a picture or a file should be by asking `ffmpeg` and `ffprobe`, never
//!   this project's own code.
//! - [`program`] starts one of the services, waits for conditions, and reads its log.
//! - [`proxy`] stands before a [`Stack`] and misbehaves; [`crowd`] is many idle clients.
//! - [`schemathesis`] tests an API with requests that its OpenAPI document allows, and with others.
//!
//! Nothing here is part of the product.

mod cache;
pub mod corpus;
pub mod crowd;
pub mod media;
mod ministack;
mod npm;
pub mod oracle;
mod process;
pub mod program;
pub mod proxy;
mod python;
pub mod schemathesis;
mod stack;

pub use npm::npm;
pub use python::python;
pub use stack::{EXTENSIONS, Stack, StackOptions};
