//! thumbcore within a process that runs already: without the cost of starting one, of libraries
//! being loaded, and of the first use of everything.

use std::{env, fs, path::Path, sync::Arc, time::Instant};

use anyhow::Context;
use benches::cpu;
use serde_json::json;
use thumbcore::{Extraction, Extractor, S3Source};

use crate::subject::{BUCKET, Store};

/// The object that is extracted first, unmeasured.
pub(crate) const WARM_UP: &str = "warm-up.3gp";

/// Extracts each of `keys` once into `folder`, and prints what that cost in all.
pub(crate) async fn run(folder: &Path, keys: &[String]) -> anyhow::Result<()> {
    let endpoint = env::var("AWS_ENDPOINT_URL").context("AWS_ENDPOINT_URL")?;
    let client = Store::client_of(&endpoint);
    let extractor = Extractor::builder().build()?;
    let extract = async |key: &str| -> anyhow::Result<Extraction> {
        let source = S3Source::new(client.clone(), BUCKET, key);
        Ok(extractor.extract(Arc::new(source)).await?)
    };
    extract(WARM_UP).await?;

    let (cpu, started) = (cpu::process(), Instant::now());
    let mut extractions = Vec::new();
    for key in keys {
        extractions.push(extract(key).await?);
    }
    let (cpu, wall) = (cpu::process().saturating_sub(cpu), started.elapsed());

    let mut videos = Vec::new();
    for (key, extraction) in keys.iter().zip(extractions) {
        let mut thumbnails = Vec::new();
        for (n, thumbnail) in extraction.thumbnails.iter().enumerate() {
            let path = folder.join(format!("{key}_{n}.jpg"));
            fs::write(&path, thumbnail.image())?;
            thumbnails.push(json!({
                "path": path,
                "target_s": thumbnail.target.as_secs_f64(),
                "actual_s": thumbnail.actual.as_secs_f64(),
            }));
        }
        videos.push(json!({ "thumbnails": thumbnails }));
    }
    let report = json!({
        "cpu_s": cpu.as_secs_f64(),
        "wall_s": wall.as_secs_f64(),
        "videos": videos,
    });
    println!("{report}");
    Ok(())
}
