//! The dashboard beside the API.

use anyhow::{Context as _, Result};
use reqwest::Method;

use crate::support::{Answer, Api, TOKEN, stack};

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_where_no_route_is() -> Result<()> {
    let stack = stack().await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("index.html"), "<title>dashboard</title>")?;
    std::fs::write(folder.path().join("web-1f2e3d4c5b6a7988.js"), "plain")?;
    std::fs::write(folder.path().join("web-1f2e3d4c5b6a7988.js.br"), "brotli")?;
    let web_dir = folder.path().to_str().context("path")?;
    let api = Api::start_with(&stack, &[("API_TOKEN", TOKEN), ("WEB_DIR", web_dir)]).await?;
    for path in ["/", "/videos/a"] {
        let page = Answer::of(api.bare(Method::GET, path)).await?;
        assert_eq!(page.body, b"<title>dashboard</title>", "{path}");
        assert_eq!(page.header("cache-control"), "no-cache");
        let policy = page.header("content-security-policy");
        let storage = format!("img-src 'self' blob: data: {};", stack.endpoint());
        assert!(policy.contains(&storage), "{policy}");
    }
    let script = api.bare(Method::GET, "/web-1f2e3d4c5b6a7988.js");
    let script = Answer::of(script.header("accept-encoding", "br, gzip")).await?;
    assert_eq!(script.body, b"brotli");
    assert!(script.header("cache-control").contains("immutable"));

    // What is no route of the API is not taken for the page, and the API is still there.
    Answer::of(api.bare(Method::GET, "/api/nothing"))
        .await?
        .problem(404)?;
    Answer::of(api.bare(Method::GET, "/api/purge"))
        .await?
        .problem(405)?;
    assert_eq!(api.get("/api/failures").await?.status, 200);
    assert_eq!(
        Answer::of(api.bare(Method::GET, "/missing.js"))
            .await?
            .status,
        404
    );
    Ok(())
}
