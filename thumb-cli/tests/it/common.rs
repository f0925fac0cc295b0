//! The real `thumb`, and a real server of files.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use axum::Router;
use devstack::media::Clip;
use serde_json::Value;
use tempfile::TempDir;
use tower_http::services::ServeDir;

/// `thumb` with nothing of the caller's AWS set-up or log filter.
pub(crate) fn thumb() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thumb"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// `thumb extract` of one input into the folder `out`.
pub(crate) fn extract(input: &Path, out: &Path) -> Command {
    let mut command = thumb();
    command.arg("extract").arg(input).arg("--out").arg(out);
    command
}

/// What a finished `thumb` said.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(command: &mut Command) -> Run {
    finished(command.output().unwrap())
}

pub(crate) fn finished(output: Output) -> Run {
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Run {
    /// Stdout as JSON lines; nothing else may be on it.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// Asserts that all went well and nothing was complained about.
    pub(crate) fn clean(self) -> Self {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self
    }
}

/// A 10 s clip, 640x360, with a keyframe a second.
pub(crate) fn clip(extension: &'static str) -> PathBuf {
    Clip::new(extension).make().unwrap()
}

/// A folder with copies of 10 s clips under these names.
pub(crate) fn folder(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let extension = match path.extension().and_then(OsStr::to_str).unwrap() {
            "mkv" => "mkv",
            "webm" => "webm",
            "mov" => "mov",
            _ => "mp4",
        };
        fs::copy(clip(extension), path).unwrap();
    }
    folder
}

/// Names in a folder, hidden ones too, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Serves `app` on a free port of 127.0.0.1 for as long as the test's runtime lives; returns its
/// base URL.
pub(crate) async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app).await.unwrap() });
    url
}

/// A server of the files in `folder`, with ranges.
pub(crate) fn files(folder: &Path) -> Router {
    Router::new().fallback_service(ServeDir::new(folder))
}

/// Runs beside the server of the same test.
pub(crate) async fn run_beside(mut command: Command) -> Run {
    tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .unwrap()
}
