//! Uploads by presigned requests, as a browser sends them.

use anyhow::{Context as _, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Api, json as with_json, put, stack};

const MEBIBYTE: usize = 1 << 20;

/// What the signature covers.
fn signed_headers(url: &str) -> Result<String> {
    let url = url::Url::parse(url)?;
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(name, _)| name == "X-Amz-SignedHeaders");
    Ok(found.context("no X-Amz-SignedHeaders")?.1.into_owned())
}

async fn send(target: &Value, body: Vec<u8>) -> Result<reqwest::Response> {
    let mut request = reqwest::Client::new().put(target["url"].as_str().context("no url")?);
    for header in target["headers"].as_array().into_iter().flatten() {
        let part = |name: &str| header[name].as_str().unwrap_or_default().to_owned();
        request = request.header(part("name"), part("value"));
    }
    Ok(request.body(body).send().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_goes_in_one_piece_and_is_never_overwritten() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let wanted = json!({"name": "día 1/clip.MOV", "size": 5});
    let ticket = api.post("/api/uploads", &wanted).await?.json()?;
    assert_eq!(ticket["key"], "uploads/día 1/clip.MOV");
    let target = &ticket["target"];
    assert_eq!(target["kind"], "single");
    let signed = signed_headers(target["url"].as_str().context("no url")?)?;
    for header in ["content-length", "content-type", "if-none-match", "host"] {
        assert!(
            signed.split(';').any(|name| name == header),
            "{header} in {signed}"
        );
    }
    let names: Vec<&str> = target["headers"]
        .as_array()
        .context("no headers")?
        .iter()
        .filter_map(|header| header["name"].as_str())
        .collect();
    assert!(
        !names.contains(&"content-length") && !names.contains(&"host"),
        "{names:?}"
    );

    let done = json!({"key": ticket["key"]});
    api.post("/api/uploads/complete", &done)
        .await?
        .problem(409)?;
    assert!(send(target, b"bytes".to_vec()).await?.status().is_success());
    let completed = api.post("/api/uploads/complete", &done).await?.json()?;
    assert_eq!(completed["size"], 5);
    let head = stack
        .s3()
        .head_object()
        .bucket(stack.bucket())
        .key("uploads/día 1/clip.MOV");
    assert_eq!(head.send().await?.content_type(), Some("video/quicktime"));

    // The same request again would overwrite it, and so would a new one.
    assert_eq!(send(target, b"other".to_vec()).await?.status(), 412);
    let detail = api.post("/api/uploads", &wanted).await?.problem(409)?;
    assert!(detail.contains("clip.MOV"), "{detail}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_in_parts() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let size = 64 * MEBIBYTE + 1;
    let wanted = json!({"name": "large.mkv", "size": size, "contentType": "video/webm"});
    let ticket = api.post("/api/uploads", &wanted).await?.json()?;
    let target = &ticket["target"];
    assert_eq!(target["kind"], "multipart");
    let parts = target["parts"].as_array().context("no parts")?;
    assert_eq!(parts.len(), 5);
    let mut sent = Vec::new();
    let mut total = 0;
    for part in parts {
        let bytes = part["size"].as_u64().context("no size")? as usize;
        let signed = signed_headers(part["url"].as_str().context("no url")?)?;
        ensure!(signed.contains("content-length"), "{signed}");
        let answer = send(part, vec![7; bytes]).await?;
        ensure!(answer.status().is_success(), "{}", answer.status());
        let etag = answer.headers().get("etag").context("no ETag")?.to_str()?;
        sent.push(json!({"number": part["number"], "etag": etag}));
        total += bytes;
    }
    assert_eq!(total, size);
    let done = |parts: &[Value]| json!({"key": ticket["key"], "uploadId": target["uploadId"], "parts": parts});
    api.post("/api/uploads/complete", &done(&[]))
        .await?
        .problem(422)?;
    api.post("/api/uploads/complete", &done(&sent[1..]))
        .await?
        .problem(422)?;
    let mut wrong = sent.clone();
    wrong[0]["etag"] = json!("\"00000000000000000000000000000000\"");
    api.post("/api/uploads/complete", &done(&wrong))
        .await?
        .problem(422)?;
    let completed = api
        .post("/api/uploads/complete", &done(&sent))
        .await?
        .json()?;
    assert_eq!(completed["size"], size);
    // As a client does that did not get the answer.
    let again = api
        .post("/api/uploads/complete", &done(&sent))
        .await?
        .json()?;
    assert_eq!(again["size"], size);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_can_be_given_up_and_a_name_be_taken_meanwhile() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack).await?;
    let wanted = json!({"name": "large.mkv", "size": 65 * MEBIBYTE});
    let ticket = api.post("/api/uploads", &wanted).await?.json()?;
    let id = &ticket["target"]["uploadId"];
    let first = &ticket["target"]["parts"][0];
    let answer = send(first, vec![7; 16 * MEBIBYTE]).await?;
    let etag = answer
        .headers()
        .get("etag")
        .context("no ETag")?
        .to_str()?
        .to_owned();

    put(&stack, "uploads/large.mkv", "somebody else's").await?;
    let parts = json!([{"number": 1, "etag": etag}]);
    let done = json!({"key": "uploads/large.mkv", "uploadId": id, "parts": parts});
    api.post("/api/uploads/complete", &done)
        .await?
        .problem(409)?;

    let up = json!({"key": "uploads/large.mkv", "uploadId": id});
    let abort =
        async || Answer::of(with_json(api.request(Method::DELETE, "/api/uploads"), &up)).await;
    assert_eq!(abort().await?.status, 204);
    let left = stack
        .s3()
        .list_multipart_uploads()
        .bucket(stack.bucket())
        .send()
        .await?;
    assert!(left.uploads().is_empty());
    abort().await?.problem(404)?;
    api.post("/api/uploads/complete", &done)
        .await?
        .problem(404)?;
    Ok(())
}
