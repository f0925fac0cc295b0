//! Requests that mean no good get a clear 4xx, and nothing secret reaches the log.

use anyhow::{Context as _, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, TOKEN, json as with_json, stack};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_none() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    for (method, path) in [
        (Method::POST, "/api/uploads"),
        (Method::DELETE, "/api/uploads"),
        (Method::POST, "/api/uploads/complete"),
        (Method::POST, "/api/failures/redrive"),
    ] {
        let send = async |kind: &str, body: Vec<u8>| {
            let request = api
                .request(method.clone(), path)
                .header("content-type", kind);
            Answer::of(request.body(body)).await
        };
        for (kind, body, status) in [
            ("application/json", b"{".to_vec(), 400),
            ("application/json", b"".to_vec(), 400),
            ("application/json", b"\xff\xfe".to_vec(), 400),
            ("application/json", b"[]".to_vec(), 422),
            ("application/json", br#"{"unknown":1}"#.to_vec(), 422),
            ("text/plain", b"{}".to_vec(), 415),
            ("application/json", vec![b' '; 20 << 20], 413),
            ("application/json", "[".repeat(100_000).into_bytes(), 422),
        ] {
            let start = String::from_utf8_lossy(&body[..body.len().min(20)]).into_owned();
            send(kind, body)
                .await?
                .problem(status)
                .with_context(|| format!("{method} {path} {start:?}"))?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_lead_elsewhere() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let upload = async |body: Value| api.post("/api/uploads", &body).await;
    for name in [
        "",
        "../thumbnails/a.mp4",
        "/a.mp4",
        "a//b.mp4",
        "a/../b.mp4",
        "..\\a.mp4",
        "a\r\nSet-Cookie: x.mp4",
        "a\0.mp4",
        "notes.txt",
        "page.html",
        ".mp4",
        "a.mp4/",
        "a.mp4\n",
    ] {
        upload(json!({"name": name, "size": 5}))
            .await?
            .problem(422)
            .with_context(|| format!("{name:?}"))?;
    }
    for kind in ["text/html", "video/mp4\r\nx-evil: 1", "video/mp4; q=\u{e4}"] {
        upload(json!({"name": "a.mp4", "size": 5, "contentType": kind}))
            .await?
            .problem(422)?;
    }
    upload(json!({"name": "a.mp4", "size": 0}))
        .await?
        .problem(422)?;
    upload(json!({"name": "a.mp4", "size": -1}))
        .await?
        .problem(422)?;
    upload(json!({"name": "a.mp4", "size": 1_u64 << 50}))
        .await?
        .problem(413)?;
    for key in [
        "thumbnails/a_1.jpg",
        "a.mp4",
        "uploads/../thumbnails/a.mp4",
        "uploads/x.html",
    ] {
        let body = json!({"key": key, "uploadId": "1"});
        for (method, path) in [
            (Method::POST, "/api/uploads/complete"),
            (Method::DELETE, "/api/uploads"),
        ] {
            let request = with_json(api.request(method, path), &body);
            Answer::of(request)
                .await?
                .problem(422)
                .with_context(|| key.to_owned())?;
        }
    }
    for query in [
        "",
        "?key=uploads/a.mp4",
        "?t=1",
        "?key=uploads/a.mp4&t=x",
        "?key=uploads/a.mp4&t=1&w=9999",
        "?key=uploads/a.mp4&t=-1",
        "?key=uploads/a.mp4&t=1&w=-1",
        "?key=thumbnails/a_1.jpg&t=1",
        "?key=/etc/passwd&t=1",
        "?key=uploads/notes.txt&t=1",
        "?key=file:///a.mp4&t=1",
        "?key=http://x/a.mp4&t=1",
        "?key=uploads/a.mp4&t=1&mode=best",
        "?key=uploads/a.mp4&t=1&extra=1",
    ] {
        let answer = api.get(&format!("/api/frame{query}")).await?;
        answer.problem(400).with_context(|| query.to_owned())?;
    }
    let answer = api.get("/api/frame?key=uploads/%ff.mp4&t=1").await?;
    answer.problem(404)?;
    for query in ["?dryRun=perhaps", "?dryrun=true", "?x"] {
        api.delete(&format!("/api/purge{query}"))
            .await?
            .problem(400)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_reaches_the_log() -> Result<()> {
    let stack = stack().await?;
    let env = [
        ("API_TOKEN", TOKEN),
        (
            "RUST_LOG",
            "info,api_svc=trace,audit=trace,tower_http=debug",
        ),
    ];
    let api = Api::start_with(&stack, &env).await?;
    let ticket = api
        .post("/api/uploads", &json!({"name": "a.mp4", "size": 5}))
        .await?
        .json()?;
    let url = ticket["target"]["url"].as_str().context("no url")?;
    assert!(url.contains("X-Amz-Signature="), "{url}");
    // Somebody hands a signed URL, and a token where it does not belong, to the API.
    let query = format!("key={}&t=1", url.replace('&', "%26"));
    api.get(&format!("/api/frame?{query}"))
        .await?
        .problem(400)?;
    let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";
    let request = api.bare(Method::DELETE, "/api/purge").bearer_auth(jwt);
    Answer::of(request).await?.problem(401)?;
    let request = api.bare(
        Method::DELETE,
        &format!("/api/purge?token={TOKEN}&jwt={jwt}"),
    );
    Answer::of(request).await?.problem(401)?;
    api.post("/api/failures/redrive", &json!({}))
        .await?
        .json()?;
    let forged = api
        .request(Method::POST, "/api/test")
        .header("x-forwarded-for", "1.2.3.4\tx");
    Answer::of(forged).await?.problem(409)?;

    let log = api.raw_log();
    assert!(log.contains("guarded request"), "{log}");
    for secret in [
        TOKEN,
        "X-Amz-Signature",
        "X-Amz-Credential",
        jwt,
        "c2lnbmF0dXJl",
    ] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let line = api
        .audit("/api/uploads")
        .into_iter()
        .next()
        .context("no line")?;
    assert_eq!(line["about"], "uploads/a.mp4 (5 bytes)");
    assert_eq!(line["who"], "token");
    Ok(())
}
