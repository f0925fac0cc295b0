//! `thumbnail-api`: serves the pipeline's state, thumbnails and controls.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before any thread is started, and before any credential is read.
    thumbcore::sandbox::init();
    service_kit::program::main(api_svc::run)
}
