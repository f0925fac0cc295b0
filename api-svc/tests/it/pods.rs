//! The pods, against a stand-in for the Kubernetes API server.

use anyhow::Result;
use serde_json::{Value, json};

use crate::support::{Api, Bucket, Cluster, until};

struct Setup {
    api: Api,
    cluster: Cluster,
    _bucket: Bucket,
}

async fn start(cluster: Cluster) -> Result<Setup> {
    let bucket = Bucket::start(0).await?;
    let kubeconfig = cluster.kubeconfig();
    let extra = [
        ("KUBECONFIG", kubeconfig.as_str()),
        ("WORKER_NAMESPACE", "workers"),
    ];
    let api = bucket.api(&extra).await?;
    Ok(Setup {
        api,
        cluster,
        _bucket: bucket,
    })
}

impl Setup {
    /// Waits until the names and states of the pods are these.
    async fn pods(&self, expected: &[(&str, &str)]) -> Result<Value> {
        until(&format!("the pods are {expected:?}"), async || {
            let answer = self.api.get("/api/pods").await?;
            if answer.status != 200 {
                return Ok(None);
            }
            let pods = answer.json()?;
            let found: Vec<_> = pods
                .as_array()
                .into_iter()
                .flatten()
                .map(|pod| {
                    (
                        pod["name"].as_str().unwrap(),
                        pod["status"].as_str().unwrap(),
                    )
                })
                .collect();
            let same = found == expected;
            Ok(same.then(|| pods.clone()))
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_listed_once_and_watched() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.apply("worker-b", "Running");
    cluster.apply("worker-a", "Pending");
    cluster.apply_with("other", "something-else", "Running");
    let setup = start(cluster).await?;
    let pods = setup
        .pods(&[("worker-a", "Pending"), ("worker-b", "Running")])
        .await?;
    assert_eq!(
        pods[1],
        json!({"name": "worker-b", "status": "Running", "ready": true, "restarts": 1,
               "startedAt": "2026-01-02T03:04:05Z", "node": "node-1", "cpu": "500m", "memory": "1Gi"})
    );
    until("the watch begins", async || {
        Ok((setup.cluster.counts().1 > 0).then_some(()))
    })
    .await?;
    setup.cluster.apply("worker-a", "Running");
    setup.cluster.apply("worker-c", "Running");
    setup.cluster.delete("worker-b");
    setup
        .pods(&[("worker-a", "Running"), ("worker-c", "Running")])
        .await?;
    let metrics = setup
        .api
        .metrics_when("the pods count", |m| m["runningPods"] == 2)
        .await?;
    assert_eq!(metrics["totalPods"], 2);
    assert_eq!(metrics["sources"]["pods"], json!({"state": "available"}));
    // Many looks later there was still one list.
    assert_eq!(setup.cluster.counts().0, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_too_old_lists_again() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.apply("worker-a", "Running");
    cluster.apply("worker-b", "Running");
    let setup = start(cluster).await?;
    setup
        .pods(&[("worker-a", "Running"), ("worker-b", "Running")])
        .await?;
    until("the watch begins", async || {
        Ok((setup.cluster.counts().1 > 0).then_some(()))
    })
    .await?;
    setup.cluster.delete_silently("worker-a");
    setup.cluster.expire_watches();
    setup.pods(&[("worker-b", "Running")]).await?;
    assert!(setup.cluster.counts().0 >= 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_ends_begins_again() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.apply("worker-a", "Running");
    let setup = start(cluster).await?;
    setup.pods(&[("worker-a", "Running")]).await?;
    let watches = async |count: usize| {
        until("a watch begins", async || {
            Ok((setup.cluster.counts().1 >= count).then_some(()))
        })
        .await
    };
    watches(1).await?;
    setup.cluster.end_watches();
    watches(2).await?;
    setup.cluster.apply("worker-b", "Running");
    setup
        .pods(&[("worker-a", "Running"), ("worker-b", "Running")])
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_told_and_ends() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.apply("worker-a", "Running");
    cluster.refuse(Some((403, "Forbidden")));
    let setup = start(cluster).await?;
    let detail = until("the refusal is told", async || {
        let detail = setup.api.get("/api/pods").await?.problem(503)?;
        Ok(detail.contains("403").then_some(detail))
    })
    .await?;
    assert!(
        detail.contains("Forbidden") && !detail.contains("no access"),
        "{detail}"
    );
    let metrics = setup
        .api
        .metrics_when("the source is unavailable", |m| {
            m["sources"]["pods"]["state"] == "unavailable"
        })
        .await?;
    assert!(metrics["sources"]["pods"]["since"].is_string());
    // The rest goes on.
    assert_eq!(metrics["sources"]["queue"]["state"], "available");
    setup.cluster.refuse(None);
    setup.pods(&[("worker-a", "Running")]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn inside_a_cluster_the_service_account_is_used() -> Result<()> {
    let cluster = Cluster::start().await?;
    cluster.apply("worker-a", "Running");
    // Inside a pod the address comes from the environment; its token file cannot be made here, so
    // that what is seen is that the API looks for it rather than for a kubeconfig.
    let bucket = Bucket::start(0).await?;
    let (host, port) = cluster.address().split_once(':').unwrap();
    let extra = [
        ("KUBERNETES_SERVICE_HOST", host),
        ("KUBERNETES_SERVICE_PORT", port),
    ];
    let api = bucket.api(&extra).await?;
    let detail = api.get("/api/pods").await?.problem(503)?;
    assert!(
        detail.contains("service account")
            || detail.contains("serviceaccount")
            || detail.contains("in-cluster"),
        "{detail}"
    );
    Ok(())
}
