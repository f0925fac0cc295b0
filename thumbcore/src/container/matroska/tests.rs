use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    ebml::build::{element, id_bytes, number},
    *,
};
use crate::{LimitError, Limits, MemorySource, ReadConfig, reader::Call};

/// The start of a file that lasts a second, up to the first block of the first of `tracks` video
/// tracks; its segment says that it is as long as a segment may be.
fn boundless(tracks: u64) -> Vec<u8> {
    let info = [
        number(id::TIMESTAMP_SCALE, 1_000_000),
        element(id::DURATION, &1000f64.to_be_bytes(), 1),
    ];
    let track = |nth| {
        let fields = [number(id::TRACK_NUMBER, nth), number(id::TRACK_TYPE, 1)];
        element(id::TRACK_ENTRY, &fields.concat(), 1)
    };
    let tracks: Vec<u8> = (1..=tracks).flat_map(track).collect();
    let block = element(id::SIMPLE_BLOCK, &[0x81, 0, 0, 0x80, 7], 1);
    let cluster = [element(id::TIMESTAMP, &[0], 1), block];
    [
        element(id::EBML, &[], 1),
        id_bytes(id::SEGMENT),
        ((1u64 << 57) - 2).to_be_bytes().to_vec(),
        element(id::INFO, &info.concat(), 1),
        element(id::TRACKS, &tracks, 4),
        element(id::CLUSTER, &cluster.concat(), 1),
    ]
    .concat()
}

async fn reader(file: Vec<u8>) -> Reader {
    let source = Arc::new(MemorySource::new("m", file));
    let (config, limits) = (ReadConfig::default(), Limits::default());
    let call = Call::new(limits, CancellationToken::new());
    Reader::open(source, None, config, call).await.unwrap()
}

#[test]
fn a_segment_far_longer_than_its_file_is_searched_no_longer() {
    let mut file = boundless(1);
    file.resize(unindexed::WHOLE as usize + 1, 0);
    let search = async {
        let reader = reader(file).await;
        let matroska = Matroska::open(&reader).await.unwrap().unwrap();
        assert_eq!(matroska.timeline().duration_us, Some(1_000_000));
        let past_the_end = matroska.around(&reader, 2_000_000).await.unwrap();
        past_the_end.before.map(|keyframe| keyframe.time_us)
    };
    // A thread of its own, since a search that reads nothing cannot be stopped.
    let (answer, found) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _ = answer.send(runtime.block_on(search));
    });
    let found = found.recv_timeout(Duration::from_mins(1));
    assert_eq!(found, Ok(Some(0)));
}

#[tokio::test]
async fn more_tracks_than_allowed_are_refused() {
    assert!(Matroska::open(&reader(boundless(64)).await).await.is_ok());
    let many = Matroska::open(&reader(boundless(65)).await).await;
    let error = many.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Streams {
                streams: 65,
                limit: 64
            })
        ),
        "{error:?}"
    );
}
