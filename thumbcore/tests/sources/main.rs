//! The sources against real files, a real HTTP server and a real S3.

// `cfg(test)` tells clippy that helpers outside of test functions may unwrap, too.
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod http;
#[cfg(test)]
mod http_answers;
#[cfg(test)]
mod http_parts;
#[cfg(test)]
mod s3;
#[cfg(test)]
mod server;
