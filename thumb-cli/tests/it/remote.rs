//! Inputs over HTTP and from S3, over real sockets.

use std::{fs, process::Command};

use aws_sdk_s3::primitives::ByteStream;
use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header::AUTHORIZATION},
    middleware::{self, Next},
    response::IntoResponse,
};
use devstack::{Stack, StackOptions};

use crate::common::{Run, clip, files, folder, names, run_beside, serve, thumb};

#[tokio::test]
async fn http_inputs_are_read_by_range_and_named_after_the_url() {
    let folder = folder(&["a clip.mp4"]);
    let url = serve(files(folder.path())).await;
    let out = tempfile::tempdir().unwrap();
    let mut command = thumb();
    command
        .arg("extract")
        .arg(format!("{url}/a%20clip.mp4?sig=hunter2#top"));
    command.arg("--json").arg("--out").arg(out.path());
    let run = run_beside(command).await.clean();
    assert!(!run.stdout.contains("hunter2"), "{}", run.stdout);
    let lines = run.lines();
    assert_eq!(lines[0]["input"], format!("{url}/a%20clip.mp4"));
    let size = fs::metadata(folder.path().join("a clip.mp4"))
        .unwrap()
        .len();
    assert_eq!(lines[0]["source_bytes"], size);
    assert_eq!(
        names(out.path()),
        ["a clip_1.jpg", "a clip_2.jpg", "a clip_3.jpg"]
    );
}

#[tokio::test]
async fn the_password_of_a_url_is_sent_and_not_shown() {
    async fn guard(request: Request, next: Next) -> axum::response::Response {
        // me:hunter2
        match request.headers().get(AUTHORIZATION) {
            Some(value) if value == "Basic bWU6aHVudGVyMg==" => next.run(request).await,
            _ => StatusCode::UNAUTHORIZED.into_response(),
        }
    }
    let folder = folder(&["a.mp4"]);
    let url = serve(files(folder.path()).layer(middleware::from_fn(guard))).await;
    let with_password = url.replace("http://", "http://me:hunter2@");

    let mut command = thumb();
    command
        .args(["probe", "--json", "-vv"])
        .arg(format!("{with_password}/a.mp4"));
    let let_in = run_beside(command).await;
    assert_eq!(let_in.code, Some(0), "{}", let_in.stderr);
    assert_eq!(let_in.lines()[0]["input"], format!("{url}/a.mp4"));
    assert!(!let_in.stderr.is_empty());

    let mut command = thumb();
    command.args(["probe", "-vv"]).arg(format!(
        "{}/a.mp4",
        with_password.replace("hunter2", "hunter3")
    ));
    let refused = run_beside(command).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("access denied"),
        "{}",
        refused.stderr
    );
    for Run { stdout, stderr, .. } in [let_in, refused] {
        assert!(
            !stdout.contains("hunter") && !stderr.contains("hunter"),
            "{stderr}"
        );
    }
}

#[tokio::test]
async fn http_errors_have_their_kinds() {
    let app = Router::new()
        .route("/gone.mp4", axum::routing::get(StatusCode::NOT_FOUND))
        .route("/secret.mp4", axum::routing::get(StatusCode::FORBIDDEN));
    let url = serve(app).await;
    let mut command = thumb();
    command.args(["extract", "--json"]);
    command
        .arg(format!("{url}/gone.mp4"))
        .arg(format!("{url}/secret.mp4"));
    let run = run_beside(command).await;
    assert_eq!(run.code, Some(1));
    let lines = run.lines();
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["error"]["kind"].as_str())
        .collect();
    assert_eq!(kinds, [Some("not_found"), Some("denied")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_inputs_honour_the_environment() {
    let stack = Stack::start(StackOptions::default()).await.unwrap();
    let body = ByteStream::from_path(clip("mkv")).await.unwrap();
    let key = "other/a ü+%41.mkv";
    let put = stack
        .s3()
        .put_object()
        .bucket(stack.bucket())
        .key(key)
        .body(body);
    put.send().await.unwrap();
    let out = tempfile::tempdir().unwrap();
    let s3 = |arguments: &[&str]| -> Command {
        let mut command = thumb();
        command.args(arguments).envs(stack.env()).arg("--json");
        command
    };

    let input = format!("s3://{}/{key}", stack.bucket());
    let mut command = s3(&["extract", &input]);
    command.arg("--out").arg(out.path());
    let lines = run_beside(command).await.clean().lines();
    assert_eq!(lines[0]["input"], input);
    assert_eq!(lines[0]["container"], "matroska");
    assert_eq!(
        names(out.path()),
        ["a ü+%41_1.jpg", "a ü+%41_2.jpg", "a ü+%41_3.jpg"]
    );

    // The region is not needed where the endpoint is given.
    let mut command = s3(&["probe", &input]);
    command
        .env_remove("AWS_REGION")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    run_beside(command).await.clean();

    let gone = format!("s3://{}/gone.mp4", stack.bucket());
    let run = run_beside(s3(&["probe", &gone])).await;
    assert_eq!(run.code, Some(1));
    assert_eq!(run.lines()[0]["error"]["kind"], "not_found");
}
