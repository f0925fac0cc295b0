//! `thumb storyboard`: what it writes, and what is left where it is stopped.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command},
    thread::sleep,
    time::{Duration, SystemTime},
};

use devstack::media::{Clip, Shape, looped};
use serde_json::Value;
use tempfile::tempdir;

use crate::common::{clip, names, run, thumb};

/// `thumb storyboard` of a 10 s clip, a tile a second, four a sheet.
fn storyboard(out: &Path, arguments: &[&str]) -> Command {
    let mut command = thumb();
    command
        .arg("storyboard")
        .arg(clip("mp4"))
        .args([
            "--json",
            "--interval",
            "1s",
            "--tile-width",
            "64",
            "--grid",
            "2x2",
            "--out",
        ])
        .arg(out)
        .args(arguments);
    command
}

fn made(out: &Path, arguments: &[&str]) -> Value {
    run(&mut storyboard(out, arguments))
        .clean()
        .lines()
        .remove(0)
}

/// The stem of the clip.
fn stem() -> String {
    clip("mp4")
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned()
}

#[test]
fn everything_that_players_read_is_written_and_named() {
    let out = tempdir().unwrap();
    let line = made(out.path(), &["--for", "all"]);
    let stem = stem();
    let mut expected = vec![format!("{stem}.storyboard"), format!("{stem}.trickplay")];
    expected.sort();
    assert_eq!(names(out.path()), expected);
    let folder = out.path().join(format!("{stem}.storyboard"));
    let bif = format!("{stem}-64-1.bif");
    let mut expected = [
        ".thumb.json",
        "0.jpg",
        "1.jpg",
        "2.jpg",
        "index.json",
        "index.m3u8",
        "index.mpd",
        "index.vtt",
        "master.m3u8",
        &bif,
    ];
    expected.sort_unstable();
    assert_eq!(names(&folder), expected);
    let trickplay = out.path().join(format!("{stem}.trickplay/64 - 2x2"));
    assert_eq!(names(&trickplay), ["0.jpg", "1.jpg", "2.jpg"]);
    for name in names(&trickplay) {
        let image = image::open(trickplay.join(name)).unwrap();
        assert_eq!((image.width(), image.height()), (128, 72));
    }
    let files = line["files"].as_array().unwrap();
    assert_eq!(files.len(), 3 + 6 + 3);
    assert!(
        files
            .iter()
            .all(|file| Path::new(file.as_str().unwrap()).is_file())
    );

    // A plain mp4 has no keyframes that players could be pointed at.
    assert_eq!(line["left_out"][0]["file"], "iframes.m3u8");
    assert_eq!(line["tile"], serde_json::json!({"width": 64, "height": 36}));
    assert_eq!(line["grid"], serde_json::json!({"columns": 2, "rows": 2}));
    assert_eq!(line["interval_s"], 1.0);
    let tiles = line["tiles"].as_array().unwrap();
    assert_eq!(tiles.len(), 10);
    let last = serde_json::json!({
        "sheet": 2, "x": 64, "y": 0, "target_s": 9.0, "actual_s": 9.0, "origin": "keyframe"
    });
    assert_eq!(tiles[9], last);
    let index: Value = read_json(&folder.join("index.json"));
    assert_eq!(index["tiles"], line["tiles"]);
    // Ten pictures of 64x36, the last of which ends the file.
    let bif = fs::read(folder.join(bif)).unwrap();
    assert_eq!((&bif[..4], bif[12]), (&b"\x89BIF"[..], 10));
    let last = &bif[u32::from_le_bytes(bif[140..144].try_into().unwrap()) as usize..];
    let last = image::load_from_memory(last).unwrap();
    assert_eq!((last.width(), last.height()), (64, 36));
}

#[test]
fn players_are_pointed_at_keyframes_where_the_file_allows_it() {
    let videos = tempdir().unwrap();
    let film = videos.path().join("a film.mp4");
    let fragmented = looped(&Clip::default(), Shape::Mp4FragmentedSidx, 1 << 20).unwrap();
    fs::copy(fragmented, &film).unwrap();
    let mut command = thumb();
    command.arg("storyboard").arg(&film).arg("--out");
    command.arg(videos.path()).args(["--for", "hls", "--json"]);
    let line = run(&mut command).clean().lines().remove(0);
    assert_eq!(line["left_out"], Value::Null);
    let folder = videos.path().join("a film.storyboard");
    let playlist = fs::read_to_string(folder.join("iframes.m3u8")).unwrap();
    let named = playlist.lines().filter(|line| !line.starts_with('#'));
    let named: Vec<_> = named.collect();
    assert_eq!(named.len(), line["tiles"].as_array().unwrap().len());
    assert!(
        named.iter().all(|name| *name == "../a%20film.mp4"),
        "{named:?}"
    );
    let master = fs::read_to_string(folder.join("master.m3u8")).unwrap();
    assert!(master.contains("URI=\"iframes.m3u8\""), "{master}");
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn jellyfin_alone_gets_its_folder_and_keeps_the_servers_own() {
    let out = tempdir().unwrap();
    let trickplay = out.path().join(format!("{}.trickplay", stem()));
    fs::create_dir_all(trickplay.join("480 - 10x10")).unwrap();
    made(out.path(), &["--for", "jellyfin"]);
    assert_eq!(names(out.path()), [format!("{}.trickplay", stem())]);
    assert_eq!(
        names(&trickplay),
        [".thumb.json", "480 - 10x10", "64 - 2x2"]
    );
}

#[test]
fn a_storyboard_that_is_there_is_replaced_or_left_alone() {
    let out = tempdir().unwrap();
    let arguments = ["--for", "vtt,jellyfin"];
    made(out.path(), &arguments);
    let sheet = out.path().join(format!("{}.storyboard/0.jpg", stem()));
    let modified = || fs::metadata(&sheet).unwrap().modified().unwrap();
    fs::File::options()
        .write(true)
        .open(&sheet)
        .unwrap()
        .set_modified(SystemTime::UNIX_EPOCH)
        .unwrap();
    let left = made(out.path(), &["--for", "vtt,jellyfin", "--resume"]);
    assert_eq!(modified(), SystemTime::UNIX_EPOCH);
    assert_eq!(left["tiles"].as_array().unwrap().len(), 10);
    made(
        out.path(),
        &["--for", "vtt,jellyfin", "--resume", "--quality", "40"],
    );
    assert!(
        modified() > SystemTime::UNIX_EPOCH,
        "another quality is another storyboard"
    );
    assert_eq!(names(out.path()).len(), 2, "{:?}", names(out.path()));
}

/// Waits until `is_there`, or the program has ended.
fn wait_until(child: &mut Child, is_there: impl Fn() -> bool) {
    while !is_there() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended too soon");
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_run_that_was_killed_is_gone_on_with() {
    let whole = tempdir().unwrap();
    // A sheet a tile, so that there is time to stop in the middle.
    let arguments = [
        "--grid",
        "1x1",
        "--tile-width",
        "640",
        "--count",
        "60",
        "--for",
        "vtt,bif",
    ];
    let command = |out: &Path, more: &[&str]| {
        let mut command = thumb();
        command
            .arg("storyboard")
            .arg(clip("mp4"))
            .args(arguments)
            .args(more);
        command.args(["--json", "--out"]).arg(out);
        command
    };
    run(&mut command(whole.path(), &[])).clean();
    let out = tempdir().unwrap();
    let partial = out.path().join(format!(".{}.storyboard-partial", stem()));
    let mut child = command(out.path(), &[]).spawn().unwrap();
    wait_until(&mut child, || partial.join("2.jpg").exists());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        names(out.path()),
        [format!(".{}.storyboard-partial", stem())]
    );
    let done: Vec<_> = names(&partial)
        .into_iter()
        .filter(|name| name.ends_with("jpg"))
        .collect();
    let made = |name: &String| {
        fs::metadata(partial.join(name))
            .unwrap()
            .modified()
            .unwrap()
    };
    let before: Vec<_> = done.iter().map(made).collect();
    // What a run leaves that is stopped while it writes a file.
    fs::write(partial.join(".thumb-Ab1234"), "half a picture").unwrap();

    run(&mut command(out.path(), &["--resume"])).clean();
    let name = format!("{}.storyboard", stem());
    let (folder, expected) = (out.path().join(&name), whole.path().join(&name));
    assert_eq!(names(&folder), names(&expected));
    for file in names(&folder) {
        let read = |folder: &Path| fs::read(folder.join(&file)).unwrap();
        assert!(read(&folder) == read(&expected), "{file}");
    }
    let again = done.iter().zip(before).filter(|(name, before)| {
        fs::metadata(folder.join(name)).unwrap().modified().unwrap() != *before
    });
    assert!(again.count() <= 1, "more than one sheet was made twice");

    // A run may also be stopped when all is written, but for the folder's name.
    let finished = fs::metadata(folder.join("0.jpg")).unwrap().ino();
    fs::rename(&folder, &partial).unwrap();
    fs::write(partial.join(".tiles-59"), "left").unwrap();
    run(&mut command(out.path(), &["--resume"])).clean();
    assert_eq!(names(&folder), names(&expected));
    assert_eq!(fs::metadata(folder.join("0.jpg")).unwrap().ino(), finished);
}

#[test]
fn the_keyframes_of_a_sheet_are_one_round_trip() {
    let clip = Clip {
        seconds: 30,
        noise: true,
        ..Clip::new("mp4")
    };
    let film = looped(&clip, Shape::Mp4MoovFirst, 120 << 20).unwrap();
    let out = tempdir().unwrap();
    let mut command = thumb();
    command.arg("storyboard").arg(&film).arg("--out");
    command.arg(out.path()).args(["--count", "100", "--json"]);
    command.args(["--tile-width", "32"]);
    let line = run(&mut command).clean().lines().remove(0);
    let number = |name: &str| line[name].as_u64().unwrap();
    assert!(number("requests") > 80, "{}", line["requests"]);
    // Two at most open the film.
    assert!(number("round_trips") <= 3, "{}", line["round_trips"]);
}

#[test]
fn what_cannot_be_is_said() {
    let out = tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let run = run(&mut storyboard(out.path(), arguments));
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        run.stderr
    };
    let both = refused(&["--for", "bif", "--format", "webp"]);
    assert!(both.contains("bif") && both.contains("webp"), "{both}");
    assert!(refused(&["--grid", "10"]).contains("--grid"));
    assert!(refused(&["--count", "3"]).contains("--interval"));
    assert_eq!(names(out.path()).len(), 0);
    let text = out.path().join("text.mp4");
    fs::write(&text, "no video").unwrap();
    let mut command = thumb();
    command
        .arg("storyboard")
        .arg(&text)
        .arg("--out")
        .arg(out.path())
        .arg("--json");
    let failed = run(&mut command);
    assert_eq!(failed.code, Some(1));
    assert_eq!(failed.lines()[0]["ok"], false);
    assert_eq!(names(out.path()), ["text.mp4"]);
}
