//! worker-svc
fn main() {}
