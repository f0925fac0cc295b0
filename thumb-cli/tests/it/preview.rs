//! `thumb preview`: what it writes and says.

use std::{fs, io::Cursor};

use image::{AnimationDecoder, codecs::webp::WebPDecoder};
use serde_json::json;

use crate::common::{files, folder, names, run, run_beside, serve, thumb};

#[test]
fn each_video_of_a_folder_gets_an_animation() {
    let videos = folder(&["a.mp4", "below/b.mkv"]);
    fs::write(videos.path().join("c.mp4"), "no video").unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command
        .arg("preview")
        .arg(videos.path())
        .arg("--out")
        .arg(out.path());
    command.args([
        "--json",
        "--frames",
        "5",
        "--seconds",
        "2",
        "--width",
        "160",
    ]);
    let run = run(&mut command);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert_eq!(names(out.path()), ["a_preview.webp", "b_preview.webp"]);
    let lines = run.lines();
    assert_eq!((lines.len(), &lines[2]["ok"]), (3, &json!(false)));
    for (line, name) in lines.iter().zip(["a", "b"]) {
        let path = out.path().join(format!("{name}_preview.webp"));
        let preview = &line["preview"];
        assert_eq!(preview["path"], path.to_str().unwrap());
        let bytes = fs::read(path).unwrap();
        assert_eq!(preview["bytes"], bytes.len());
        let told = (
            &preview["width"],
            &preview["height"],
            &preview["duration_s"],
        );
        assert_eq!(told, (&json!(160), &json!(90), &json!(2.0)));
        let frames = WebPDecoder::new(Cursor::new(bytes)).unwrap().into_frames();
        let frames = frames.collect_frames().unwrap();
        assert_eq!(
            (frames.len(), preview["frames"].as_array().unwrap().len()),
            (5, 5)
        );
        let shown: u32 = frames.iter().map(|it| it.delay().numer_denom_ms().0).sum();
        assert_eq!(shown, 2000);
        assert_eq!(frames[0].buffer().dimensions(), (160, 90));
    }
    let last = json!({"target_s": 8.0, "actual_s": 9.0, "origin": "keyframe"});
    assert_eq!(lines[0]["preview"]["frames"][4], last);
}

#[tokio::test]
async fn a_remote_video_is_read_by_range() {
    let videos = folder(&["film.mp4"]);
    let url = serve(files(videos.path())).await;
    let out = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command.args(["preview", &format!("{url}/film.mp4"), "--frames", "2"]);
    command.arg("--out").arg(out.path());
    let run = run_beside(command).await.clean();
    let path = out.path().join("film_preview.webp");
    let summary = format!("{}: 2 frames of 320x180 in 6 s", path.display());
    assert!(run.stdout.contains(&summary), "{}", run.stdout);
    assert_eq!(names(out.path()), ["film_preview.webp"]);
}
