//! The index, against a stand-in for S3 that has any number of thumbnails and counts requests.

use anyhow::{Context, Result};

use crate::support::{Bucket, EPOCH, MANIFESTS, until};

/// What a look costs once everything is known: listings and reads, over `looks` looks.
async fn cost(bucket: &Bucket, looks: usize) -> Result<(usize, usize)> {
    let at = |look: usize| {
        until("looks", move || async move {
            // The queue is asked at the beginning of each look.
            let counts = bucket.counts();
            Ok((counts.2 >= look).then_some(counts))
        })
    };
    let first = at(bucket.counts().2 + 1).await?;
    let last = at(first.2 + looks).await?;
    // Where in its look the API was at either end is unknown: to the nearest whole request a look.
    let whole = last.2 - first.2;
    let rounded = |requests: usize| (requests + whole / 2) / whole;
    Ok((rounded(last.0 - first.0), rounded(last.1 - first.1)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_costs_the_same_with_a_hundred_and_a_hundred_thousand() -> Result<()> {
    for videos in [34, 33_334] {
        let bucket = Bucket::start(videos).await?;
        let api = bucket.api(&[("INDEX_REQUESTS", "200")]).await?;
        let (thumbnails, manifests) = (videos as u64 * 3, videos.min(MANIFESTS));
        let metrics = api
            .metrics_when("everything is known", |m| {
                m["videosMeasured"] == manifests && m["indexComplete"] == true
            })
            .await?;
        assert_eq!(metrics["totalThumbnails"], thumbnails);
        assert_eq!(metrics["bytesSaved"], manifests as u64 * 900);
        // One listing of the journal and one page of the walk.
        assert_eq!(cost(&bucket, 20).await?, (2, 0), "{thumbnails} thumbnails");
        let before = bucket.counts();
        for _ in 0..20 {
            let page = api
                .json("/api/thumbnails?limit=200&frame=50&prefix=folder3")
                .await?;
            assert!(page.as_array().is_some_and(|page| !page.is_empty()));
        }
        let after = bucket.counts();
        let looks = after.2 - before.2;
        assert!(after.0 - before.0 <= 2 * (looks + 1), "pages list nothing");
        assert_eq!(after.1, before.1, "pages read nothing");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_round_keeps_to_its_budget() -> Result<()> {
    let bucket = Bucket::start(5_000).await?;
    let api = bucket.api(&[("INDEX_REQUESTS", "3")]).await?;
    let metrics = api
        .metrics_when("the index is complete", |m| m["indexComplete"] == true)
        .await?;
    assert_eq!(metrics["totalThumbnails"], 15_000);
    let (lists, gets, looks) = bucket.counts();
    assert!(
        lists + gets <= 3 * (looks + 1),
        "{lists} + {gets} in {looks}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_finds_what_is_new_among_many() -> Result<()> {
    let bucket = Bucket::start(20_000).await?;
    let api = bucket.api(&[("INDEX_REQUESTS", "200")]).await?;
    api.metrics_when("everything is known", |m| {
        m["totalThumbnails"] == 60_000 && m["videosMeasured"] == MANIFESTS
    })
    .await?;
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH)?;
    bucket.add("folder5/new", now.as_secs() as i64);
    bucket.insert(
        format!("thumbnails/.recent/{}/folder5/new", now.as_millis()),
        now.as_secs() as i64,
    );
    let before = bucket.counts();
    api.metrics_when("the new video is found", |m| m["totalThumbnails"] == 60_003)
        .await?;
    let newest = api.json("/api/thumbnails?limit=1").await?;
    assert_eq!(newest[0]["key"], "thumbnails/folder5/new_1.jpg");
    let (_, gets, looks) = bucket.counts();
    assert_eq!(gets - before.1, 1, "one read of one manifest");
    // A round of the walk takes sixty looks.
    assert!(looks - before.2 < 40, "{} looks", looks - before.2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_finds_what_was_deleted_and_what_no_journal_tells() -> Result<()> {
    let bucket = Bucket::start(1_000).await?;
    let api = bucket.api(&[]).await?;
    api.metrics_when("everything is listed", |m| m["totalThumbnails"] == 3_000)
        .await?;
    bucket.remove("thumbnails/folder4/");
    bucket.add("old-worker/a", EPOCH + 5_000);
    // Longer than a page: the walk goes around it.
    for n in 0..2_500 {
        bucket.insert(format!("thumbnails/.recent/{:013}/x{n}", 1_000 + n), EPOCH);
    }
    let metrics = api
        .metrics_when("the walk comes by", |m| m["totalThumbnails"] == 2_703)
        .await?;
    assert_eq!(metrics["videosProcessed"], 901);
    let newest = api.json("/api/thumbnails?limit=1").await?;
    assert_eq!(newest[0]["key"], "thumbnails/old-worker/a_1.jpg");
    bucket.remove("thumbnails/");
    api.metrics_when("all are gone", |m| {
        m["totalThumbnails"] == 0 && m["storageBytes"] == 0
    })
    .await?;
    let empty = api.get("/api/thumbnails").await?;
    assert_eq!((empty.text.as_str(), empty.header("link")), ("[]", ""));
    api.id().context("it runs")?;
    Ok(())
}
