//! Processes the inputs: some at the same time, results in the order of the inputs.

use std::{
    ffi::{OsStr, OsString},
    io,
    sync::Arc,
};

use futures::{StreamExt, stream};
use thumbcore::{Extractor, RangeSource};
use tokio::{sync::Semaphore, task};

use crate::{
    input::{Input, Item},
    names::Names,
    output::Folder,
    preview::Previewer,
    progress::{Portion, Progress},
    report::{Failure, Outcome, Picture, Printer, Product, Report, Success},
    source::Opener,
    storyboard::Maker,
};

/// Results held back behind a slow input, for each job: enough to keep the other jobs busy, few
/// enough to bound memory.
const WINDOW: usize = 16;

/// What to do with each input.
#[derive(Debug)]
pub(crate) enum Work {
    /// Write thumbnails into the folder.
    Extract {
        extractor: Extractor,
        folder: Folder,
        /// Leaves out inputs whose pictures are all there.
        skips_existing: bool,
    },
    /// Write a storyboard.
    Storyboard(Maker),
    /// Write an animated preview.
    Preview(Previewer),
    /// Read facts.
    Probe(Extractor),
}

impl Work {
    /// The names of what is written of an input, made with `base`.
    fn names(&self, base: &OsStr) -> Vec<OsString> {
        match self {
            Self::Extract { folder, .. } => folder.naming().names(base),
            Self::Storyboard(_) => Maker::names(base),
            Self::Preview(_) => vec![Previewer::name(base)],
            Self::Probe(_) => Vec::new(),
        }
    }
}

/// Processes `jobs` inputs at the same time and prints the results in order; returns whether every
/// input succeeded.
///
/// # Errors
/// Stdout cannot be written.
pub(crate) async fn run(
    work: &Work,
    items: Vec<Item>,
    jobs: usize,
    (printer, progress): (&mut Printer, &Progress),
) -> io::Result<bool> {
    let opener = &Opener::default();
    let slots = &Semaphore::new(jobs.min(Semaphore::MAX_PERMITS));
    let mut names = Names::default();
    let mut reports = stream::iter(items)
        .map(|item| {
            // Names are claimed here, not in the job, so that they depend only on the order of the
            // inputs.
            let job = item.input.and_then(|input| {
                let base = names.claim(&input, |base| work.names(base))?;
                Ok((input, base))
            });
            async move {
                // Held from opening to the last picture. The semaphore is never closed.
                let _slot = slots.acquire().await;
                let portion = progress.portion(item.bytes);
                let result = match job {
                    Ok((input, base)) => one(work, opener, (&input, base), &portion).await,
                    Err(failure) => Err(failure),
                };
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
        progress.bar.suspend(|| printer.print(&report))?;
    }
    Ok(all)
}

async fn one(
    work: &Work,
    opener: &Opener,
    (input, base): (&Input, OsString),
    portion: &Portion<'_>,
) -> Result<Success, Failure> {
    if let Work::Extract {
        folder,
        skips_existing: true,
        ..
    } = work
        && folder.has_all(&base)
    {
        return Ok(Success::Skipped);
    }
    tracing::debug!(input = input.name(), "open");
    let source = opener.open(input).await?;
    let outcome = match work {
        Work::Probe(extractor) => {
            let probe = extractor.probe(source).await?;
            Outcome {
                media: probe.media,
                stats: probe.stats,
                product: Product::Nothing {},
            }
        }
        Work::Extract {
            extractor, folder, ..
        } => extract(extractor, folder.clone(), source, base).await?,
        Work::Storyboard(maker) => {
            let film = input.file_name();
            maker.make(source, (base, &film), portion).await?
        }
        Work::Preview(previewer) => previewer.make(source, &base).await?,
    };
    Ok(Success::Done(Box::new(outcome)))
}

/// Takes the pictures of one input and writes them.
async fn extract(
    extractor: &Extractor,
    out: Folder,
    source: Arc<dyn RangeSource>,
    base: OsString,
) -> Result<Outcome, Failure> {
    let extraction = extractor.extract(source).await?;
    let thumbnails = extraction.thumbnails;
    let write = task::spawn_blocking(move || -> Result<_, Failure> {
        let paths = out.write(&base, &thumbnails)?;
        Ok(paths
            .into_iter()
            .zip(&thumbnails)
            .filter_map(|(paths, thumbnail)| Picture::new(paths, thumbnail))
            .collect())
    });
    let pictures = write.await.map_err(|error| Failure {
        kind: "output",
        message: error.to_string(),
    })??;
    Ok(Outcome {
        media: extraction.media,
        stats: extraction.stats,
        product: Product::Pictures {
            thumbnails: pictures,
        },
    })
}
