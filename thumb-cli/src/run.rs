//! Works the inputs off: some at once, results in the order of the inputs.

use std::{ffi::OsString, io, path::PathBuf};

use futures::{StreamExt, stream};
use thumbcore::Extractor;
use tokio::{sync::Semaphore, task};

use crate::{
    input::{Input, Item},
    output::{self, Names},
    report::{Failure, Picture, Printer, Report, Success},
    source::Opener,
};

/// Results kept back behind a slow input, for each job: enough that the other jobs have work for a
/// while, few enough that memory stays bounded.
const WINDOW: usize = 16;

/// What is done with each input.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write thumbnails into the folder.
    Extract(Extractor, PathBuf),
    /// Tell facts.
    Probe(Extractor),
}

/// Works on `jobs` inputs at once and prints the results in order; returns whether every input
/// gave everything.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) async fn run(
    work: &Work,
    items: Vec<Item>,
    jobs: usize,
    printer: &Printer,
) -> io::Result<bool> {
    let opener = &Opener::default();
    let slots = &Semaphore::new(jobs.min(Semaphore::MAX_PERMITS));
    let mut names = Names::default();
    let mut reports = stream::iter(items)
        .map(|item| {
            // Here and not in the job, so that names depend on the order of the inputs only.
            let job = item.input.and_then(|input| match work {
                Work::Extract(..) => names.claim(&input).map(|base| (input, base)),
                Work::Probe(_) => Ok((input, OsString::new())),
            });
            async move {
                // Held from opening to the last picture. Nobody closes the semaphore.
                let _slot = slots.acquire().await;
                let result = match job {
                    Ok((input, base)) => one(work, opener, &input, base).await,
                    Err(failure) => Err(failure),
                };
                printer.bar.inc(1);
                Report {
                    name: item.name,
                    result,
                }
            }
        })
        .buffered(jobs.saturating_mul(WINDOW));
    let mut all = true;
    while let Some(report) = reports.next().await {
        all &= report.result.is_ok();
        printer.print(&report)?;
    }
    Ok(all)
}

async fn one(
    work: &Work,
    opener: &Opener,
    input: &Input,
    base: OsString,
) -> Result<Success, Failure> {
    tracing::debug!(input = input.name(), "open");
    let source = opener.open(input).await?;
    match work {
        Work::Probe(extractor) => {
            let probe = extractor.probe(source).await?;
            Ok(Success {
                media: probe.media,
                stats: probe.stats,
                pictures: None,
            })
        }
        Work::Extract(extractor, out) => {
            let extraction = extractor.extract(source).await?;
            let out = out.clone();
            let thumbnails = extraction.thumbnails;
            let write = task::spawn_blocking(move || -> Result<_, Failure> {
                let paths = output::write(&out, &base, &thumbnails)?;
                Ok(paths
                    .into_iter()
                    .zip(&thumbnails)
                    .map(|(path, thumbnail)| Picture::new(path, thumbnail))
                    .collect())
            });
            let pictures = write.await.map_err(|error| Failure {
                kind: "output",
                message: error.to_string(),
            })??;
            Ok(Success {
                media: extraction.media,
                stats: extraction.stats,
                pictures: Some(pictures),
            })
        }
    }
}
