//! Every route's JSON, against the real local S3 and SQS.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::support::{Api, fields, manifest, publish, put, stack, until};

const METRICS: [&str; 16] = [
    "bytesFetched",
    "bytesSaved",
    "dlqDepth",
    "inFlight",
    "indexComplete",
    "queueDepth",
    "runningPods",
    "sourceBytes",
    "sources",
    "storageBytes",
    "totalPods",
    "totalThumbnails",
    "videosFailed",
    "videosMeasured",
    "videosPerMinute",
    "videosProcessed",
];

fn keys(page: &Value) -> Vec<&str> {
    let page = page.as_array().into_iter().flatten();
    page.map(|item| item["key"].as_str().unwrap()).collect()
}

/// The path of the page after the one at `path`.
fn next(path: &str, link: &str) -> Option<String> {
    let query = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"")?;
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    query.starts_with('?').then(|| format!("{path}{query}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_in_json() -> Result<()> {
    let stack = stack().await?;
    // The test events of the notification.
    stack
        .sqs()
        .purge_queue()
        .queue_url(stack.queue_url())
        .send()
        .await?;
    for path in ["a", "b/c d"] {
        publish(&stack, path).await?;
    }
    let send = |url: &str| {
        stack
            .sqs()
            .send_message()
            .queue_url(url)
            .message_body("x")
            .send()
    };
    for _ in 0..2 {
        send(stack.queue_url()).await?;
    }
    send(stack.dlq_url()).await?;
    let received = stack
        .sqs()
        .receive_message()
        .queue_url(stack.queue_url())
        .send()
        .await?;
    assert_eq!(received.messages().len(), 1);

    let api = Api::start(&stack, &[]).await?;
    assert_eq!(api.json("/health").await?, json!({"status": "ok"}));
    assert_eq!(api.json("/ready").await?, json!({"status": "ok"}));
    let metrics = api
        .metrics_when("the index is read", |m| m["videosMeasured"] == 2)
        .await?;
    let mut names = fields(&metrics);
    names.sort_unstable();
    assert_eq!(names, METRICS);
    let bytes = 6 * 7
        + ["a", "b/c d"]
            .map(|path| manifest(path).to_string().len())
            .iter()
            .sum::<usize>();
    for (name, value) in [
        ("queueDepth", json!(1)),
        ("inFlight", json!(1)),
        ("totalThumbnails", json!(6)),
        ("storageBytes", json!(bytes)),
        ("runningPods", json!(0)),
        ("totalPods", json!(0)),
        ("dlqDepth", json!(1)),
        ("videosProcessed", json!(2)),
        ("videosFailed", json!(1)),
        ("bytesFetched", json!(200)),
        ("bytesSaved", json!(1800)),
        ("sourceBytes", json!(2000)),
        ("videosPerMinute", json!(0.4)),
        ("indexComplete", json!(true)),
    ] {
        assert_eq!(metrics[name], value, "{name}");
    }
    assert_eq!(metrics["sources"]["queue"], json!({"state": "available"}));
    assert_eq!(metrics["sources"]["bucket"], json!({"state": "available"}));
    assert_eq!(metrics["sources"]["dlq"], json!({"state": "available"}));
    assert_eq!(metrics["sources"]["pods"]["state"], "absent");

    let queue = until("a history of 60", async || {
        let queue = api.json("/api/queue").await?;
        let points = queue["history"].as_array().context("no history")?.len();
        assert!(points <= 60);
        Ok((points == 60).then_some(queue))
    })
    .await?;
    assert_eq!(
        (&queue["depth"], &queue["inFlight"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(fields(&queue).len(), 3);
    let point = &queue["history"][59];
    assert_eq!(fields(point).len(), 3);
    assert_eq!(
        (&point["depth"], &point["inFlight"]),
        (&json!(1), &json!(1))
    );
    let times: Vec<_> = queue["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["time"].as_str())
        .collect();
    assert!(
        times.is_sorted() && times[59].is_some_and(|time| time.ends_with('Z')),
        "{times:?}"
    );

    let detail = api.get("/api/pods").await?.problem(503)?;
    assert!(detail.contains("no cluster is configured"), "{detail}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbnails_in_pages() -> Result<()> {
    let stack = stack().await?;
    for path in ["one", "two", "folder/three"] {
        publish(&stack, path).await?;
    }
    put(&stack, "thumbnails/notes.txt", "no picture").await?;
    let api = Api::start(&stack, &[]).await?;
    api.metrics_when("all are listed and read", |m| {
        m["totalThumbnails"] == 9 && m["videosMeasured"] == 3
    })
    .await?;
    let all = api.json("/api/thumbnails").await?;
    assert_eq!(all.as_array().map(Vec::len), Some(9));
    let first = &all[0];
    let mut names = fields(first);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "bytesFetched",
            "expiresAt",
            "frame",
            "key",
            "lastModified",
            "size",
            "sourceBytes",
            "url"
        ]
    );
    assert_eq!(first["size"], 7);
    assert_eq!(
        (&first["bytesFetched"], &first["sourceBytes"]),
        (&json!(100), &json!(1000))
    );
    // The URL is all that a browser needs.
    let picture = reqwest::Client::builder()
        .no_proxy()
        .build()?
        .get(first["url"].as_str().unwrap());
    assert_eq!(picture.send().await?.text().await?, "picture");
    assert_eq!(
        all,
        api.json("/api/thumbnails").await?,
        "the URLs are stable"
    );

    let mut paged = Vec::new();
    let mut path = Some("/api/thumbnails?limit=2".to_owned());
    let mut added = false;
    while let Some(page) = path {
        let answer = api.get(&page).await?;
        let json = answer.json()?;
        assert!(keys(&json).len() <= 2);
        paged.extend(keys(&json).into_iter().map(str::to_owned));
        path = next(&page, answer.header("link"));
        if !added {
            added = true;
            publish(&stack, "later").await?;
            api.metrics_when("the new one is found", |m| m["totalThumbnails"] == 12)
                .await?;
        }
    }
    let mut all: Vec<_> = keys(&all).into_iter().map(str::to_owned).collect();
    // Written in the same second as the others, it may stand among them.
    paged.retain(|key| !key.starts_with("thumbnails/later_"));
    assert_eq!(paged.len(), 9, "{paged:?}");
    paged.sort();
    all.sort();
    assert_eq!(paged, all);

    let found = api
        .json("/api/thumbnails?search=LATER&sort=name&limit=2")
        .await?;
    assert_eq!(
        keys(&found),
        ["thumbnails/later_1.jpg", "thumbnails/later_2.jpg"]
    );
    let middle = api.json("/api/thumbnails?frame=50").await?;
    assert!(keys(&middle).iter().all(|key| key.ends_with("_2.jpg")));
    assert_eq!(keys(&middle).len(), 4);
    assert!(
        middle
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["frame"] == 50)
    );
    for prefix in ["folder%2F", "thumbnails%2Ffolder%2F"] {
        let page = api
            .json(&format!("/api/thumbnails?prefix={prefix}&frame=95"))
            .await?;
        assert_eq!(keys(&page), ["thumbnails/folder/three_3.jpg"]);
    }
    for query in ["limit=0", "limit=201", "limit=x", "frame=-1", "unknown=1"] {
        let answer = api.get(&format!("/api/thumbnails?{query}")).await?;
        answer.problem(400).with_context(|| query.to_owned())?;
    }
    assert_eq!(api.get("/api/thumbnails?frame=11").await?.text, "[]");
    for cursor in ["x", "", "AQAAAAAAAQk"] {
        let answer = api.get(&format!("/api/thumbnails?cursor={cursor}")).await?;
        answer.problem(404).with_context(|| cursor.to_owned())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn videos_with_their_manifests() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    publish(&stack, "b/ü c").await?;
    put(&stack, "thumbnails/broken.json", "{}").await?;
    put(&stack, "thumbnails/broken_1.jpg", "picture").await?;
    let mut evil = manifest("evil");
    evil["thumbnails"][0]["key"] = json!("uploads/secret.mp4");
    put(&stack, "thumbnails/evil.json", evil.to_string()).await?;
    let mut evil = manifest("evil2");
    evil["thumbnails"][0]["renditions"] =
        json!([{"key": "uploads/secret.mp4", "width": 320, "height": 180, "bytes": 3}]);
    put(&stack, "thumbnails/evil2.json", evil.to_string()).await?;
    let api = Api::start(&stack, &[]).await?;
    api.metrics_when("all are listed", |m| m["videosMeasured"] == 5)
        .await?;
    let videos = api.json("/api/videos?prefix=a").await?;
    assert_eq!(videos.as_array().map(Vec::len), Some(1));
    let mut names = fields(&videos[0]);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "lastModified",
            "manifest",
            "manifestKey",
            "name",
            "thumbnails"
        ]
    );
    assert_eq!(videos[0]["name"], "thumbnails/a");
    assert_eq!(videos[0]["manifest"], manifest("a"));
    assert_eq!(
        keys(&videos[0]["thumbnails"]),
        [
            "thumbnails/a_1.jpg",
            "thumbnails/a_2.jpg",
            "thumbnails/a_3.jpg"
        ]
    );
    let broken = api.json("/api/videos?prefix=broken").await?;
    assert_eq!(broken[0]["manifest"], Value::Null);
    let first = api.get("/api/videos?limit=1").await?;
    let second = next("/api/videos", first.header("link")).context("no next page")?;
    assert_ne!(
        first.json()?[0]["name"],
        api.json(&second).await?[0]["name"]
    );

    for path in [
        "uploads/b/%C3%BC%20c.mp4",
        "thumbnails/b/%C3%BC%20c.json",
        "thumbnails/b/%C3%BC%20c",
        "uploads%2Fb%2F%C3%BC%20c.mp4",
    ] {
        let mut video = api.json(&format!("/api/videos/{path}")).await?;
        let urls = video["urls"].take();
        assert_eq!(urls.as_array().map(Vec::len), Some(3), "{path}");
        let mut expected = manifest("b/ü c");
        expected["urls"] = Value::Null;
        expected["expiresAt"] = video["expiresAt"].clone();
        assert_eq!(video, expected, "{path}");
    }
    for (path, status) in [
        ("uploads/none.mp4", 404),
        ("uploads/b/c.txt", 404),
        ("thumbnails/broken", 404),
        ("thumbnails/evil", 502),
        ("thumbnails/evil2", 502),
        ("..%2F..%2Fetc%2Fpasswd", 404),
        ("a%00b", 404),
        ("a%0d%0aSet-Cookie:x", 404),
        ("%FF", 400),
    ] {
        let answer = api.get(&format!("/api/videos/{path}")).await?;
        answer.problem(status).with_context(|| path.to_owned())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn further_widths_are_listed_and_are_no_thumbnails_of_their_own() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let mut wide = manifest("a");
    for (thumbnail, number) in wide["thumbnails"]
        .as_array_mut()
        .into_iter()
        .flatten()
        .zip(1..)
    {
        let renditions = [320, 1280].map(|width| {
            json!({"key": format!("thumbnails/a_{number}_{width}.jpg"), "width": width.min(640),
                   "height": 180, "bytes": 7})
        });
        for rendition in &renditions {
            put(
                &stack,
                rendition["key"].as_str().context("a key")?,
                "picture",
            )
            .await?;
        }
        thumbnail["renditions"] = json!(renditions);
    }
    put(&stack, "thumbnails/a.json", wide.to_string()).await?;
    let api = Api::start(&stack, &[]).await?;
    api.metrics_when("all are listed", |m| {
        m["videosMeasured"] == 1 && m["indexComplete"] == true
    })
    .await?;
    let metrics = api.json("/api/metrics").await?;
    assert_eq!(metrics["totalThumbnails"], 3);
    assert_eq!(metrics["videosProcessed"], 1);
    assert_eq!(
        keys(&api.json("/api/thumbnails").await?).len(),
        3,
        "one a picture"
    );
    let videos = api.json("/api/videos").await?;
    assert_eq!(videos[0]["manifest"], wide);
    assert_eq!(videos[0]["thumbnails"].as_array().map(Vec::len), Some(3));
    let video = api.json("/api/videos/uploads/a.mp4").await?;
    assert_eq!(video["thumbnails"], wide["thumbnails"]);
    for (urls, number) in video["renditionUrls"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(1..)
    {
        for (url, width) in urls.as_array().into_iter().flatten().zip([320, 1280]) {
            let url = url.as_str().context("a URL")?;
            assert!(
                url.contains(&format!("/thumbnails/a_{number}_{width}.jpg?")),
                "{url}"
            );
        }
        assert_eq!(urls.as_array().map(Vec::len), Some(2));
    }
    assert_eq!(video["renditionUrls"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_hardened_and_documented() -> Result<()> {
    let stack = stack().await?;
    let api = Api::start(&stack, &[]).await?;
    let answer = api.get("/api/nothing").await?;
    answer.problem(404)?;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    assert!(
        answer
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(answer.header("x-request-id").len(), 36);
    let given = api
        .request("GET", "/health")?
        .header("x-request-id", "mine-1");
    assert_eq!(api.send(given).await?.header("x-request-id"), "mine-1");
    let odd = api
        .request("GET", "/health")?
        .header("x-request-id", "{\"injected\": 1}");
    assert_eq!(api.send(odd).await?.header("x-request-id").len(), 36);
    api.send(api.request("POST", "/api/queue")?)
        .await?
        .problem(405)?;

    let compressed = api
        .request("GET", "/api/openapi.json")?
        .header("accept-encoding", "br");
    assert_eq!(api.send(compressed).await?.header("content-encoding"), "br");
    let document = api.json("/api/openapi.json").await?;
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3."))
    );
    assert!(document["paths"]["/api/videos/{key}"]["get"].is_object());

    // The page and all that it loads come from here.
    let page = api.get("/api/docs/").await?;
    assert_eq!(page.status, 200);
    assert!(
        !page.text.contains("http://") && !page.text.contains("https://"),
        "{}",
        page.text
    );
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'self'")
    );
    for asset in [
        "swagger-ui-bundle.js",
        "swagger-ui.css",
        "swagger-initializer.js",
    ] {
        assert_eq!(
            api.get(&format!("/api/docs/{asset}")).await?.status,
            200,
            "{asset}"
        );
    }

    api.send(api.request("INVENTED", "/api/queue")?).await?;
    let metrics = api.get("/metrics").await?;
    assert!(
        !metrics.text.contains("INVENTED"),
        "a label a client makes up"
    );
    for name in [
        "method=\"other\"",
        "thumbnail_api_requests_total",
        "thumbnail_api_source_up",
        "thumbnail_api_websockets",
    ] {
        assert!(metrics.text.contains(name), "{name}");
    }
    let log = api.raw_log();
    assert!(
        !log.contains("X-Amz-Signature"),
        "no presigned URL is logged"
    );
    Ok(())
}
