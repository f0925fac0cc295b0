//! Steps that a person waits for.

use std::{
    io::{self, Write},
    time::Instant,
};

/// Prints a step's name before doing it, and afterwards how long it took.
pub(crate) async fn step<T>(
    what: &str,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    print!("{what:<28}");
    // Shows the line before it ends. That this fails is no reason to stop.
    let _ = io::stdout().flush();
    let started = Instant::now();
    let result = work.await;
    let outcome = if result.is_ok() { "" } else { "  failed" };
    println!("{:>6.2} s{outcome}", started.elapsed().as_secs_f64());
    result
}
