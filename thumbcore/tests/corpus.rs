//! Real videos, where the corpus is at hand: whatever ffmpeg decodes gives pictures, and they are
//! those that ffmpeg shows at the stated times.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use devstack::oracle;
use thumbcore::{Error, Extraction, Extractor, MemorySource};

/// Files whose pictures are right and differ from ffmpeg's, with the reason.
const DIFFERENT_ON_PURPOSE: &[(&str, &str)] = &[
    ("androidx__dolbyVision-hdr.MOV", "HLG is tone-mapped"),
    (
        "androidx__hdr10-video-with-sdr-container.mp4",
        "PQ is tone-mapped",
    ),
    ("mp4parse__video_colr_nclx_hdr10.mp4", "2x2 pixels"),
];

/// A folder with videos and `index.tsv`, whose last columns say whether ffmpeg gives a picture at
/// time 0, and a checksum.
fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("THUMBCORE_CORPUS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"),
        PathBuf::from,
    );
    let found = folder.join("index.tsv").exists();
    if !found {
        eprintln!("no corpus in {}: nothing checked", folder.display());
    }
    found.then_some(folder)
}

fn index(folder: &Path) -> BTreeMap<String, bool> {
    let text = std::fs::read_to_string(folder.join("index.tsv")).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let columns: Vec<_> = line.split('\t').collect();
            let at_zero = columns[columns.len() - 2] == "yes";
            (columns[0].to_owned(), at_zero)
        })
        .collect()
}

async fn extract(path: &Path) -> Result<Extraction, Error> {
    let source = MemorySource::new(path.display().to_string(), std::fs::read(path).unwrap());
    Extractor::builder()
        .build()?
        .extract(Arc::new(source))
        .await
}

#[tokio::test]
async fn whatever_ffmpeg_decodes_gives_its_pictures() {
    let Some(folder) = corpus() else { return };
    let mut faults = Vec::new();
    for (name, ffmpeg_decodes) in index(&folder) {
        let path = folder.join(&name);
        let started = Instant::now();
        let outcome = extract(&path).await;
        if started.elapsed() > Duration::from_secs(10) {
            faults.push(format!("{name}: took {:?}", started.elapsed()));
        }
        match outcome {
            Ok(extraction) => {
                assert_eq!(extraction.thumbnails.len(), 3, "{name}");
                if ffmpeg_decodes && !DIFFERENT_ON_PURPOSE.iter().any(|(file, _)| *file == name) {
                    faults.extend(unlike_ffmpeg(&path, &extraction));
                }
            }
            Err(error) if ffmpeg_decodes => faults.push(format!("{name}: {error}")),
            Err(error) => assert!(!error.is_transient(), "{name}: {error}"),
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// What differs from ffmpeg's own frames at the same times.
fn unlike_ffmpeg(path: &Path, extraction: &Extraction) -> Vec<String> {
    extraction
        .thumbnails
        .iter()
        .enumerate()
        .filter_map(|(n, thumbnail)| {
            let ours = image::load_from_memory(&thumbnail.image).unwrap().to_rgb8();
            let at = thumbnail.actual.as_secs_f64();
            let said = format!(
                "{} _{} at {at} ({:?})",
                path.display(),
                n + 1,
                thumbnail.origin
            );
            match oracle::frame_at(path, at, thumbnail.width, thumbnail.height) {
                Ok(theirs) => {
                    let ssim = oracle::ssim(&ours, &theirs);
                    (ssim < 0.9).then(|| format!("{said}: SSIM {ssim:.3}"))
                }
                Err(error) => Some(format!("{said}: {error:#}")),
            }
        })
        .collect()
}
