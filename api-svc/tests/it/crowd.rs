//! Many WebSockets, and many idle, half-open and slow connections.

use std::time::Instant;

use anyhow::Result;
use devstack::crowd::Crowd;
use tokio_tungstenite::tungstenite::Error;

use crate::support::{Api, Bucket, Client};

/// Opens WebSockets until one is refused, at most `most`.
async fn websockets(api: &Api, most: usize) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    while clients.len() < most {
        match Client::try_connect(api, &[]).await? {
            Ok((client, _)) => clients.push(client),
            Err(Error::Http(answer)) => {
                assert_eq!(answer.status(), 503);
                break;
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(clients)
}

/// WebSockets and a crowd of `count` connections, while the limits of file descriptors are
/// `descriptors`. Gives how many of each the API kept.
async fn crowd(count: usize, descriptors: (u32, u32)) -> Result<(usize, usize)> {
    let bucket = Bucket::start(3).await?;
    let mut api = bucket.limited_api(descriptors).await?;
    let mut clients = websockets(&api, count).await?;
    let crowd = Crowd::gather(api.address(), count).await?;
    for path in ["/health", "/metrics", "/api/thumbnails", "/ready"] {
        let asked = Instant::now();
        assert_eq!(api.get(path).await?.status, 200, "{path}");
        println!("{path}: {:?}", asked.elapsed());
    }
    for client in &mut clients {
        client.text().await?;
    }
    let held = crowd.held();
    let asked = Instant::now();
    assert!(api.terminate().await?.success());
    println!("end: {:?}", asked.elapsed());
    let log = api.raw_log();
    assert!(log.lines().count() < 60, "{log}");
    assert!(!log.contains("cannot accept"), "{log}");
    assert!(!log.contains("interrupted"), "{log}");
    Ok((clients.len(), held))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_answered_within_the_descriptors() -> Result<()> {
    let (websockets, held) = crowd(1000, (256, 256)).await?;
    assert!((50..200).contains(&websockets), "{websockets}");
    assert!((10..100).contains(&held), "{held}");
    // With a higher hard limit there is room.
    let (websockets, held) = crowd(500, (256, 4096)).await?;
    assert_eq!(websockets, 500);
    // But for those whose requests were answered, or too slow.
    assert!(held >= 375, "{held}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "10,000 connections: cargo nextest run -p api-svc --run-ignored all crowd"]
async fn five_thousand_are_answered_within_the_descriptors() -> Result<()> {
    let (websockets, held) = crowd(5000, (1024, 1024)).await?;
    println!("1,024 descriptors: {websockets} WebSockets, {held} connections");
    let (websockets, held) = crowd(5000, (1024, 20_000)).await?;
    println!("20,000 descriptors: {websockets} WebSockets, {held} connections");
    assert_eq!(websockets, 5000);
    Ok(())
}
