//! The program itself: its start, its log and its end.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use crate::support::{DEADLINE, api, dashboard};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thumbnail-frontend"));
    for variable in ["RUST_LOG", "LOG_FORMAT", "API_BASE_URL", "STORAGE_ORIGINS"] {
        command.env_remove(variable);
    }
    command
        .env("FRONTEND_ADDR", "127.0.0.1:0")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

#[tokio::test]
async fn it_serves_until_sigterm_and_logs_no_secret() -> Result<()> {
    let folder = dashboard()?;
    let (api, _api) = api().await?;
    let mut child = program()
        .env("WEB_DIR", folder.path())
        .env("API_BASE_URL", format!("http://{api}"))
        .env("RUST_LOG", "debug")
        .spawn()?;
    let mut lines = BufReader::new(child.stderr.take().context("no stderr")?).lines();
    let mut log = String::new();
    let address = loop {
        let line = timeout(DEADLINE, lines.next_line())
            .await??
            .context(log.clone())?;
        log.push_str(&line);
        let line: Value = serde_json::from_str(&line)?;
        if line["message"] == "frontend started" {
            break line["addr"].as_str().context("no addr")?.to_owned();
        }
    };
    let url = format!("http://{address}/api/frame?X-Amz-Signature=sig-secret");
    let request = reqwest::Client::new().get(url).bearer_auth("bearer-secret");
    assert_eq!(request.send().await?.status(), 418);

    let pid = child.id().context("ended")?.to_string();
    assert!(
        Command::new("kill")
            .args(["-s", "TERM", &pid])
            .status()
            .await?
            .success()
    );
    assert!(timeout(DEADLINE, child.wait()).await??.success());
    while let Some(line) = timeout(DEADLINE, lines.next_line()).await?? {
        log.push_str(&line);
    }
    assert!(log.contains("frontend stopped"), "{log}");
    assert!(!log.contains("-secret"), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_folder_without_a_dashboard_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = program().env("WEB_DIR", folder.path()).output();
    let output = timeout(DEADLINE, output).await??;
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Value = serde_json::from_str(said.lines().last().context("no line")?)?;
    assert_eq!(last["level"], "ERROR");
    let error = last["error"].as_str().unwrap_or_default();
    assert!(error.contains("WEB_DIR"), "{said}");
    assert!(error.contains("index.html"), "{said}");

    let output = program().env("API_BASE_URL", "nowhere").output();
    let output = timeout(DEADLINE, output).await??;
    assert!(!output.status.success());
    let line: Value = serde_json::from_slice(&output.stderr)?;
    let error = line["error"].as_str().unwrap_or_default();
    assert!(error.contains("API_BASE_URL"), "{line}");
    Ok(())
}
