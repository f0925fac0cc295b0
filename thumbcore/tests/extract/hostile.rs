//! Input that means harm, or is broken: a typed error or a true picture, never a crash, a hang or
//! a look at anything else.

use std::{io::Write, sync::Arc, time::Duration};

use devstack::media::Clip;
use flate2::{Compression, write::ZlibEncoder};
use thumbcore::{
    Error, Extractor, LimitError, Limits, MemorySource,
    source::testing::{Latency, Trace},
};

use crate::support::{assert_like_ffmpeg, extract_with, memory, noisy, remuxed};

async fn extract_bytes(name: &str, bytes: Vec<u8>) -> Result<thumbcore::Extraction, Error> {
    let extractor = Extractor::builder().build()?;
    extractor
        .extract(Arc::new(MemorySource::new(name, bytes)))
        .await
}

#[tokio::test]
async fn files_that_name_other_files_open_nothing() {
    let secret = Clip::new("mp4").make().unwrap();
    let secret = secret.display();
    for (name, text) in [
        ("concat", format!("ffconcat version 1.0\nfile '{secret}'\n")),
        ("hls", format!("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{secret}\n#EXT-X-ENDLIST\n")),
        ("sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n".to_owned()),
        ("dash", format!("<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet><Representation id=\"1\" mimeType=\"video/mp4\"><BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>")),
        ("empty", String::new()),
        ("text", "just words ".repeat(10_000)),
    ] {
        let error = extract_bytes("video.mp4", text.into_bytes()).await.unwrap_err();
        let is_named = matches!(&error, Error::Unsupported { what: "container", name: told }
            if told == name);
        let is_corrupt = matches!(error, Error::Corrupt { .. });
        assert!(is_named || is_corrupt, "{name}: {error:?}");
        assert!(!error.is_transient(), "{name}");
    }
}

#[tokio::test]
async fn every_cut_ends_in_pictures_or_a_clear_error() {
    for extension in ["mp4", "mkv", "ts", "flv", "avi", "wmv"] {
        let clip = Clip {
            seconds: 2,
            width: 160,
            height: 120,
            ..Clip::new(extension)
        };
        let whole = std::fs::read(clip.make().unwrap()).unwrap();
        for share in [1, 5, 20, 50, 80, 95, 99] {
            let cut = whole[..whole.len() * share / 100].to_vec();
            match extract_bytes(extension, cut).await {
                Ok(extraction) => {
                    for thumbnail in extraction.thumbnails {
                        image::load_from_memory(thumbnail.image()).unwrap();
                    }
                }
                Err(error) => assert!(
                    matches!(error, Error::Corrupt { .. } | Error::NoVideo { .. }),
                    "{extension} cut at {share} %: {error:?}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn damaged_bytes_never_crash() {
    for extension in ["mp4", "mkv", "ts", "flv", "avi", "wmv", "3gp"] {
        let clip = Clip {
            seconds: 1,
            width: 160,
            height: 120,
            ..Clip::new(extension)
        };
        let whole = std::fs::read(clip.make().unwrap()).unwrap();
        // A fixed sequence, so that a failure can be had again.
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..40 {
            let mut bytes = whole.clone();
            for _ in 0..=round {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = (seed >> 8) as usize % bytes.len();
                bytes[at] = seed as u8;
            }
            if let Err(error) = extract_bytes(extension, bytes).await {
                assert!(
                    !matches!(error, Error::Internal { .. }),
                    "{extension} {round}: {error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn claims_of_huge_pictures_are_refused_before_decoding() {
    let path = Clip::new("mp4").make().unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    // The last `avc1` is the sample entry; width and height follow 24 bytes behind (ISO/IEC
    // 14496-12, 12.1.3).
    let entry = bytes.windows(4).rposition(|four| four == b"avc1").unwrap();
    bytes[entry + 28..entry + 32].copy_from_slice(&[0x30, 0x30, 0x30, 0x30]);
    let error = extract_bytes("huge.mp4", bytes).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Dimensions {
                width: 12336,
                height: 12336,
                ..
            })
        ),
        "{error:?}"
    );
}

pub(crate) fn boxed(kind: &[u8; 4], children: &[Vec<u8>]) -> Vec<u8> {
    let len: usize = children.iter().map(Vec::len).sum();
    let mut bytes = (len as u32 + 8).to_be_bytes().to_vec();
    bytes.extend_from_slice(kind);
    bytes.extend(children.concat());
    bytes
}

fn table(kind: &[u8; 4], words: &[u32]) -> Vec<u8> {
    boxed(
        kind,
        &words
            .iter()
            .map(|word| word.to_be_bytes().to_vec())
            .collect::<Vec<_>>(),
    )
}

/// A track of pictures of a byte each, in one chunk.
pub(crate) fn track_of(samples: u32) -> Vec<u8> {
    let handler = u32::from_be_bytes(*b"vide");
    let tables = [
        table(b"stts", &[0, 1, samples, 1]),
        table(b"stsc", &[0, 1, 1, samples, 1]),
        table(b"stsz", &[0, 1, samples]),
        table(b"stco", &[0, 1, 48]),
    ];
    let media = [
        table(b"mdhd", &[0, 0, 0, 1000, samples, 0]),
        table(b"hdlr", &[0, 0, handler, 0, 0, 0]),
        boxed(b"minf", &[boxed(b"stbl", &tables)]),
    ];
    boxed(b"trak", &[boxed(b"mdia", &media)])
}

/// A file that is all movie box.
pub(crate) fn movie(tracks: &[Vec<u8>]) -> Vec<u8> {
    let kind = u32::from_be_bytes(*b"isom");
    [table(b"ftyp", &[kind, 0, kind]), boxed(b"moov", tracks)].concat()
}

#[tokio::test]
async fn claims_of_endless_samples_are_refused_before_opening() {
    let four = vec![track_of(89_000_000); 4];
    let error = extract_bytes("index.mp4", movie(&four)).await.unwrap_err();
    let claimed = LimitError::Samples {
        samples: 4 * 89_000_000,
        limit: Limits::default().max_samples,
    };
    assert!(
        matches!(&error, Error::Limit(limit) if *limit == claimed),
        "{error:?}"
    );
    assert!(!error.is_transient());
    let many = vec![track_of(1); 100_000];
    let error = extract_bytes("tracks.mp4", movie(&many)).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Streams {
                streams: 100_000,
                limit: 64
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn claims_of_samples_are_paid_for_before_opening() {
    let kind = u32::from_be_bytes(*b"isom");
    let movie = boxed(b"moov", &[track_of(10_000_000)]);
    let file = [table(b"ftyp", &[kind, 0, kind]), movie].concat();
    let limits = Limits {
        max_memory: 100 << 20,
        ..Limits::default()
    };
    let extractor = Extractor::builder().limits(limits).build().unwrap();
    let source = Arc::new(MemorySource::new("index.mp4", file));
    let error = extractor.extract(source).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Memory {
                limit: 104_857_600,
                ..
            })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn no_movie_box_is_opened_unread() {
    let movie = boxed(b"moov", &[track_of(u32::MAX)]);
    // Far apart, so that each is found by a read of its own.
    let padding = boxed(b"free", &[vec![0; 100 << 10]]);
    let far = [padding.repeat(40), movie.clone(), padding.repeat(20)].concat();
    let error = extract_bytes("far.mp4", far).await.unwrap_err();
    assert!(
        matches!(error, Error::Limit(LimitError::Samples { .. })),
        "{error:?}"
    );
    // Behind a fragment it is no movie box that could describe it.
    let fragment = boxed(b"moof", &[table(b"mfhd", &[0, 1])]);
    let behind = [fragment, padding.repeat(2), movie, padding.repeat(2)].concat();
    let error = extract_bytes("behind.mp4", behind).await.unwrap_err();
    assert!(error.to_string().contains("a media segment"), "{error}");
}

#[tokio::test]
async fn a_large_movie_box_that_holds_nothing_is_refused_unread() {
    let kind = u32::from_be_bytes(*b"isom");
    let file_type = table(b"ftyp", &[kind, 0, kind]);
    let movie = boxed(b"moov", &[vec![0; 40 << 20]]);
    let media = boxed(b"mdat", &[vec![0; 1 << 20]]);
    for file in [
        [&file_type[..], &movie, &media].concat(),
        [&file_type[..], &media, &movie].concat(),
    ] {
        let source = MemorySource::new("zeros.mp4", file);
        let trace = Arc::new(Trace::new(Arc::new(source)));
        let source: Arc<dyn thumbcore::RangeSource> = trace.clone();
        let extractor = Extractor::builder().build().unwrap();
        let error = extractor.extract(source).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert!(trace.bytes() < 2 << 20, "{} bytes", trace.bytes());
    }
}

#[tokio::test]
async fn a_packed_movie_box_is_read() {
    let path = Clip::new("mov").make().unwrap();
    let plain = std::fs::read(&path).unwrap();
    // The file ends with its movie box.
    let at = plain.windows(4).rposition(|kind| kind == b"moov").unwrap() - 4;
    let (media, movie) = plain.split_at(at);
    let mut packed = (movie.len() as u32).to_be_bytes().to_vec();
    let mut encoder = ZlibEncoder::new(&mut packed, Compression::default());
    encoder.write_all(movie).unwrap();
    encoder.finish().unwrap();
    let method = boxed(b"dcom", &[b"zlib".to_vec()]);
    let packed = boxed(b"cmov", &[method, boxed(b"cmvd", &[packed])]);
    let file = [media.to_vec(), boxed(b"moov", &[packed])].concat();
    let extraction = extract_bytes("packed.mov", file).await.unwrap();
    assert_like_ffmpeg(&path, &extraction.thumbnails);
}

#[tokio::test]
async fn long_uncompressed_sound_is_no_claim() {
    let clip = Clip {
        seconds: 2,
        ..Clip::new("mov")
    };
    let folder = tempfile::tempdir().unwrap();
    let codecs = ["-c:v", "copy", "-c:a", "pcm_s16le"];
    let path = remuxed(&clip, folder.path(), "plain.mov", &codecs);
    // 88,200 samples of sound, and 50 pictures.
    let limits = Limits {
        max_samples: 1000,
        ..Limits::default()
    };
    let extractor = Extractor::builder().limits(limits).build().unwrap();
    let extraction = extract_with(&extractor, &path).await.unwrap();
    assert_eq!(extraction.thumbnails.len(), 3);
}

#[tokio::test]
async fn budgets_say_what_was_spent() {
    let path = Clip {
        noise: true,
        ..Clip::new("mp4")
    }
    .make()
    .unwrap();
    let with = |limits| Extractor::builder().limits(limits).build().unwrap();
    let bytes = Limits {
        max_bytes: 140_000,
        ..Limits::default()
    };
    let error = extract_with(&with(bytes), &path).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Bytes { limit: 140_000, .. })
        ),
        "{error:?}"
    );
    let requests = Limits {
        max_requests: 3,
        ..Limits::default()
    };
    let error = extract_with(&with(requests), &path).await.unwrap_err();
    assert!(
        matches!(
            error,
            Error::Limit(LimitError::Requests { spent: 3, limit: 3 })
        ),
        "{error:?}"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn dropping_the_future_stops_reading() {
    let path = noisy().make().unwrap();
    let slow = Latency::new(Arc::new(memory(&path)), Duration::from_millis(50));
    let trace = Arc::new(Trace::new(Arc::new(slow)));
    let extractor = Extractor::builder().exact(true).build().unwrap();
    let source: Arc<dyn thumbcore::RangeSource> = trace.clone();
    let extraction = extractor.extract(source);
    let dropped = tokio::time::timeout(Duration::from_millis(75), extraction).await;
    assert!(dropped.is_err(), "ended within two first-byte times");
    // The job lets go of its source when it has ended.
    let ended = async {
        while Arc::strong_count(&trace) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ended)
        .await
        .unwrap();
    assert!(trace.bytes() < path.metadata().unwrap().len());
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_is_an_error() {
    let bytes = std::fs::read(
        Clip {
            noise: true,
            ..Clip::new("mp4")
        }
        .make()
        .unwrap(),
    )
    .unwrap();
    let mut file = tempfile::NamedTempFile::with_suffix(".mp4").unwrap();
    file.write_all(&bytes).unwrap();
    let source = thumbcore::FileSource::open(file.path()).await.unwrap();
    file.as_file().set_len(bytes.len() as u64 / 2).unwrap();
    let extractor = Extractor::builder().build().unwrap();
    let error = extractor.extract(Arc::new(source)).await.unwrap_err();
    assert_eq!(error.kind(), "changed");
    assert!(error.is_transient());
}
