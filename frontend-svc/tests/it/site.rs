//! The dashboard's files.

use anyhow::Result;
use reqwest::StatusCode;

use crate::support::{HASHED, STORAGE, Stage, header};

#[tokio::test]
async fn the_page_is_asked_for_again_and_hashed_names_are_kept() -> Result<()> {
    let stage = Stage::set().await?;
    for path in ["/", "/index.html", "/videos/uploads"] {
        let page = stage.get(path).await?;
        assert_eq!(page.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&page, "cache-control"), "no-cache");
        assert_eq!(header(&page, "content-type"), "text/html");
        assert!(page.headers().get("last-modified").is_none());
        assert!(page.text().await?.starts_with("<title>"));
    }
    let script = stage.get(&format!("/{HASHED}")).await?;
    assert_eq!(
        header(&script, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(header(&script, "content-type"), "text/javascript");
    let wasm = stage.get("/app-0123456789abcdef_bg.wasm").await?;
    assert_eq!(header(&wasm, "content-type"), "application/wasm");
    assert!(header(&wasm, "cache-control").contains("immutable"));
    let icon = stage.get("/favicon.ico").await?;
    assert_eq!(header(&icon, "cache-control"), "no-cache");
    Ok(())
}

#[tokio::test]
async fn the_best_encoding_is_sent() -> Result<()> {
    let stage = Stage::set().await?;
    for (accept, encoding, body) in [
        ("gzip, deflate, br, zstd", "br", "script in brotli"),
        ("gzip", "gzip", "script in gzip"),
        ("br;q=0, gzip", "gzip", "script in gzip"),
        ("identity", "", "script, plain"),
    ] {
        let script = stage
            .get_with(&format!("/{HASHED}"), &[("accept-encoding", accept)])
            .await?;
        assert_eq!(header(&script, "content-encoding"), encoding, "{accept}");
        assert_eq!(header(&script, "vary"), "accept-encoding");
        assert_eq!(header(&script, "content-type"), "text/javascript");
        assert_eq!(script.text().await?, body);
    }
    let page = stage
        .get_with("/deep", &[("accept-encoding", "br")])
        .await?;
    assert_eq!(page.text().await?, "page in brotli");
    // What has no sibling is sent as it is.
    let icon = stage
        .get_with("/favicon.ico", &[("accept-encoding", "br")])
        .await?;
    assert_eq!(header(&icon, "content-encoding"), "");
    assert_eq!(icon.text().await?, "icon");
    Ok(())
}

#[tokio::test]
async fn pages_may_load_only_what_the_policy_names() -> Result<()> {
    let stage = Stage::set().await?;
    let page = stage.get("/").await?;
    let policy = header(&page, "content-security-policy").to_owned();
    for part in [
        "default-src 'self'",
        "script-src 'self' 'wasm-unsafe-eval' 'sha256-",
        &format!("img-src 'self' blob: data: {STORAGE}"),
        &format!("connect-src 'self' {STORAGE}"),
        "object-src 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part} in {policy}");
    }
    for name in ["/", "/favicon.ico", "/nothing.js", "/healthz", "/api/x"] {
        let answer = stage.get(name).await?;
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer", "{name}");
        assert_eq!(header(&answer, "cross-origin-opener-policy"), "same-origin");
    }
    // A new build is served without a restart, with the hash of its script.
    std::fs::write(
        stage.folder.path().join("index.html"),
        "<script>other()</script>",
    )?;
    let page = stage.get("/").await?;
    assert_ne!(header(&page, "content-security-policy"), policy);
    Ok(())
}

#[tokio::test]
async fn what_is_missing_or_hidden_is_not_found() -> Result<()> {
    let stage = Stage::set().await?;
    for path in [
        "/nothing.js",
        "/web-ffffffff00000000.js",
        "/.secret",
        "/%2esecret",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%2f..%2fetc%2fpasswd.js",
        "/a%00.js",
    ] {
        // The client would tidy the path up.
        let answer = raw(&stage, &format!("GET {path} HTTP/1.1")).await?;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(!answer.contains("immutable"), "{path}: {answer}");
    }
    let posted = raw(&stage, "POST / HTTP/1.1").await?;
    assert!(posted.starts_with("HTTP/1.1 405"), "{posted}");
    Ok(())
}

async fn raw(stage: &Stage, line: &str) -> Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = stage.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!("{line}\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_file_that_did_not_change_is_not_sent_again() -> Result<()> {
    let stage = Stage::set().await?;
    let path = format!("/{HASHED}");
    let first = stage.get(&path).await?;
    let date = header(&first, "last-modified").to_owned();
    let second = stage
        .get_with(&path, &[("if-modified-since", &date)])
        .await?;
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
    // But the page always is: its date says nothing.
    let page = stage.get_with("/", &[("if-modified-since", &date)]).await?;
    assert_eq!(page.status(), StatusCode::OK);
    Ok(())
}

#[tokio::test]
async fn a_page_that_is_known_is_not_sent_again_and_a_new_one_is() -> Result<()> {
    let stage = Stage::set().await?;
    let page = stage.get("/").await?;
    let etag = header(&page, "etag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let known = format!("\"other\", {etag}");
    for encoding in ["br", "gzip", "identity"] {
        let fields = [
            ("if-none-match", known.as_str()),
            ("accept-encoding", encoding),
        ];
        let again = stage.get_with("/", &fields).await?;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{encoding}");
        assert_eq!(header(&again, "etag"), etag);
        assert_eq!(header(&again, "cache-control"), "no-cache");
        assert_eq!(again.text().await?, "");
    }
    // Another page of the same length and the same date, as image builders make.
    let path = stage.folder.path().join("index.html");
    let date = std::fs::metadata(&path)?.modified()?;
    let html = std::fs::read_to_string(&path)?;
    std::fs::write(&path, html.replace("start", "begin"))?;
    std::fs::File::options()
        .write(true)
        .open(&path)?
        .set_modified(date)?;
    let fields = [("if-none-match", etag.as_str())];
    let new = stage.get_with("/", &fields).await?;
    assert_eq!(new.status(), StatusCode::OK);
    assert_ne!(header(&new, "etag"), etag);
    assert!(new.text().await?.contains("begin()"));
    // A tag of date and size would say nothing.
    let icon = stage.get("/favicon.ico").await?;
    assert_eq!(header(&icon, "etag"), "");
    Ok(())
}
