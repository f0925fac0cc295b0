//! What `HttpSource` makes of answers that are wrong, odd or refusals.

use std::time::Duration;

use thumbcore::{RangeSource, SourceError};

use crate::{
    http::{bytes, source},
    server::{Quirk, Server},
};

async fn kind(quirk: Quirk) -> &'static str {
    let server = Server::with_file(quirk, bytes(200_000)).await;
    let source = source(&server);
    let read = source.read(0..1_000).await.unwrap_err();
    let ends = source.ends(1_000, 1_000).await.unwrap_err();
    assert_eq!(read.kind(), ends.kind(), "{read}, {ends}");
    read.kind()
}

#[tokio::test]
async fn statuses_become_typed_errors() {
    for (status, expected) in [
        (401, "denied"),
        (403, "denied"),
        (404, "not_found"),
        (410, "not_found"),
        (412, "changed"),
        (418, "rejected"),
        (408, "unavailable"),
        (429, "unavailable"),
        (500, "unavailable"),
        (501, "rejected"),
        (502, "unavailable"),
        (503, "unavailable"),
        (504, "unavailable"),
    ] {
        assert_eq!(kind(Quirk::Status(status)).await, expected, "{status}");
    }
}

#[tokio::test]
async fn an_error_says_the_status_and_when_to_come_back() {
    let server = Server::with_file(Quirk::Status(503), bytes(10)).await;
    let error = source(&server).stat().await.unwrap_err().to_string();
    assert!(error.contains("503"), "{error}");
    assert!(error.contains("retry after 7"), "{error}");
}

#[tokio::test]
async fn unsound_answers_are_rejected() {
    for quirk in [
        Quirk::WrongRange,
        Quirk::UnsoundRange,
        Quirk::NoContentRange,
        Quirk::NoTotal,
        Quirk::Long,
        Quirk::Gzip,
    ] {
        assert_eq!(kind(quirk).await, "rejected", "{quirk:?}");
    }
}

#[tokio::test]
async fn short_and_broken_bodies_are_io_errors() {
    for quirk in [Quirk::Short, Quirk::Breaks] {
        assert_eq!(kind(quirk).await, "io", "{quirk:?}");
    }
}

#[tokio::test]
async fn a_total_is_needed_once_only() {
    let server = Server::with_file(Quirk::None, bytes(1_000)).await;
    let source = source(&server);
    source.stat().await.unwrap();
    server.set_quirk(Quirk::NoTotal);
    assert_eq!(source.read(0..10).await.unwrap(), bytes(10));
}

#[tokio::test]
async fn a_silent_server_is_an_io_error() {
    for quirk in [Quirk::Silent, Quirk::Stalls] {
        let server = Server::with_file(quirk, bytes(1_000)).await;
        let source = source(&server).stall_timeout(Duration::from_millis(50));
        let error = source.read(0..10).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Io { .. }),
            "{quirk:?}: {error}"
        );
        assert!(error.to_string().contains("nothing arrived"), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_ranges_is_told_from_a_broken_one() {
    for quirk in [Quirk::NoRanges, Quirk::NoRangesChunked] {
        assert_eq!(kind(quirk).await, "no_ranges", "{quirk:?}");
    }
}

#[tokio::test]
async fn an_unranged_body_is_not_downloaded() {
    let server = Server::with_file(Quirk::NoRangesEndless, bytes(10)).await;
    let source = source(&server);
    let error = source.ends(65_536, 65_536).await.unwrap_err();
    assert_eq!(error.kind(), "no_ranges");
    let error = source.read(0..10).await.unwrap_err();
    assert_eq!(error.kind(), "no_ranges");
    server.endless_dropped(2).await;
    // What fits the sockets' buffers, and no more.
    assert!(
        server.endless_bytes() < 64 << 20,
        "{}",
        server.endless_bytes()
    );
}

#[tokio::test]
async fn a_small_file_is_taken_whole_from_a_server_without_ranges() {
    let server = Server::with_file(Quirk::NoRanges, bytes(60_000)).await;
    let source = source(&server);
    assert_eq!(source.read(5..10).await.unwrap(), bytes(10).slice(5..));
    let ends = source.ends(1_000, 1_000).await.unwrap();
    assert_eq!(ends.head, bytes(1_000));
    assert_eq!(ends.tail, bytes(60_000).slice(59_000..));
    assert_eq!(
        source.read(60_000..60_001).await.unwrap_err().kind(),
        "rejected"
    );
}

#[tokio::test]
async fn a_file_no_larger_than_the_read_is_taken_whole() {
    let server = Server::with_file(Quirk::NoRanges, bytes(200_000)).await;
    let ends = source(&server).ends(200_000, 1_000).await.unwrap();
    assert_eq!(ends.head, bytes(200_000));
}

#[tokio::test]
async fn without_suffix_ranges_the_tail_costs_one_more_request() {
    for quirk in [
        Quirk::SuffixIgnored,
        Quirk::SuffixRefused,
        Quirk::SuffixMisread,
    ] {
        let server = Server::with_file(quirk, bytes(1_000_000)).await;
        let ends = source(&server).ends(1_000, 2_000).await.unwrap();
        assert_eq!(ends.head, bytes(1_000), "{quirk:?}");
        assert_eq!(ends.tail, bytes(1_000_000).slice(998_000..), "{quirk:?}");
        assert_eq!(ends.requests, 3, "{quirk:?}");
        assert_eq!(server.seen().len(), 3, "{quirk:?}");
    }
}

#[tokio::test]
async fn an_empty_file_is_empty_whatever_the_server_says_of_it() {
    for quirk in [Quirk::None, Quirk::NoRanges, Quirk::BareUnsatisfiable] {
        let server = Server::with_file(quirk, bytes(0)).await;
        let ends = source(&server).ends(1_000, 1_000).await.unwrap();
        assert_eq!(ends.stat.len, 0, "{quirk:?}");
        assert_eq!(ends.head.len() + ends.tail.len(), 0, "{quirk:?}");
        assert_eq!(source(&server).stat().await.unwrap().len, 0, "{quirk:?}");
    }
}
