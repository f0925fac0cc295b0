//! Pictures from files and folders.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use devstack::{media::Clip, oracle};
use image::ImageFormat;
use serde_json::Value;

use crate::common::{clip, extract, folder, names, run, thumb};

fn fields(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// The facts that `extract` and `probe` share, checked against ffprobe and the file itself.
fn check_facts(line: &Value, path: &Path) {
    let facts = oracle::probe(path).unwrap();
    assert_eq!(line["input"], path.to_str().unwrap());
    assert_eq!(line["ok"], true);
    assert_eq!(line["container"], "mp4");
    assert_eq!(line["codec"], facts.codec);
    assert_eq!(line["width"], facts.width);
    assert_eq!(line["height"], facts.height);
    let off = line["duration_s"].as_f64().unwrap() - facts.duration.unwrap();
    assert!(off.abs() < 0.1, "{line}");
    assert_eq!(line["source_bytes"], fs::metadata(path).unwrap().len());
    for field in ["bytes_fetched", "requests", "round_trips"] {
        assert!(line[field].as_u64().unwrap() > 0, "{field}: {line}");
    }
    assert!(line["cache_hits"].is_u64(), "{line}");
    for field in ["wall_ms", "cpu_ms", "wait_ms"] {
        assert!(line[field].as_f64().unwrap() >= 0.0, "{field}: {line}");
    }
}

#[test]
fn json_has_the_contracts_fields_and_they_are_true() {
    let path = clip("mp4");
    let out = tempfile::tempdir().unwrap();
    let lines = run(extract(&path, out.path()).arg("--json"))
        .clean()
        .lines();
    assert_eq!(lines.len(), 1);
    let mut expected = [
        "input",
        "ok",
        "container",
        "codec",
        "width",
        "height",
        "duration_s",
        "source_bytes",
        "bytes_fetched",
        "requests",
        "round_trips",
        "wall_ms",
        "cpu_ms",
        "wait_ms",
        "cache_hits",
        "sandbox",
        "thumbnails",
    ];
    expected.sort_unstable();
    assert_eq!(fields(&lines[0]), expected);
    check_facts(&lines[0], &path);

    let stem = path.file_stem().unwrap().to_str().unwrap();
    let thumbnails = lines[0]["thumbnails"].as_array().unwrap();
    assert_eq!(thumbnails.len(), 3);
    for (index, (thumbnail, target)) in thumbnails.iter().zip([1.0, 5.0, 9.5]).enumerate() {
        assert_eq!(
            fields(thumbnail),
            [
                "actual_s", "bytes", "height", "origin", "path", "score", "target_s", "width"
            ]
        );
        let file = out.path().join(format!("{stem}_{}.jpg", index + 1));
        assert_eq!(thumbnail["path"], file.to_str().unwrap());
        let bytes = fs::read(&file).unwrap();
        assert_eq!(thumbnail["bytes"], bytes.len());
        // The last target lies at the edge of the tolerance around the keyframe at 9 s.
        let origins = ["keyframe", "decoded"];
        let origins = if index < 2 {
            &origins[..1]
        } else {
            &origins[..]
        };
        assert!(
            origins.contains(&thumbnail["origin"].as_str().unwrap()),
            "{thumbnail}"
        );
        // The duration may be a little more than 10 s: audio frames are longer than video frames.
        assert!(
            (thumbnail["target_s"].as_f64().unwrap() - target).abs() < 0.1,
            "{thumbnail}"
        );
        let actual = thumbnail["actual_s"].as_f64().unwrap();
        let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).unwrap();
        let (width, height) = (picture.width(), picture.height());
        assert_eq!(thumbnail["width"], width);
        assert_eq!(thumbnail["height"], height);
        let frame = oracle::frame_at(&path, actual, width, height).unwrap();
        let likeness = oracle::ssim(&picture.to_rgb8(), &frame);
        assert!(likeness > 0.9, "{likeness}: {thumbnail}");
    }
    assert_eq!(names(out.path()).len(), 3);
}

#[test]
fn the_sandbox_changes_no_picture_and_says_that_it_was_there() {
    let path = clip("mkv");
    let [with, without] = ["on", "off"].map(|sandbox| {
        let out = tempfile::tempdir().unwrap();
        let lines = run(extract(&path, out.path()).args(["--json", "--sandbox", sandbox]))
            .clean()
            .lines();
        assert_eq!(lines[0]["sandbox"], sandbox == "on");
        let files = names(out.path());
        let pictures = files
            .iter()
            .map(|name| fs::read(out.path().join(name)).unwrap());
        let costs = ["bytes_fetched", "requests", "round_trips"].map(|cost| lines[0][cost].clone());
        (pictures.collect::<Vec<_>>(), costs)
    });
    assert_eq!(with.0.len(), 3);
    assert!(with == without);
}

#[test]
fn a_trace_accounts_for_every_byte_and_round_trip() {
    let path = clip("mkv");
    let out = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command.arg("extract").arg(&path).arg("--trace");
    command.arg("--out").arg(out.path());
    let human = run(&mut command).clean().stdout;
    let line = &run(command.arg("--json")).clean().lines()[0];
    let reads = line["reads"].as_array().unwrap();
    let bytes = |read: &Value| read["end"].as_u64().unwrap() - read["start"].as_u64().unwrap();
    assert_eq!(line["bytes_fetched"], reads.iter().map(bytes).sum::<u64>());
    let round_trips = reads
        .iter()
        .map(|read| read["round_trip"].as_u64().unwrap());
    assert_eq!(line["round_trips"], round_trips.max().unwrap());
    assert_eq!(reads[0]["reason"], "ends");
    for read in reads {
        let (start, end) = (&read["start"].to_string(), &read["end"].to_string());
        let told = |line: &str| line.contains(start) && line.contains(end);
        assert!(human.lines().any(told), "{read}: {human}");
    }
}

#[test]
fn probe_tells_facts_and_writes_nothing() {
    let path = clip("mp4");
    let current = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command.current_dir(current.path()).arg("probe").arg(&path);
    let human = run(&mut command).clean().stdout;
    assert!(human.contains("mp4 h264 640x360"), "{human}");
    let lines = run(command.arg("--json")).clean().lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(fields(&lines[0]).len(), 16);
    assert!(lines[0].get("thumbnails").is_none());
    check_facts(&lines[0], &path);
    assert_eq!(names(current.path()), [""; 0]);
}

#[test]
fn pictures_go_to_the_current_folder_and_the_summary_to_stdout() {
    let folder = folder(&["clip.mp4"]);
    let mut command = thumb();
    command
        .current_dir(folder.path())
        .args(["extract", "clip.mp4"]);
    let summary = run(&mut command).clean().stdout;
    for word in [
        "clip.mp4: mp4 h264 640x360",
        "clip_1.jpg",
        "clip_3.jpg",
        " requests, ",
    ] {
        assert!(summary.contains(word), "{word}: {summary}");
    }
    assert_eq!(
        names(folder.path()),
        ["clip.mp4", "clip_1.jpg", "clip_2.jpg", "clip_3.jpg"]
    );
    let mode = |name: &str| {
        let path = folder.path().join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    fs::write(folder.path().join("plain"), "").unwrap();
    assert_eq!(mode("clip_1.jpg"), mode("plain"));

    // Again, over the files of the first run; quietly.
    fs::write(folder.path().join("clip_1.jpg"), "old").unwrap();
    let quiet = run(command.arg("-q")).clean();
    assert_eq!(quiet.stdout, "");
    assert!(
        fs::metadata(folder.path().join("clip_1.jpg"))
            .unwrap()
            .len()
            > 1000
    );
}

#[test]
fn flags_reach_the_pictures() {
    let folder = folder(&["clip.mp4"]);
    let path = folder.path().join("clip.mp4");
    let extract = |out: &str, flags: &[&str]| {
        let mut command = extract(&path, &folder.path().join(out));
        let mut line = run(command.args(flags).arg("--json")).clean().lines();
        line[0]["thumbnails"].take()
    };
    for (name, format) in [
        ("jpg", ImageFormat::Jpeg),
        ("webp", ImageFormat::WebP),
        ("avif", ImageFormat::Avif),
    ] {
        let flags = ["--format", name, "--at", "50%", "--max-width", "160"];
        let thumbnails = extract("formats/made", &flags);
        let bytes = fs::read(folder.path().join(format!("formats/made/clip_1.{name}"))).unwrap();
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
        assert_eq!(thumbnails[0]["width"], 160);
        assert_eq!(thumbnails[0]["height"], 90);
    }
    let low = extract("quality", &["--quality", "5"])[0]["bytes"]
        .as_u64()
        .unwrap();
    let high = extract("quality", &["--quality", "95"])[0]["bytes"]
        .as_u64()
        .unwrap();
    assert!(low * 2 < high, "{low} {high}");

    let at = extract("at", &["--at", "0%, 2.5s,7"]);
    let targets = at
        .as_array()
        .unwrap()
        .iter()
        .map(|thumbnail| thumbnail["target_s"].as_f64());
    assert_eq!(
        targets.collect::<Vec<_>>(),
        [Some(0.0), Some(2.5), Some(7.0)]
    );

    let exact = extract("exact", &["--exact", "--at", "2.6"]);
    let actual = exact[0]["actual_s"].as_f64().unwrap();
    assert!((actual - 2.6).abs() < 0.041, "{exact}");
    let near = extract("near", &["--at", "2.6"]);
    assert_eq!(near[0]["actual_s"], 3.0, "{near}");
}

#[test]
fn one_decode_gives_every_width() {
    let folder = folder(&["clip.mp4"]);
    let extract = |flags: &[&str]| {
        let mut command = thumb();
        command
            .current_dir(folder.path())
            .args(["extract", "clip.mp4", "--json"]);
        run(command
            .args(["--at", "10%,50%", "--out", "out"])
            .args(flags))
        .clean()
        .lines()
    };
    let plain = &extract(&["--max-width", "320"])[0];
    assert!(
        plain["thumbnails"][0].get("renditions").is_none(),
        "{plain}"
    );
    fs::remove_dir_all(folder.path().join("out")).unwrap();

    let line = &extract(&["--widths", "320,160,5000"])[0];
    for (thumbnail, number) in line["thumbnails"].as_array().unwrap().iter().zip(1..) {
        assert_eq!(thumbnail["path"], format!("out/clip_{number}.jpg"));
        assert_eq!(thumbnail["width"], 320);
        let renditions = thumbnail["renditions"].as_array().unwrap();
        // The video is 640 pixels wide, and no picture is enlarged.
        for (rendition, (width, shown)) in renditions.iter().zip([(160, 160), (5000, 640)]) {
            let name = format!("out/clip_{number}_{width}.jpg");
            assert_eq!(rendition["path"], name);
            let bytes = fs::read(folder.path().join(&name)).unwrap();
            assert_eq!(rendition["bytes"], bytes.len());
            let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).unwrap();
            assert_eq!((picture.width(), picture.height()), (shown, shown * 9 / 16));
            assert_eq!(rendition["width"], shown);
        }
        assert_eq!(renditions.len(), 2);
    }
    assert_eq!(names(&folder.path().join("out")).len(), 6);
    // The same bytes are read whatever is made of them.
    for field in ["bytes_fetched", "requests", "round_trips"] {
        assert_eq!(line[field], plain[field], "{field}");
    }
}

#[test]
fn a_long_clip_is_read_in_part_only() {
    let clip = Clip {
        seconds: 30,
        noise: true,
        ..Clip::default()
    };
    let path = clip.make().unwrap();
    let lines = run(thumb().arg("probe").arg(&path).arg("--json"))
        .clean()
        .lines();
    let read = lines[0]["bytes_fetched"].as_u64().unwrap();
    let total = lines[0]["source_bytes"].as_u64().unwrap();
    assert!(read * 2 < total, "{read} of {total}");
}

#[test]
fn the_cover_of_music_is_a_picture_where_it_is_asked_for() {
    let path = devstack::media::music("m4a").unwrap();
    let out = tempfile::tempdir().unwrap();
    let extract = |more: &[&str]| {
        let mut command = extract(&path, out.path());
        run(command.args(["--at", "0", "--json"]).args(more))
    };
    let line = extract(&["--attached-picture"]).clean().lines().remove(0);
    assert_eq!(line["thumbnails"][0]["origin"], "attached", "{line}");
    let picture = line["thumbnails"][0]["path"].as_str().unwrap();
    assert_eq!(image::image_dimensions(picture).unwrap(), (320, 240));
    let refused = extract(&[]).lines().remove(0);
    assert_eq!(refused["error"]["kind"], "no_video", "{refused}");
}

#[test]
fn the_best_frames_are_scored_and_in_the_order_of_time() {
    let path = clip("mp4");
    let out = tempfile::tempdir().unwrap();
    let line = run(extract(&path, out.path()).args(["--json", "--at", "best:3"]))
        .clean()
        .lines()
        .remove(0);
    let thumbnails = line["thumbnails"].as_array().unwrap();
    assert_eq!(thumbnails.len(), 3);
    let time = |thumbnail: &Value| thumbnail["actual_s"].as_f64().unwrap();
    assert!(thumbnails.is_sorted_by(|a, b| time(a) < time(b)), "{line}");
    for thumbnail in thumbnails {
        let candidates = thumbnail["candidates"].as_array().unwrap();
        assert!(candidates.len() > 1, "{thumbnail}");
        let best = candidates
            .iter()
            .find(|it| it["time_s"] == thumbnail["actual_s"]);
        assert!(best.unwrap()["bytes"].as_u64().unwrap() > 0, "{thumbnail}");
        let score = |of: &Value| of["score"].as_f64().unwrap();
        let most = candidates.iter().map(score).fold(0.0, f64::max);
        assert!((score(best.unwrap()) - most).abs() < 1e-9, "{thumbnail}");
    }
}
