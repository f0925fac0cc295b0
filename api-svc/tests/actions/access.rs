//! Who may act.

use anyhow::{Context as _, Result};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::support::{Answer, Api, TOKEN, stack};

/// Every operation that must not be open, from the document that the program gives of itself: all
/// but `GET`, and what says that it needs credentials.
async fn guarded(api: &Api) -> Result<Vec<(Method, String)>> {
    let document = api.get("/api/openapi.json").await?.json()?;
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().context("no paths")? {
        for (method, operation) in methods.as_object().context("no methods")? {
            // An empty alternative says that some of what is asked for needs none.
            let security = operation["security"].as_array();
            let has_security = security.is_some_and(|alternatives| {
                let mut needs = alternatives.iter().map(Value::as_object);
                !alternatives.is_empty()
                    && needs.all(|needs| needs.is_some_and(|it| !it.is_empty()))
            });
            let is_safe = matches!(method.as_str(), "get" | "head" | "options" | "parameters");
            if !is_safe {
                assert!(has_security, "{method} {path} says nothing of credentials");
            }
            if !is_safe || has_security {
                let path = path.replace(['{', '}'], "x");
                found.push((Method::from_bytes(method.to_uppercase().as_bytes())?, path));
            }
        }
    }
    // The list itself is no wishful thinking.
    for (method, path) in [
        (Method::GET, "/api/access"),
        (Method::GET, "/api/frame"),
        (Method::GET, "/api/original"),
        (Method::GET, "/api/videos/xkeyx/storyboard.jpg"),
        (Method::POST, "/api/uploads"),
        (Method::DELETE, "/api/uploads"),
        (Method::POST, "/api/uploads/complete"),
        (Method::POST, "/api/failures/redrive"),
        (Method::POST, "/api/test"),
        (Method::DELETE, "/api/purge"),
    ] {
        assert!(
            found.contains(&(method.clone(), path.to_owned())),
            "{method} {path}"
        );
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_opens() -> Result<()> {
    let stack = stack().await?;
    // Eight refusals a route are many from one address.
    let env = [("API_TOKEN", TOKEN), ("API_RATE_LIMIT", "100000")];
    let api = Api::start_with(&stack, &env).await?;
    for (method, path) in guarded(&api).await? {
        let bare = Answer::of(api.bare(method.clone(), &path)).await?;
        bare.problem(401)
            .with_context(|| format!("{method} {path}"))?;
        assert_eq!(bare.header("www-authenticate"), "Bearer");
        for wrong in ["", "wrong", &TOKEN[1..], &format!("{TOKEN}x")] {
            let request = api.bare(method.clone(), &path).bearer_auth(wrong);
            let answer = Answer::of(request).await?;
            answer
                .problem(401)
                .with_context(|| format!("{method} {path}"))?;
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
        let basic = api.bare(method.clone(), &path).basic_auth("x", Some(TOKEN));
        Answer::of(basic).await?.problem(401)?;
        let query = api.bare(method.clone(), &format!("{path}?token={TOKEN}"));
        Answer::of(query).await?.problem(401)?;
        // Whoever still sends is told, too.
        let long = api.bare(method, &path).body(vec![b' '; 20 << 20]);
        Answer::of(long).await?.problem(401)?;
    }
    // What only looks is open.
    assert_eq!(
        Answer::of(api.bare(Method::GET, "/api/failures"))
            .await?
            .status,
        200
    );

    let lines = api.audit("/api/purge");
    assert_eq!(lines.len(), 8, "{lines:?}");
    for line in &lines {
        assert_eq!(line["who"], "nobody");
        assert_eq!(line["method"], "DELETE");
        assert_eq!(line["peer"], "127.0.0.1");
        assert_eq!(line["status"], 401);
    }
    assert!(!api.raw_log().contains(TOKEN), "the log has the token");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_set_nothing_opens_to_the_network() -> Result<()> {
    let stack = stack().await?;
    for env in [
        vec![("API_ADDR", "0.0.0.0:0")],
        vec![("API_ADDR", "0.0.0.0:0"), ("API_TOKEN", "")],
        vec![("API_TOKEN", TOKEN), ("API_READ_ONLY", "true")],
        vec![("API_READ_ONLY", "1")],
    ] {
        let api = Api::start_with(&stack, &env).await?;
        for (method, path) in guarded(&api).await? {
            let answer = Answer::of(api.request(method.clone(), &path)).await?;
            answer
                .problem(403)
                .with_context(|| format!("{env:?} {method} {path}"))?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_loopback_bind_this_machine_acts_and_no_other_page() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start_with(&stack, &[]).await?;
    let purge = || api.bare(Method::DELETE, "/api/purge?dryRun=true");
    assert_eq!(Answer::of(purge()).await?.json()?["dryRun"], true);
    let own = purge()
        .header("origin", &api.base)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(Answer::of(own).await?.status, StatusCode::OK);

    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://127.0.0.1:1"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
    ] {
        Answer::of(purge().header(name, value))
            .await?
            .problem(403)
            .with_context(|| format!("{name}: {value}"))?;
        for (method, path) in guarded(&api).await? {
            let answer = Answer::of(api.bare(method, &path).header(name, value)).await?;
            answer
                .problem(403)
                .with_context(|| format!("{name}: {value} {path}"))?;
        }
    }
    // A renamed page may not even look.
    let look = api
        .bare(Method::GET, "/api/queue")
        .header("host", "evil.example");
    Answer::of(look).await?.problem(403)?;
    let line = api
        .audit("/api/purge")
        .into_iter()
        .next()
        .context("no line")?;
    assert_eq!(
        (&line["who"], &line["status"]),
        (&"local".into(), &200.into())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_acts_too_often_is_told_when_to_come_again() -> Result<()> {
    let stack = stack().await?;
    let env = [("API_TOKEN", TOKEN), ("API_RATE_LIMIT", "12")];
    let api = Api::start_with(&stack, &env).await?;
    // A sixth at once, refusals on another account.
    let test = async || Answer::of(api.request(Method::POST, "/api/test")).await;
    for _ in 0..2 {
        Answer::of(api.bare(Method::POST, "/api/test"))
            .await?
            .problem(401)?;
        test().await?.problem(409)?;
    }
    let refused = test().await?;
    refused.problem(429)?;
    let wait: u64 = refused.header("retry-after").parse()?;
    assert!((1..=6).contains(&wait), "{wait}");
    Answer::of(api.bare(Method::POST, "/api/test"))
        .await?
        .problem(429)?;
    // Looking is not counted.
    assert_eq!(api.get("/api/failures").await?.status, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_names_the_scheme() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let document = api.get("/api/openapi.json").await?.json()?;
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!(
        (&scheme["type"], &scheme["scheme"]),
        (&Value::from("http"), &Value::from("bearer"))
    );
    Ok(())
}
