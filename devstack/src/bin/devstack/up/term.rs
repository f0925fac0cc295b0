//! The output on the terminal.

use std::time::Duration;

use devstack::Stack;

use super::{upload::Video, watch::Watch};
use crate::service::Service;

/// Prints the dashboard's address.
pub(crate) fn address(api: &Service) {
    println!("\nDashboard: http://{}/", api.address());
}

pub(crate) fn uploaded(video: &Video, took: Duration) {
    println!(
        "  {:<40} {:>9}  {:>6.2} s",
        video.key,
        size(video.bytes),
        took.as_secs_f64()
    );
}

/// Prints a thumbnail, with the time since the upload if this run uploaded the video.
pub(crate) fn thumbnail(key: &str, bytes: u64, since_upload: Option<Duration>) {
    let age = since_upload.map_or_else(
        || " ".repeat(8),
        |age| format!("{:>6.2} s", age.as_secs_f64()),
    );
    println!("  {age}  {key}  {}", size(bytes));
}

pub(crate) fn summary(
    stack: &Stack,
    worker: &Service,
    api: &Service,
    videos: &[Video],
    watch: &Watch<'_>,
) {
    println!(
        "\n{} videos, {} thumbnails, {} dead letters",
        videos.len(),
        watch.pictures(),
        watch.dead()
    );
    println!("  endpoint      {}", stack.endpoint());
    println!("  bucket        {}", stack.bucket());
    println!("  queue         {}", stack.queue_url());
    println!("  dead letters  {}", stack.dlq_url());
    println!("  worker's log  {}", worker.log().display());
    println!("  API's log     {}", api.log().display());
    println!("  API           http://{}/api/docs", api.address());
    println!("  dashboard     http://{}/", api.address());
}

/// A number of bytes in a readable unit.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_take_the_unit_that_fits() {
        assert_eq!(size(0), "0.0 kB");
        assert_eq!(size(999_999), "1000.0 kB");
        assert_eq!(size(12_345_678), "12.3 MB");
        assert_eq!(size(2_500_000_000), "2.50 GB");
    }
}
