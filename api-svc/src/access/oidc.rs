//! JWTs of an identity provider (`OpenID` Connect).
//!
//! The provider's keys are fetched when the first token comes, cached for ten minutes, and fetched
//! again at once when a token names an unknown key: providers change keys by publishing the new key
//! first. While the provider does not answer, the cached keys stay good.
//!
//! Only signatures by a private key are accepted: with a shared secret (`HS256`) every program that
//! checks tokens could make them, and `none` is no signature.

use std::{
    fmt,
    time::{Duration, Instant},
};

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::ErrorKind,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::{Mutex, RwLock};
use url::Url;

use super::Refusal;

/// How long cached keys are good.
const KEYS_AGE: Duration = Duration::from_mins(10);

/// Shortest time between two requests for keys, whatever keys tokens name.
const FETCH_PAUSE: Duration = Duration::from_secs(10);

/// Longest time for one request to the provider.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest document that is read from the provider, in bytes.
const MAX_DOCUMENT: usize = 256 << 10;

/// Largest difference between clocks, in seconds.
const LEEWAY_SECONDS: u64 = 30;

/// Accepted signature algorithms.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The identity provider whose tokens are accepted.
#[derive(Debug, Clone)]
pub(crate) struct OidcSettings {
    /// The value of `iss`, and the base URL of the provider's configuration.
    pub(crate) issuer: String,
    /// The audience that `aud` must contain.
    pub(crate) audience: String,
    /// URL of the keys; `None` to take it from the provider's configuration.
    pub(crate) jwks_url: Option<Url>,
    /// The scope that `scope` must contain.
    pub(crate) scope: Option<String>,
}

/// Checks tokens.
pub(crate) struct Oidc {
    settings: OidcSettings,
    client: reqwest::Client,
    keys: RwLock<Keys>,
    /// When keys were requested last; locked while they are requested.
    fetching: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Keys {
    set: Vec<Jwk>,
    fetched: Option<Instant>,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(default)]
    scope: String,
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

impl Oidc {
    /// Sets up a client. Sends nothing yet.
    pub(crate) fn new(settings: OidcSettings) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self {
            settings,
            client,
            keys: RwLock::default(),
            fetching: Mutex::default(),
        })
    }

    /// Checks a token and returns its subject.
    pub(crate) async fn verify(&self, token: &str) -> Result<String, Refusal> {
        let header = decode_header(token).map_err(|_| Refusal::Bad("not a JWT"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Refusal::Bad("signature algorithm not allowed"));
        }
        let key = self.key(header.kid.as_deref(), header.alg).await?;
        let key = DecodingKey::from_jwk(&key).map_err(|_| Refusal::Bad("unusable signing key"))?;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&self.settings.issuer]);
        validation.set_audience(&[&self.settings.audience]);
        let claims = decode::<Claims>(token, &key, &validation)
            .map_err(|error| Refusal::Bad(why(error.kind())))?
            .claims;
        if let Some(scope) = &self.settings.scope
            && !claims.scope.split(' ').any(|held| held == scope)
        {
            return Err(Refusal::Forbidden(
                "the token lacks the scope that this route needs",
            ));
        }
        Ok(claims.sub)
    }

    /// The key that signs a token with this `kid` and algorithm.
    async fn key(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Jwk, Refusal> {
        let (found, age, known) = {
            let keys = self.keys.read().await;
            let age = keys.fetched.map(|fetched| fetched.elapsed());
            (keys.find(id, algorithm), age, keys.fetched.is_some())
        };
        let fresh = age.is_some_and(|age| age < KEYS_AGE);
        if let Some(key) = found.clone().filter(|_| fresh) {
            return Ok(key);
        }
        let fetched = self.fetch(age).await;
        let found = self.keys.read().await.find(id, algorithm).or(found);
        match found {
            Some(key) => Ok(key),
            None if fetched || known => Err(Refusal::Bad("unknown signing key")),
            None => Err(Refusal::Unavailable),
        }
    }

    /// Fetches the keys unless another call just did. Returns whether they are new.
    async fn fetch(&self, seen: Option<Duration>) -> bool {
        let mut tried = self.fetching.lock().await;
        let age = self
            .keys
            .read()
            .await
            .fetched
            .map(|fetched| fetched.elapsed());
        // Another call fetched the keys while this one waited.
        if let (Some(now), before) = (age, seen)
            && before.is_none_or(|before| now < before)
        {
            return true;
        }
        if tried.is_some_and(|tried| tried.elapsed() < FETCH_PAUSE) {
            return false;
        }
        *tried = Some(Instant::now());
        match self.download().await {
            Ok(set) => {
                tracing::info!(
                    keys = set.keys.len(),
                    "fetched the identity provider's keys"
                );
                *self.keys.write().await = Keys {
                    set: set.keys,
                    fetched: Some(Instant::now()),
                };
                true
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "cannot fetch the identity provider's keys"
                );
                false
            }
        }
    }

    async fn download(&self) -> anyhow::Result<JwkSet> {
        let url = match &self.settings.jwks_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let set: Lenient = self.document(url).await?;
        // Keys of unknown kinds are skipped.
        let keys = set.keys.into_iter();
        Ok(JwkSet {
            keys: keys
                .filter_map(|key| serde_json::from_value(key).ok())
                .collect(),
        })
    }

    async fn discover(&self) -> anyhow::Result<Url> {
        let base = self.settings.issuer.trim_end_matches('/');
        let url = Url::parse(&format!("{base}/.well-known/openid-configuration"))?;
        let found: Discovery = self.document(url).await?;
        anyhow::ensure!(
            found.issuer == self.settings.issuer,
            "the provider calls itself {:?}",
            found.issuer
        );
        let url = Url::parse(&found.jwks_uri)?;
        anyhow::ensure!(is_safe(&url), "jwks_uri is not https");
        Ok(url)
    }

    async fn document<T: DeserializeOwned>(&self, url: Url) -> anyhow::Result<T> {
        let mut response = self.client.get(url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            anyhow::ensure!(body.len() <= MAX_DOCUMENT, "the document is too long");
        }
        Ok(serde_json::from_slice(&body)?)
    }
}

#[derive(Deserialize)]
struct Lenient {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Jwk> {
        let mut fitting = self
            .set
            .iter()
            .filter(|key| fits(key, algorithm))
            .filter(|key| id.is_none() || key.common.key_id.as_deref() == id);
        let key = fitting.next()?;
        // A token without `kid` needs the only key that fits.
        (id.is_some() || fitting.next().is_none()).then(|| key.clone())
    }
}

/// Whether a key makes signatures of this algorithm.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_for_signatures = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    let names = key.common.key_algorithm;
    let is_named = names.is_none_or(|name| name.to_string() == format!("{algorithm:?}"));
    let is_kind = match (&key.algorithm, algorithm) {
        (
            AlgorithmParameters::RSA(_),
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512,
        )
        | (AlgorithmParameters::OctetKeyPair(_), Algorithm::EdDSA) => true,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => {
            key.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => {
            key.curve == EllipticCurve::P384
        }
        _ => false,
    };
    is_for_signatures && is_named && is_kind
}

/// Whether nobody on the network can change what this URL answers.
pub(super) fn is_safe(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

fn why(kind: &ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not valid yet",
        ErrorKind::InvalidIssuer => "made by another issuer",
        ErrorKind::InvalidAudience => "made for another audience",
        ErrorKind::InvalidSignature => "wrong signature",
        ErrorKind::MissingRequiredClaim(_) => "lacks one of exp, iss, aud and sub",
        _ => "malformed",
    }
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
