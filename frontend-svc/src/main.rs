//! `thumbnail-frontend`: serves the built dashboard and hands the rest to the API.

use std::process::ExitCode;

fn main() -> ExitCode {
    service_kit::program::main(frontend_svc::run)
}
