//! What `HttpSource` makes of servers that send less than asked, or versions that mean nothing.

use thumbcore::RangeSource;

use crate::{
    http::{bytes, source},
    server::{Quirk, Server},
};

#[tokio::test]
async fn what_an_answer_leaves_out_is_asked_for() {
    let file = bytes(200_000);
    for (most, requests) in [(20_000, 5), (99_999, 2)] {
        let server = Server::with_file(Quirk::Capped(most), file.clone()).await;
        let read = source(&server).read(50..100_050).await.unwrap();
        assert_eq!(read, file.slice(50..100_050), "{most}");
        assert_eq!(server.seen().len(), requests, "{most}");
    }
}

#[tokio::test]
async fn a_tail_that_lacks_its_front_is_completed() {
    let file = bytes(200_000);
    let server = Server::with_file(Quirk::SuffixCapped(1_000), file.clone()).await;
    let ends = source(&server).ends(10, 65_536).await.unwrap();
    assert_eq!(ends.tail, file.slice(200_000 - 65_536..));
}

#[tokio::test]
async fn both_ends_are_whole_where_every_answer_is_capped() {
    let file = bytes(200_000);
    for most in [1_000, 65_535] {
        let server = Server::with_file(Quirk::Capped(most), file.clone()).await;
        let ends = source(&server).ends(65_536, 65_536).await.unwrap();
        assert_eq!(ends.head, file.slice(..65_536));
        assert_eq!(ends.tail, file.slice(200_000 - 65_536..));
        assert_eq!(ends.stat.len, 200_000);
    }
}

#[tokio::test]
async fn crumbs_are_refused() {
    let server = Server::with_file(Quirk::Capped(1), bytes(200_000)).await;
    let error = source(&server).read(0..100_000).await.unwrap_err();
    assert_eq!(error.kind(), "rejected", "{error}");
    assert!(server.seen().len() < 2_000);
}

#[tokio::test]
async fn a_part_under_status_200_is_not_taken_for_the_file() {
    let server = Server::with_file(Quirk::PartUnder200, bytes(200_000)).await;
    let source = source(&server);
    let error = source.ends(65_536, 65_536).await.unwrap_err();
    assert_eq!(error.kind(), "rejected", "{error}");
    assert!(error.to_string().contains("part"), "{error}");
    // The whole file is what status 200 means.
    assert_eq!(source.read(0..200_000).await.unwrap(), bytes(200_000));
}

#[tokio::test]
async fn an_etag_that_changes_with_each_answer_is_told_from_a_change() {
    let server = Server::with_file(Quirk::VaryingEtag, bytes(200_000)).await;
    let source = source(&server);
    let error = source.ends(1_000, 1_000).await.unwrap_err();
    assert_eq!(error.kind(), "rejected", "{error}");
    assert!(error.to_string().contains("ETag"), "{error}");
    let error = source.read(0..10).await.unwrap_err();
    assert!(error.to_string().contains("ETag"), "{error}");
}
