//! `/ready` names the service that cannot be used, and the true cause.

use anyhow::Result;
use devstack::{Stack, proxy::Proxy};

use crate::support::{Api, stack};

/// The detail of `/ready` of an API with these variables on top.
async fn unready(stack: &Stack, env: &[(&str, &str)]) -> Result<String> {
    let api = Api::start(stack, env).await?;
    api.get("/ready").await?.problem(503)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_is_named_within_five_seconds() -> Result<()> {
    let stack = stack().await?;
    for (request, detail) in [
        ("HEAD /videos", "S3: no answer within 5 s"),
        ("AmazonSQS.", "SQS: no answer within 5 s"),
    ] {
        let proxy = Proxy::counting(&stack).await?;
        proxy.ignore(&[request]);
        let endpoint = proxy.endpoint();
        let said = unready(&stack, &[("AWS_ENDPOINT_URL", &endpoint)]).await?;
        assert_eq!(said, detail);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_refused_credentials_are_told_from_each_other() -> Result<()> {
    let stack = stack().await?;
    let none = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let detail = unready(&stack, &none).await?;
    assert_eq!(
        detail,
        "S3: no credentials were found; SQS: no credentials were found"
    );
    for (status, code, cause) in [
        (
            400,
            "ExpiredToken",
            "the credentials are refused: ExpiredToken",
        ),
        (
            403,
            "InvalidAccessKeyId",
            "the credentials are refused: InvalidAccessKeyId",
        ),
        (403, "AccessDenied", "access is denied: AccessDenied"),
    ] {
        let proxy = Proxy::counting(&stack).await?;
        // S3 answers HEAD without a code.
        proxy.refuse(&["HEAD /"], 403, code);
        proxy.refuse(&[" HTTP/1.1"], status, code);
        let endpoint = proxy.endpoint();
        let detail = unready(&stack, &[("AWS_ENDPOINT_URL", &endpoint)]).await?;
        assert_eq!(detail, format!("S3: {cause}; SQS: {cause}"));
    }
    Ok(())
}
