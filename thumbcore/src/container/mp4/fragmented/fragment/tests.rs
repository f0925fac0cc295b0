use proptest::prelude::*;

use super::{
    super::movie::tests::{boxed, moov},
    *,
};

fn movie() -> Movie {
    Movie::parse(&moov(&[], 0), 64).unwrap()
}

/// A fragment of track 1 and the header of its data, as a muxer writes it: audio of 100 bytes in
/// between, behind the second sample.
fn fragment(samples: &[(u32, u32, u32, i32)], flags: u32) -> Vec<u8> {
    let moof = |offsets: [i32; 2]| {
        let split = samples.len().min(2);
        let runs = [&samples[..split], &samples[split..]];
        let truns = runs.into_iter().zip(offsets).map(|(run, offset)| {
            let mut trun = 0x0100_0f01u32.to_be_bytes().to_vec();
            trun.put_u32(run.len() as u32);
            trun.put_i32(offset);
            for (duration, size, flags, delay) in run {
                trun.put_u32(*duration);
                trun.put_u32(*size);
                trun.put_u32(*flags);
                trun.put_i32(*delay);
            }
            boxed(b"trun", &trun)
        });
        let mut traf = boxed(b"tfhd", &[flags.to_be_bytes(), 1u32.to_be_bytes()].concat());
        traf.extend(boxed(b"tfdt", &[0, 0, 0, 0, 0, 0, 3, 232]));
        traf.extend(truns.flatten());
        let children = [boxed(b"mfhd", &[0; 8]), boxed(b"traf", &traf)].concat();
        boxed(b"moof", &children)
    };
    let len = moof([0, 0]).len() as i32;
    let first: u32 = samples.iter().take(2).map(|sample| sample.1).sum();
    let all: u32 = samples.iter().map(|sample| sample.1).sum();
    let mut bytes = moof([len + 8, len + 8 + first as i32 + 100]);
    bytes.put_u32(8 + all + 100);
    bytes.put_slice(b"mdat");
    bytes
}

const SAMPLES: [(u32, u32, u32, i32); 4] = [
    (40, 900, 0x0200_0000, 80),
    (40, 50, 0x0101_0000, 200),
    (40, 700, 0, 80),
    (40, 60, 0x0001_0000, 0),
];

#[test]
fn samples_have_times_places_and_keyframes() {
    let bytes = fragment(&SAMPLES, 0x0002_0000);
    let parsed = Fragment::parse(&bytes, 5000, 1 << 20, &movie()).unwrap();
    let media = 5000 + bytes.len() as u64;
    assert_eq!(parsed.media, media..media + 1710 + 100);
    assert!(!parsed.is_absolute);
    let run = parsed.run(movie().video()).unwrap();
    let places: Vec<_> = run.samples.iter().map(|sample| sample.at - media).collect();
    assert_eq!(places, [0, 900, 1050, 1750]);
    assert_eq!(run.keyframes().collect::<Vec<_>>(), [(1080, 0), (1160, 2)]);
    assert_eq!((run.start(), run.end()), (1080, 1160));
    assert_eq!(run.end_of(1040), Some(media + 950));
    assert_eq!(run.end_of(2000), None);
}

#[test]
fn negative_delays_shift_all_times_as_in_libav() {
    let bytes = fragment(&[(40, 9, 0, 0), (40, 9, 0x0001_0000, -40)], 0x0002_0000);
    let parsed = Fragment::parse(&bytes, 0, 1 << 20, &movie()).unwrap();
    assert_eq!(parsed.run(movie().video()).unwrap().start(), 1040);
}

#[test]
fn a_fragment_that_starts_with_a_keyframe_names_the_same_bytes() {
    let bytes = fragment(&SAMPLES, 0x0002_0000);
    let whole = Fragment::parse(&bytes, 5000, 1 << 20, &movie()).unwrap();
    let run = whole.run(movie().video()).unwrap();
    let (made, keyframe) = whole.starting_at_sample(run, 2).unwrap();
    assert_eq!(keyframe.end - keyframe.start, 700);
    // In the splice, the keyframe lies right behind what was made.
    let at = keyframe.start - made.len() as u64;
    let again = Fragment::parse(&made, at, 1 << 20, &movie()).unwrap();
    assert_eq!(again.media, keyframe.start..whole.media.end);
    let rest = again.run(movie().video()).unwrap();
    assert_eq!(rest.samples, run.samples[2..]);
    assert_eq!(rest.time, 1080);
}

#[test]
fn a_keyframe_outside_of_its_fragment_is_not_believed() {
    let mut bytes = fragment(&SAMPLES, 0x0002_0000);
    let len = bytes.len();
    bytes[len - 8..len - 4].copy_from_slice(&100u32.to_be_bytes());
    let whole = Fragment::parse(&bytes, 0, 1 << 20, &movie()).unwrap();
    let run = whole.run(movie().video()).unwrap();
    assert_eq!(whole.starting_at_sample(run, 0), None);
}

proptest! {
    #[test]
    fn what_is_made_says_what_was_said(
        samples in prop::collection::vec((0u32..5000, 1u32..5000, any::<bool>(), -500i32..500), 1..40),
        nth in 0usize..40,
    ) {
        let samples: Vec<_> = samples
            .into_iter()
            .map(|(duration, size, key, delay)| (duration, size, u32::from(!key) << 16, delay))
            .collect();
        let bytes = fragment(&samples, 0x0002_0000);
        let whole = Fragment::parse(&bytes, 77, 1 << 20, &movie()).unwrap();
        let run = whole.run(movie().video()).unwrap();
        let nth = nth % samples.len();
        let (made, keyframe) = whole.starting_at_sample(run, nth).unwrap();
        let at = keyframe.start - made.len() as u64;
        let again = Fragment::parse(&made, at, 1 << 20, &movie()).unwrap();
        prop_assert_eq!(&again.run(movie().video()).unwrap().samples, &run.samples[nth..]);
    }

    #[test]
    fn any_damage_ends(
        damage in prop::collection::vec((0usize..300, any::<u8>()), 0..8),
        cut in 0usize..300,
        at in any::<u64>(),
    ) {
        let mut bytes = fragment(&SAMPLES, 0x0002_0000);
        let len = bytes.len();
        for (place, byte) in damage {
            bytes[place % len] = byte;
        }
        bytes.truncate(len - cut.min(len));
        if let Some(parsed) = Fragment::parse(&bytes, at, 1 << 40, &movie()) {
            for run in &parsed.runs {
                for (_, nth) in run.keyframes().collect::<Vec<_>>() {
                    if let Some((_, keyframe)) = parsed.starting_at_sample(run, nth) {
                        prop_assert!(parsed.media.start <= keyframe.start);
                        prop_assert!(keyframe.end <= parsed.media.end);
                    }
                }
            }
        }
    }
}
