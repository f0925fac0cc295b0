//! thumb-cli
fn main() {}
