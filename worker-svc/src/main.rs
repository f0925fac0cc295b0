//! `thumbnail-worker`: makes thumbnails of the videos that a queue announces.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread is started, and before any credential is read.
    thumbcore::sandbox::init();
    service_kit::program::main(worker_svc::run)
}
