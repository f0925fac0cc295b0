//! What deploys the services agrees with the services: read as text on both sides, so that it needs neither a cloud nor
//! a build of them.

mod environment;
mod iam;
mod media;
mod repository;
mod routes;
mod shutdown;
