//! Many inputs at once.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

use crate::common::{clip, folder, names, run, thumb};

#[test]
fn folders_are_searched_and_names_never_collide() {
    let folder = folder(&[
        "b.mp4",
        "b.mov",
        "sub/c.mkv",
        "sub/deep/d.webm",
        "sub/b.mp4",
    ]);
    fs::write(folder.path().join("notes.txt"), "no video").unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command
        .arg("extract")
        .arg(folder.path())
        .args(["--json", "--jobs", "3", "--at", "50%"]);
    command.arg("--out").arg(out.path());
    let result = run(&mut command);
    let lines = result.lines();
    let shown: Vec<_> = lines
        .iter()
        .map(|line| {
            let input = Path::new(line["input"].as_str().unwrap());
            let name = input.strip_prefix(folder.path()).unwrap().to_str().unwrap();
            (name, line["ok"].as_bool().unwrap())
        })
        .collect();
    // In order, whatever finished first.
    assert_eq!(
        shown,
        [
            ("b.mov", true),
            ("b.mp4", true),
            ("sub/b.mp4", false),
            ("sub/c.mkv", true),
            ("sub/deep/d.webm", true)
        ]
    );
    assert_eq!(result.code, Some(1));
    assert_eq!(lines[2]["error"]["kind"], "collision");
    let message = lines[2]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains(folder.path().join("b.mp4").to_str().unwrap()),
        "{message}"
    );
    assert_eq!(
        names(out.path()),
        ["b.mp4_1.jpg", "b_1.jpg", "c_1.jpg", "d_1.jpg"]
    );
}

#[test]
fn a_batch_that_fails_in_part_does_the_rest_and_exits_with_1() {
    let folder = folder(&["good.mp4", "last.mp4"]);
    fs::write(folder.path().join("broken.mp4"), vec![7; 100_000]).unwrap();
    fs::write(folder.path().join("empty.mp4"), "").unwrap();
    let mut command = thumb();
    command.current_dir(folder.path());
    command.args([
        "extract",
        "broken.mp4",
        "empty.mp4",
        "gone.mp4",
        "good.mp4",
        "last.mp4",
    ]);
    command.args(["--out", "out"]);
    let human = run(&mut command);
    assert_eq!(human.code, Some(1));
    let sum = human.stdout.lines().last().unwrap();
    assert!(
        sum.starts_with("2 videos, 6 pictures, 3 failed (2 corrupt, 1 not_found); read "),
        "{sum}"
    );
    let errors: Vec<_> = human.stderr.lines().collect();
    assert_eq!(errors.len(), 3, "{}", human.stderr);
    for (error, input) in errors.iter().zip(["broken.mp4", "empty.mp4", "gone.mp4"]) {
        assert!(error.starts_with(&format!("thumb: {input}: ")), "{error}");
    }
    let json = run(command.arg("--json"));
    assert_eq!((json.code, json.stderr.as_str()), (Some(1), ""));
    let ok: Vec<_> = json
        .lines()
        .iter()
        .map(|line| line["ok"].as_bool())
        .collect();
    assert_eq!(ok, [false, false, false, true, true].map(Some));
    assert_eq!(names(&folder.path().join("out")).len(), 6);
}

#[test]
fn failures_come_last() {
    let folder = folder(&["good.mp4"]);
    fs::write(folder.path().join("a.mp4"), "").unwrap();
    // Both streams into one, as a terminal shows them.
    let command = format!(
        "'{}' extract . --at 50% --out out 2>&1",
        env!("CARGO_BIN_EXE_thumb")
    );
    let mut shell = std::process::Command::new("sh");
    let shown = run(shell.current_dir(folder.path()).args(["-c", &command])).stdout;
    let lines: Vec<_> = shown.lines().collect();
    let begins = [
        "./good.mp4: mp4 h264",
        "  out/good_1.jpg",
        "thumb: ./a.mp4: ",
        "1 video, 1 picture, 1 failed",
    ];
    assert_eq!(lines.len(), begins.len(), "{shown}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
}

#[test]
fn pictures_that_exist_are_not_made_again() {
    let folder = folder(&["a.mp4", "b.mp4"]);
    let extract = |flags: &[&str]| {
        let mut command = thumb();
        command.current_dir(folder.path()).args([
            "extract",
            "a.mp4",
            "b.mp4",
            "--out",
            "out",
            "--json",
            "--skip-existing",
        ]);
        run(command
            .args(["--at", "10%,50%", "--name", "{n}-{stem}"])
            .args(flags))
        .clean()
        .lines()
    };
    let made = extract(&[]);
    assert!(
        made.iter().all(|line| line["thumbnails"].is_array()),
        "{made:?}"
    );
    let all = ["1-a.jpg", "1-b.jpg", "2-a.jpg", "2-b.jpg"];
    assert_eq!(names(&folder.path().join("out")), all);
    fs::remove_file(folder.path().join("out/2-b.jpg")).unwrap();
    let again = extract(&[]);
    assert_eq!(again[0]["skipped"], true);
    assert!(again[0].get("container").is_none());
    assert!(again[1].get("skipped").is_none());
    assert_eq!(names(&folder.path().join("out")), all);
    // Other pictures are not there yet.
    let wider = extract(&["--widths", "320,160"]);
    assert!(
        wider.iter().all(|line| line.get("skipped").is_none()),
        "{wider:?}"
    );
}

#[test]
fn odd_names_are_taken_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"-dash.mp4"[..], b"sp ace \xc3\xa9.mp4", b"\xff.mp4"] {
        let name = OsStr::from_bytes(name);
        fs::copy(clip("mp4"), folder.path().join(name)).unwrap();
        let mut command = thumb();
        command
            .current_dir(folder.path())
            .args(["extract", "--at", "50%", "--"]);
        run(command.arg(name)).clean();
        let mut picture = Path::new(name).file_stem().unwrap().to_owned();
        picture.push("_1.jpg");
        assert!(folder.path().join(picture).exists());
    }
}
