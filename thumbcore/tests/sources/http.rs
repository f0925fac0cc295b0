//! What `HttpSource` sends: requests, preconditions, redirects, connections.

use std::{collections::HashSet, error::Error, iter::successors, time::Duration};

use bytes::Bytes;
use thumbcore::{HttpSource, RangeSource, Stat, Validator};

use crate::server::{Quirk, Server};

pub(crate) fn bytes(len: usize) -> Bytes {
    (0..len).map(|index| (index % 251) as u8).collect()
}

pub(crate) fn source(server: &Server) -> HttpSource {
    HttpSource::new(&server.url("file")).unwrap()
}

#[tokio::test]
async fn both_ends_take_two_requests_and_no_head() {
    let server = Server::with_file(Quirk::None, bytes(1_000_000)).await;
    let source = source(&server);
    let ends = source.ends(4_096, 8_192).await.unwrap();
    assert_eq!((ends.requests, ends.bytes_fetched), (2, 4_096 + 8_192));
    let mut ranges: Vec<_> = server.seen().into_iter().map(|seen| seen.range).collect();
    ranges.sort();
    assert_eq!(
        ranges,
        [
            Some("bytes=-8192".to_owned()),
            Some("bytes=0-4095".to_owned())
        ]
    );
    assert_eq!(source.stat().await.unwrap(), ends.stat);
    assert_eq!(server.seen().len(), 2, "stat is known by then");
}

#[tokio::test]
async fn a_first_stat_or_read_takes_one_request() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    source(&server).stat().await.unwrap();
    assert_eq!(server.seen().len(), 1);
    let source = source(&server);
    source.read(10..20).await.unwrap();
    source.stat().await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn later_reads_are_conditional_on_a_strong_etag() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    let source = source(&server);
    source.read(0..10).await.unwrap();
    source.read(10..20).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].if_match, None);
    assert_eq!(seen[1].if_match.as_deref(), Some("\"1\""));
}

#[tokio::test]
async fn a_known_version_is_the_condition_from_the_first_read_on() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    for etag in ["\"1\"", "1"] {
        let known = Stat::new(1_000, Some(Validator(etag.to_owned())));
        let read = source(&server).read_if(10..20, &known).await;
        assert_eq!(read.unwrap(), bytes(20).slice(10..));
    }
    let seen = server.seen();
    assert!(
        seen.iter()
            .all(|seen| seen.if_match.as_deref() == Some("\"1\""))
    );
    assert_eq!(seen.len(), 2);
    let stale = Stat::new(1_000, Some(Validator("\"1\"".to_owned())));
    server.store("file", bytes(500));
    let source = source(&server);
    let error = source.read_if(10..20, &stale).await.unwrap_err();
    assert_eq!(error.kind(), "changed");
    assert_eq!(source.ends(10, 10).await.unwrap().stat.len, 500);
}

#[tokio::test]
async fn without_a_strong_etag_the_date_is_the_condition() {
    let server = Server::with_file(Quirk::LastModified, bytes(1_000)).await;
    let source = source(&server);
    source.read(0..10).await.unwrap();
    source.read(10..20).await.unwrap();
    let last = server.seen().pop().unwrap();
    assert_eq!(last.if_match, None);
    assert_eq!(
        last.if_unmodified_since.as_deref(),
        Some("Mon, 01 Jan 2024 00:00:01 GMT")
    );
}

#[tokio::test]
async fn a_weak_etag_is_compared_but_no_condition() {
    let server = Server::with_file(Quirk::WeakEtag, bytes(1_000)).await;
    let source = source(&server);
    source.read(0..10).await.unwrap();
    source.read(10..20).await.unwrap();
    assert!(server.seen().iter().all(|seen| seen.if_match.is_none()));
    server.store("file", bytes(1_000));
    let error = source.read(10..20).await.unwrap_err();
    assert_eq!(error.kind(), "changed");
}

#[tokio::test]
async fn without_any_validator_a_change_of_length_is_noticed() {
    let server = Server::with_file(Quirk::NoValidator, bytes(1_000)).await;
    let source = source(&server);
    assert_eq!(source.stat().await.unwrap().validator, None);
    assert_eq!(source.read(0..10).await.unwrap(), bytes(10));
    server.store("file", bytes(1_001));
    let error = source.read(10..20).await.unwrap_err();
    assert_eq!(error.kind(), "changed");
}

#[tokio::test]
async fn a_server_that_ignores_the_condition_is_caught() {
    let server = Server::with_file(Quirk::IgnoresIfMatch, bytes(1_000)).await;
    let source = source(&server);
    source.read(0..10).await.unwrap();
    server.store("file", bytes(1_000));
    let error = source.read(10..20).await.unwrap_err();
    assert_eq!(error.kind(), "changed");
}

#[tokio::test]
async fn connections_are_reused() {
    let server = Server::with_file(Quirk::None, bytes(100_000)).await;
    let source = source(&server);
    for start in 0..10 {
        source.read(start..start + 50_000).await.unwrap();
    }
    let peers: HashSet<_> = server.seen().into_iter().map(|seen| seen.peer).collect();
    assert_eq!(peers.len(), 1);
}

#[tokio::test]
async fn a_dropped_read_ends_its_transfer() {
    let server = Server::with_file(Quirk::Stalls, bytes(1_000)).await;
    let source = source(&server);
    let read = source.read(0..10);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), read)
            .await
            .is_err()
    );
    server.set_quirk(Quirk::None);
    assert_eq!(source.read(0..10).await.unwrap(), bytes(10));
}

#[tokio::test]
async fn redirects_are_followed_and_remembered() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    server.set_moved_to("/signed/file?sig=s3cr3t");
    let source = HttpSource::new(&server.url("moved/file")).unwrap();
    source.read(0..10).await.unwrap();
    assert_eq!(source.read(10..20).await.unwrap(), bytes(20).slice(10..));
    let paths: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(paths, ["moved/file", "signed/file", "signed/file"]);
    assert!(source.name().ends_with("/moved/file"), "{}", source.name());
}

#[tokio::test]
async fn a_redirect_that_expired_is_asked_for_again() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    server.set_moved_to("/signed/file");
    let source = HttpSource::new(&server.url("moved/file")).unwrap();
    source.read(0..10).await.unwrap();
    server.rename("file", "fresh");
    server.set_moved_to("/signed/fresh");
    assert_eq!(source.read(10..20).await.unwrap(), bytes(20).slice(10..));
    source.read(20..30).await.unwrap();
    let paths: Vec<_> = server.seen().into_iter().map(|seen| seen.path).collect();
    assert_eq!(
        paths[2..],
        ["signed/file", "moved/file", "signed/fresh", "signed/fresh"]
    );
}

#[tokio::test]
async fn a_place_that_breaks_down_is_asked_for_again() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    let place = Server::with_file(Quirk::None, bytes(1_000)).await;
    server.set_moved_to(&place.url("file"));
    let source = HttpSource::new(&server.url("moved/file")).unwrap();
    source.read(0..10).await.unwrap();
    drop(place);
    server.set_moved_to("/signed/file");
    let error = source.read(10..20).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert_eq!(source.read(10..20).await.unwrap(), bytes(20).slice(10..));
}

#[tokio::test]
async fn redirects_without_end_or_to_other_protocols_are_refused() {
    let server = Server::start(Quirk::None).await;
    for path in ["loop/file", "elsewhere/file"] {
        let url = server.url(&format!("{path}?sig=s3cr3t"));
        let error = HttpSource::new(&url).unwrap().stat().await.unwrap_err();
        assert_eq!(error.kind(), "rejected", "{path}: {error}");
        assert!(error.to_string().contains("redirect"), "{error}");
        assert!(!error.to_string().contains("s3cr3t"), "{error}");
    }
}

#[tokio::test]
async fn an_address_without_a_server_is_an_io_error_without_secrets() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://alice:hunter2@{address}/file?sig=s3cr3t");
    let error = HttpSource::new(&url).unwrap().stat().await.unwrap_err();
    assert_eq!(error.kind(), "io", "{error}");
    let text = format!("{error} {error:?}");
    for secret in ["alice", "hunter2", "s3cr3t"] {
        assert!(!text.contains(secret), "{text}");
    }
    let causes = successors(Some(&error as &dyn Error), |error| (*error).source());
    let told: Vec<_> = causes.map(ToString::to_string).collect();
    assert!(told.len() > 1, "{told:?}");
    assert!(told.iter().any(|text| text.contains("refused")), "{told:?}");
    for secret in ["alice", "hunter2", "s3cr3t"] {
        assert!(told.iter().all(|text| !text.contains(secret)), "{told:?}");
    }
}
