//! The real worker binary against a real local S3 and SQS, with real media.

mod choices;
mod crowd;
mod extras;
mod failures;
mod memory;
mod pipeline;
mod polls;
mod repeats;
mod shutdown;
mod startup;
mod support;
