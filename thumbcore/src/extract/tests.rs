//! What an extraction asks of the machine.

use devstack::media::Clip;

use super::*;
use crate::{Extraction, MemorySource, reader::Call};

async fn job(extractor: &Extractor, clip: &Clip) -> Job {
    let path = clip.make().unwrap();
    let source = MemorySource::new("clip", std::fs::read(path).unwrap());
    let settings = Arc::clone(&extractor.settings);
    let reader = Reader::open(
        Arc::new(source),
        None,
        settings.read.clone(),
        Call::new(settings.limits.clone(), CancellationToken::new()),
    );
    Job::new(Arc::new(reader.await.unwrap()), Handle::current(), settings)
}

/// Extracts with one CPU that is free once.
async fn with_one_permit(clip: &Clip) -> Result<Extraction, Error> {
    // Keyframes, so that nothing is decoded forward.
    let positions = ["1s", "5s", "8s"].map(|at| at.parse().unwrap());
    let extractor = Extractor::builder().positions(positions).build().unwrap();
    let job = job(&extractor, clip).await;
    let decoding = Arc::new(Semaphore::new(1));
    let theirs = Arc::clone(&decoding);
    let work = tokio::task::spawn_blocking(move || job.extract(&theirs));
    while decoding.available_permits() > 0 {
        assert!(!work.is_finished(), "the permit was never seen taken");
        std::thread::yield_now();
    }
    decoding.close();
    work.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reordered_pictures_whose_times_are_known_wait_for_one_permit() {
    for extension in ["mp4", "mkv", "ts"] {
        let clip = Clip {
            width: 1280,
            height: 720,
            ..Clip::new(extension)
        };
        let extraction = with_one_permit(&clip).await;
        assert_eq!(extraction.unwrap().thumbnails.len(), 3, "{extension}");
    }
}
