//! JWTs of an identity provider.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use axum::{Router, extract::State, routing::get};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, jwk::Jwk};
use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use crate::support::{Answer, Api, stack, until};

const AUDIENCE: &str = "thumbnails";

/// A provider whose keys can be exchanged.
struct Provider {
    issuer: String,
    keys: Arc<Mutex<Vec<Value>>>,
    serving: AbortOnDropHandle<()>,
}

/// A key of the provider.
struct Signer {
    id: &'static str,
    key: EncodingKey,
    public: Value,
}

impl Signer {
    fn new(id: &'static str) -> Result<Self> {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new())?;
        let key = EncodingKey::from_ec_der(pkcs8.as_ref());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        jwk.common.key_id = Some(id.to_owned());
        Ok(Self {
            id,
            key,
            public: serde_json::to_value(jwk)?,
        })
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.to_owned());
        Ok(encode(&header, claims, &self.key)?)
    }
}

impl Provider {
    async fn start(signers: &[&Signer]) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let issuer = format!("http://{}/realm", listener.local_addr()?);
        let keys: Arc<Mutex<Vec<Value>>> = Arc::default();
        let configuration =
            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string();
        let app = Router::new()
            .route(
                "/realm/.well-known/openid-configuration",
                get(async || configuration),
            )
            .route(
                "/realm/keys",
                get(async |State(keys): State<Arc<Mutex<Vec<Value>>>>| {
                    let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    json!({"keys": keys}).to_string()
                }),
            )
            .with_state(keys.clone());
        let serving = tokio::spawn(async move {
            // Ends with its task.
            let _ = axum::serve(listener, app).await;
        });
        let provider = Self {
            issuer,
            keys,
            serving: AbortOnDropHandle::new(serving),
        };
        provider.publish(signers);
        Ok(provider)
    }

    fn publish(&self, signers: &[&Signer]) {
        // A kind that nobody knows must not spoil the others.
        let mut keys = vec![json!({"kty": "PQC", "kid": "future"})];
        keys.extend(signers.iter().map(|signer| signer.public.clone()));
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "aud": AUDIENCE, "sub": "ada", "exp": now() + 600, "nbf": now() - 5,
            "scope": "openid thumbnails:write",
        })
    }

    async fn api(&self, stack: &devstack::Stack) -> Result<Api> {
        let env = [
            ("OIDC_ISSUER", self.issuer.as_str()),
            ("OIDC_AUDIENCE", AUDIENCE),
            ("OIDC_SCOPE", "thumbnails:write"),
            // Waiting for a key asks many times.
            ("API_RATE_LIMIT", "100000"),
        ];
        Api::start_with(stack, &env).await
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// Asks for something harmless that is guarded.
async fn ask(api: &Api, jwt: &str) -> Result<Answer> {
    let request = api.bare(Method::DELETE, "/api/purge?dryRun=true");
    Answer::of(request.bearer_auth(jwt)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_tokens_open_and_others_do_not() -> Result<()> {
    let stack = stack().await?;
    let (signer, stranger) = (Signer::new("one")?, Signer::new("one")?);
    let provider = Provider::start(&[&signer]).await?;
    let api = provider.api(&stack).await?;
    let good = signer.sign(&provider.claims())?;
    ask(&api, &good).await?.json()?;
    let line = api
        .audit("/api/purge")
        .into_iter()
        .next()
        .context("no line")?;
    assert_eq!(line["who"], "subject \"ada\"");

    let with = |name: &str, value: Value| {
        let mut claims = provider.claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = provider.claims();
        claims.as_object_mut().map(|claims| claims.remove(name));
        claims
    };
    for (claims, reason) in [
        (with("exp", json!(now() - 120)), "expired"),
        (with("exp", json!("soon")), "lacks"),
        (with("nbf", json!(now() + 600)), "not valid yet"),
        // Replayed from another service, or from another provider.
        (with("aud", json!("another-service")), "another audience"),
        (with("aud", json!(["another-service"])), "another audience"),
        (with("iss", json!("https://evil.example")), "another issuer"),
        (without("exp"), "lacks"),
        (without("aud"), "lacks"),
        (without("iss"), "lacks"),
    ] {
        let detail = ask(&api, &signer.sign(&claims)?).await?.problem(401)?;
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
    ask(&api, &signer.sign(&without("sub"))?)
        .await?
        .problem(401)?;
    for scope in [json!("openid"), json!("thumbnails:writer"), json!("")] {
        ask(&api, &signer.sign(&with("scope", scope))?)
            .await?
            .problem(403)?;
    }

    // Signatures that are none.
    let parts: Vec<&str> = good.split('.').collect();
    let claims = parts[1];
    let encoded = |header: Value| {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(header.to_string())
    };
    let none = format!(
        "{}.{claims}.",
        encoded(json!({"alg": "none", "kid": "one"}))
    );
    let mut shared = Header::new(Algorithm::HS256);
    shared.kid = Some("one".to_owned());
    let public = signer.public.to_string();
    let shared = encode(
        &shared,
        &provider.claims(),
        &EncodingKey::from_secret(public.as_bytes()),
    )?;
    let mut forged = provider.claims();
    forged["sub"] = json!("eve");
    let forged = format!("{}.{}.{}", parts[0], encoded(forged), parts[2]);
    for jwt in [
        none,
        shared,
        forged,
        stranger.sign(&provider.claims())?,
        format!("{}.{}", parts[0], parts[1]),
        "a.b.c".to_owned(),
        "x".repeat(5000),
    ] {
        let detail = ask(&api, &jwt).await?.problem(401)?;
        assert!(!detail.contains(claims), "{detail}");
    }
    // Another name: it is the provider's word that counts.
    ask(&api, &Signer::new("two")?.sign(&provider.claims())?)
        .await?
        .problem(401)?;
    ask(&api, &good).await?.json()?;
    let log = api.raw_log();
    assert!(
        !log.contains(claims) && !log.contains(parts[2]),
        "the log has a token"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_are_found_and_a_provider_that_is_gone_is_missed_later() -> Result<()> {
    let stack = stack().await?;
    let (old, new) = (Signer::new("old")?, Signer::new("new")?);
    let provider = Provider::start(&[&old]).await?;
    let api = provider.api(&stack).await?;
    ask(&api, &old.sign(&provider.claims())?).await?.json()?;

    provider.publish(&[&new]);
    let jwt = new.sign(&provider.claims())?;
    // Not more often than every ten seconds, whatever tokens name.
    until("the new key is taken", async || {
        Ok(ask(&api, &jwt).await?.status.is_success().then_some(()))
    })
    .await?;
    ask(&api, &old.sign(&provider.claims())?)
        .await?
        .problem(401)?;

    provider.serving.abort();
    ask(&api, &jwt).await?.json()?;

    let api = provider.api(&stack).await?;
    let answer = ask(&api, &jwt).await?;
    answer.problem(503)?;
    assert!(!answer.header("retry-after").is_empty());
    Ok(())
}
