//! Exit status, streams and messages where no picture is made.

use std::fs;

use crate::common::{names, run, thumb};

#[test]
fn a_wrong_command_line_exits_with_2_and_says_what_is_wrong() {
    let many = vec!["1%"; 100].join(",");
    for (arguments, word) in [
        (&[][..], "Usage"),
        (&["extract"], "INPUT"),
        (&["probe"], "INPUT"),
        (&["extract", "a.mp4", "--at", "101%"], "101%"),
        (&["extract", "a.mp4", "--at", "10%,soon"], "soon"),
        (&["extract", "a.mp4", "--quality", "0"], "--quality"),
        (&["extract", "a.mp4", "--quality", "101"], "--quality"),
        (&["extract", "a.mp4", "--max-width", "0"], "--max-width"),
        (&["extract", "a.mp4", "--widths", "640,99"], "at least 100"),
        (&["extract", "a.mp4", "--widths", "640,320,640"], "twice"),
        (&["extract", "a.mp4", "--widths", "640,0"], "--widths"),
        (
            &["extract", "a.mp4", "--widths", "640", "--max-width", "64"],
            "--max-width",
        ),
        (
            &["extract", "a.mp4", "--widths", "640,320", "--at", &many],
            "--at",
        ),
        (&["extract", "a.mp4", "--name", "{stem}"], "{n}"),
        (&["extract", "a.mp4", "--name", "{stem}_{n}_{x}"], "{x}"),
        (&["extract", "a.mp4", "--name", "a/{stem}_{n}"], "--name"),
        (&["extract", "a.mp4", "--format", "gif"], "gif"),
        (&["extract", "a.mp4", "--jobs", "0"], "--jobs"),
        (&["preview", "a.mp4", "--frames", "1"], "frames"),
        (&["preview", "a.mp4", "--seconds", "long"], "--seconds"),
        (&["extract", "s3://bucket"], "s3://bucket"),
        (&["extract", "ftp://host/a.mp4"], "ftp://"),
        (&["extract", "-x.mp4"], "-x"),
        (&["probe", "a.mp4", "--exact"], "--exact"),
    ] {
        let run = run(thumb().args(arguments));
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(run.stderr.contains(word), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_wrong_url_is_told_without_its_secrets() {
    let run = run(thumb().args(["probe", "https://me:hunter2@host:99999/a.mp4?sig=hunter2"]));
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr.contains("https://host:99999/a.mp4"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn help_and_version_are_results() {
    for arguments in [
        &["--help"][..],
        &["extract", "--help"],
        &["probe", "--help"],
    ] {
        let run = run(thumb().args(arguments)).clean();
        assert!(
            run.stdout.contains("thumb extract clip.mp4"),
            "{}",
            run.stdout
        );
    }
    let version = run(thumb().arg("--version")).clean().stdout;
    assert_eq!(version, format!("thumb {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn missing_files_are_failures_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.mp4");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let mut command = thumb();
    command.arg("extract").arg(&missing).arg(&empty);
    command.arg("--out").arg(folder.path().join("out"));

    let human = run(&mut command);
    assert_eq!(human.code, Some(1));
    let sum = "0 videos, 2 failed (2 not_found); read 0 B of 0 B in ";
    assert!(human.stdout.starts_with(sum), "{}", human.stdout);
    assert_eq!(
        human.stderr,
        format!(
            "thumb: {}: not found\nthumb: {}: no video in this folder \
             (mp4, mov, mkv, avi, webm, wmv, flv, m4v, ts, 3gp, 3g2, f4v, mts, m2ts, mpg, mpeg, \
             vob, asf, ogv)\n",
            missing.display(),
            empty.display()
        )
    );

    let json = run(command.arg("--json"));
    assert_eq!((json.code, json.stderr.as_str()), (Some(1), ""));
    let lines = json.lines();
    assert_eq!(lines.len(), 2);
    for (line, input) in lines.iter().zip([&missing, &empty]) {
        let fields: Vec<_> = line.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["error", "input", "ok", "sandbox"]);
        assert_eq!(line["input"], input.to_str().unwrap());
        assert_eq!(line["ok"], false);
        assert_eq!(line["error"]["kind"], "not_found");
        assert!(line["error"]["message"].is_string());
    }
    assert_eq!(names(&folder.path().join("out")), [""; 0]);
}

#[test]
fn an_out_that_is_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::write(&out, "").unwrap();
    let run = run(thumb().args(["extract", "a.mp4", "--out"]).arg(&out));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains(out.to_str().unwrap()), "{}", run.stderr);
}
