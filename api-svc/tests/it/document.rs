//! The OpenAPI document, checked by a program that has never seen the code.

use anyhow::Result;

use crate::support::{Api, Cluster, publish, stack};

const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// What is valid by its schema may still name a key that is none of an upload: 422, as documented.
const CONFIG: &str = r#"
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429, "5xx"]

# Here the key is a parameter, and what is wrong with a parameter is 400.
[[operations]]
include-name = "GET /api/frame"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 422, 429, "5xx"]

[[operations]]
include-name = "GET /api/original"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 422, 429, "5xx"]

[[operations]]
include-name = "GET /api/videos/{key}/storyboard.{file}"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 422, 429, "5xx"]

[[operations]]
include-name = "GET /api/videos/{key}/storyboard.jpg"
checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 422, 429, "5xx"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_what_its_document_says() -> Result<()> {
    let stack = stack().await?;
    publish(&stack, "a").await?;
    let cluster = Cluster::start().await?;
    cluster.apply("worker-a", "Running");
    let kubeconfig = cluster.kubeconfig();
    let env = [
        ("KUBECONFIG", kubeconfig.as_str()),
        ("WORKER_NAMESPACE", "workers"),
        // So that what needs credentials is refused without.
        ("API_TOKEN", TOKEN),
    ];
    let api = Api::start(&stack, &env).await?;
    api.metrics_when("all is known", |m| {
        m["videosMeasured"] == 1 && m["totalPods"] == 1
    })
    .await?;
    let document = format!("http://{}/api/openapi.json", api.address());
    let arguments = [
        "--max-examples",
        "20",
        // A WebSocket is no request with an answer.
        "--exclude-path",
        "/ws",
        "--header",
        &format!("Authorization: Bearer {TOKEN}"),
    ]
    .map(ToOwned::to_owned);
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        devstack::schemathesis::check(&document, CONFIG, &arguments)
    })
    .await?
}
