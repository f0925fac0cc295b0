//! Files of tens of gigabytes that take little room on disk.

use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    ops::Range,
    path::PathBuf,
};

use anyhow::{Context, ensure};

use super::{Clip, folder};
use crate::cache;

/// Boxes that hold only boxes (ISO/IEC 14496-12, table 1).
const CONTAINERS: [&[u8; 4]; 6] = [b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"];

/// An mp4 of at least `min_bytes` that repeats `clip`, silent, with the index (64-bit offsets) in
/// front. The file is sparse: only the repetitions around `shares` of the duration are stored, and
/// the rest reads as zeros.
///
/// Needs a file system with sparse files. Fails when `ffmpeg` is missing.
pub fn vast(clip: &Clip, min_bytes: u64, shares: &[f64]) -> anyhow::Result<PathBuf> {
    let clip = Clip {
        extension: "mp4",
        audio: false,
        ..clip.clone()
    };
    let name = format!("{}-vast-{min_bytes}.mp4", clip.name());
    cache::file(&folder(), &name, |path| {
        let source = clip.make()?;
        let once =
            fs::read(&source).with_context(|| format!("cannot read {}", source.display()))?;
        let (_, media) = boxes(&once, 0..once.len())
            .into_iter()
            .find(|(kind, _)| kind == b"mdat")
            .context("the clip has no mdat")?;
        let (_, index) = boxes(&once, 0..once.len())
            .into_iter()
            .find(|(kind, _)| kind == b"moov")
            .context("the clip has no moov")?;
        let times = u32::try_from(min_bytes.div_ceil(media.len() as u64))?;
        let head = b"\0\0\0\x14ftypisom\0\0\x02\0isom";
        // The size of the index does not depend on the offsets in it.
        let probe = repeat(&once, index.clone(), times, 0, media.len() as u64)?;
        let start = (head.len() + 8 + probe.len() + 16) as u64;
        let index = repeat(&once, index, times, start, media.len() as u64)?;
        ensure!(probe.len() == index.len(), "the index changed its size");
        let all = u64::from(times) * media.len() as u64;

        let mut file = File::create(path)?;
        file.write_all(head)?;
        file.write_all(&u32::try_from(index.len() + 8)?.to_be_bytes())?;
        file.write_all(b"moov")?;
        file.write_all(&index)?;
        file.write_all(b"\0\0\0\x01mdat")?;
        file.write_all(&(all + 16).to_be_bytes())?;
        file.set_len(start + all)?;
        for share in shares {
            let nth = (f64::from(times) * share) as u64;
            // The nearest keyframe may lie in a neighbouring repetition.
            for nth in nth.saturating_sub(1)..=(nth + 1).min(u64::from(times) - 1) {
                file.seek(SeekFrom::Start(start + nth * media.len() as u64))?;
                file.write_all(&once[media.clone()])?;
            }
        }
        Ok(())
    })
}

/// The boxes in `range` of `file`: kind and payload.
fn boxes(file: &[u8], range: Range<usize>) -> Vec<([u8; 4], Range<usize>)> {
    let mut found = Vec::new();
    let mut at = range.start;
    while at + 8 <= range.end {
        let kind = [file[at + 4], file[at + 5], file[at + 6], file[at + 7]];
        let (size, header) = match be32(file, at) {
            1 => (
                (u64::from(be32(file, at + 8)) << 32 | u64::from(be32(file, at + 12))) as usize,
                16,
            ),
            size => (size as usize, 8),
        };
        if size < header || at + size > range.end {
            break;
        }
        found.push((kind, at + header..at + size));
        at += size;
    }
    found
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The boxes in `range` of `file` for `times` times the media, which starts at `start` and takes
/// `media` bytes a time.
fn repeat(
    file: &[u8],
    range: Range<usize>,
    times: u32,
    start: u64,
    media: u64,
) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    for (kind, payload) in boxes(file, range) {
        let old = &file[payload.clone()];
        let (kind, new) = match &kind {
            container if CONTAINERS.contains(&container) => {
                (kind, repeat(file, payload, times, start, media)?)
            }
            // Durations: in versions 0, which short clips have, at these offsets.
            b"mvhd" | b"mdhd" => (kind, lengthened(old, 16, times)?),
            b"tkhd" => (kind, lengthened(old, 20, times)?),
            b"elst" => (kind, lengthened(old, 8, times)?),
            b"stts" | b"ctts" => (kind, entries(old, 8, 8, times, |entry, _| entry.to_vec())),
            b"stsz" => {
                let samples = be32(old, 8);
                let mut sizes = entries(old, 12, 4, times, |entry, _| entry.to_vec());
                sizes[8..12].copy_from_slice(&(samples * times).to_be_bytes());
                (kind, sizes)
            }
            b"stss" => {
                let samples = samples(file)?;
                let moved = |entry: &[u8], nth: u32| {
                    (be32(entry, 0) + nth * samples).to_be_bytes().to_vec()
                };
                (kind, entries(old, 8, 4, times, moved))
            }
            // One chunk a repetition.
            b"stsc" => {
                let mut one = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
                one.extend(samples(file)?.to_be_bytes());
                one.extend(1u32.to_be_bytes());
                (kind, one)
            }
            b"stco" => {
                let mut offsets = vec![0; 4];
                offsets.extend(times.to_be_bytes());
                offsets.extend(
                    (0..u64::from(times)).flat_map(|nth| (start + nth * media).to_be_bytes()),
                );
                (*b"co64", offsets)
            }
            b"udta" | b"sgpd" | b"sbgp" => continue,
            _ => (kind, old.to_vec()),
        };
        all.extend(u32::try_from(new.len() + 8)?.to_be_bytes());
        all.extend(kind);
        all.extend(new);
    }
    Ok(all)
}

/// `table` with its entries, of `size` bytes from `first` on, `times` times; the count stands
/// before them.
fn entries(
    table: &[u8],
    first: usize,
    size: usize,
    times: u32,
    moved: impl Fn(&[u8], u32) -> Vec<u8>,
) -> Vec<u8> {
    let mut all = table[..first].to_vec();
    let count = be32(table, first - 4) * times;
    all[first - 4..first].copy_from_slice(&count.to_be_bytes());
    for nth in 0..times {
        all.extend(
            table[first..]
                .chunks_exact(size)
                .flat_map(|entry| moved(entry, nth)),
        );
    }
    all
}

fn lengthened(table: &[u8], at: usize, times: u32) -> anyhow::Result<Vec<u8>> {
    let mut table = table.to_vec();
    let duration = be32(&table, at)
        .checked_mul(times)
        .context("too long for 32 bits")?;
    table[at..at + 4].copy_from_slice(&duration.to_be_bytes());
    Ok(table)
}

fn samples(file: &[u8]) -> anyhow::Result<u32> {
    let at = file
        .windows(4)
        .rposition(|kind| kind == b"stsz")
        .context("the clip has no stsz")?;
    Ok(be32(file, at + 12))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::{oracle, process};

    #[test]
    fn ffprobe_reads_it_as_one_long_file() {
        let clip = Clip {
            noise: true,
            ..Clip::default()
        };
        let path = vast(&clip, 40 << 30, &[0.5]).unwrap();
        assert!(path.metadata().unwrap().len() >= 40 << 30);
        let facts = oracle::probe(&path).unwrap();
        let silent = Clip {
            audio: false,
            ..clip
        };
        let once = fs::metadata(silent.make().unwrap()).unwrap().len();
        // The clip's own index and header are left out of each repetition.
        let least = f64::from(u32::try_from((40 << 30) / once).unwrap()) * 10.0;
        let duration = facts.duration.unwrap();
        assert!(
            duration > least && duration < least * 1.1,
            "{duration} {least}"
        );
        // Straight to the keyframe before: around it there is nothing to decode.
        let mut seek = Command::new("ffmpeg");
        seek.args([
            "-nostdin",
            "-v",
            "error",
            "-ss",
            &format!("{}", duration / 2.0),
            "-i",
        ]);
        seek.arg(&path)
            .args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
        let frame =
            image::RgbImage::from_raw(640, 360, process::output(&mut seek).unwrap()).unwrap();
        let same =
            oracle::frame_at(&silent.make().unwrap(), duration / 2.0 % 10.0, 640, 360).unwrap();
        assert!(oracle::ssim(&frame, &same) > 0.9);
    }
}
