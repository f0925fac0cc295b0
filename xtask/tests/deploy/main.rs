//! What deploys the services agrees with the services: read as text on both sides, so that it needs
//! neither a cloud nor a build of them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as its assertions do"
)]

mod documents;
mod environment;
mod iam;
mod media;
mod references;
mod repository;
mod routes;
mod settings;
mod shutdown;
