//! Who may do what.
//!
//! Looking is free, acting is not: routes that change something, and those that cost CPU or give
//! write access, are guarded. A [`Gate`] stands before them: the check of credentials ([`Guard`])
//! and the rate limit ([`rate`]).
//!
//! Credentials are a bearer token: the API's own ([`token`]) or a JWT of an identity provider
//! ([`oidc`]). Where neither is configured, nobody may act, except people at this machine on a
//! server that listens on a loopback address only ([`local`]). Read-only mode refuses everyone.

mod config;
mod local;
mod oidc;
mod rate;
mod token;

use std::{fmt, net::SocketAddr, sync::Arc};

use axum::http::{HeaderMap, Uri, header};

pub use self::config::{AccessConfig, Secret};
pub(crate) use self::{
    local::{is_host_local, is_local},
    oidc::{Oidc, OidcSettings},
    rate::RateLimit,
    token::Token,
};

/// Who acts. Its text is fit for a log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Principal {
    /// Whoever has the API's token.
    Token,
    /// The subject of a JWT.
    Subject(String),
    /// Someone at this machine, with no credentials set up.
    Local,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token => f.write_str("token"),
            Self::Subject(subject) => write!(f, "subject {subject:?}"),
            Self::Local => f.write_str("local"),
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The request has no credentials.
    #[error("this route needs a bearer token")]
    Missing,
    /// The credentials are not accepted. The reason never quotes them.
    #[error("the bearer token is not accepted: {0}")]
    Bad(&'static str),
    /// Nobody may, whatever the credentials.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The credentials cannot be checked at present.
    #[error("the identity provider's keys cannot be fetched")]
    Unavailable,
}

/// What stands before the guarded routes.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) guard: Guard,
    pub(crate) rate: RateLimit,
}

/// Decides who may act.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    token: Option<Token>,
    oidc: Option<Arc<Oidc>>,
    /// Whether the server listens on a loopback address only.
    loopback: bool,
    read_only: bool,
}

impl Guard {
    pub(crate) fn new(
        token: Option<Token>,
        oidc: Option<Oidc>,
        loopback: bool,
        read_only: bool,
    ) -> Self {
        Self {
            token,
            oidc: oidc.map(Arc::new),
            loopback,
            read_only,
        }
    }

    /// Whether requests are trusted because they come from this machine. All of them have to then
    /// ([`is_local`]): another web page could send them otherwise.
    pub(crate) fn trusts_this_machine(&self) -> bool {
        self.loopback && self.token.is_none() && self.oidc.is_none()
    }

    /// Identifies the sender of a guarded request.
    pub(crate) async fn identify(
        &self,
        peer: SocketAddr,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Principal, Refusal> {
        if self.read_only {
            return Err(Refusal::Forbidden("this API is read-only"));
        }
        if self.trusts_this_machine() {
            return if is_local(peer.ip(), uri, headers) {
                Ok(Principal::Local)
            } else {
                Err(Refusal::Forbidden(
                    "without API_TOKEN only requests from this machine may act",
                ))
            };
        }
        if self.token.is_none() && self.oidc.is_none() {
            return Err(Refusal::Forbidden("API_TOKEN is not set"));
        }
        let credentials = bearer(headers)?;
        if self
            .token
            .as_ref()
            .is_some_and(|token| token.matches(credentials))
        {
            return Ok(Principal::Token);
        }
        match &self.oidc {
            Some(oidc) => oidc.verify(credentials).await.map(Principal::Subject),
            None => Err(Refusal::Bad("wrong token")),
        }
    }
}

/// The credentials after `Bearer` in the one `Authorization` field.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let field = fields.next().ok_or(Refusal::Missing)?;
    if fields.next().is_some() {
        return Err(Refusal::Bad("more than one Authorization field"));
    }
    let field = field
        .to_str()
        .map_err(|_| Refusal::Bad("not visible ASCII"))?;
    match field.split_once(' ') {
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case("bearer") => {
            Ok(credentials.trim_matches(' '))
        }
        _ => Err(Refusal::Missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef-token";

    fn guard(token: bool, loopback: bool, read_only: bool) -> Guard {
        let token = token.then(|| TOKEN.parse().unwrap());
        Guard::new(token, None, loopback, read_only)
    }

    async fn ask(guard: &Guard, headers: &[(&'static str, &str)]) -> Result<Principal, Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let peer = "127.0.0.1:4000".parse().unwrap();
        guard
            .identify(peer, &"/api/purge".parse().unwrap(), &map)
            .await
    }

    #[tokio::test]
    async fn the_token_and_nothing_else_opens() {
        let guard = guard(true, true, false);
        let good = format!("Bearer {TOKEN}");
        assert_eq!(
            ask(&guard, &[("authorization", &good)]).await,
            Ok(Principal::Token)
        );
        let good = format!("bearer  {TOKEN}");
        assert_eq!(
            ask(&guard, &[("authorization", &good)]).await,
            Ok(Principal::Token)
        );
        for (headers, missing) in [
            (vec![], true),
            (vec![("authorization", TOKEN)], true),
            (vec![("authorization", "Basic 0123")], true),
            (vec![("authorization", "Bearer")], true),
            (vec![("authorization", "Bearer ")], false),
            (
                vec![("authorization", "Bearer 0123456789abcdef-tokeN")],
                false,
            ),
            (
                vec![("authorization", "Bearer 0123456789abcdef-token2")],
                false,
            ),
            (
                vec![("authorization", &*good), ("authorization", &*good)],
                false,
            ),
            // A local peer does not count where a token is configured.
            (vec![("host", "localhost:8000")], true),
        ] {
            let refusal = ask(&guard, &headers).await.unwrap_err();
            assert_eq!(
                refusal == Refusal::Missing,
                missing,
                "{headers:?}: {refusal}"
            );
            assert!(!refusal.to_string().contains("0123"), "{refusal}");
        }
    }

    #[tokio::test]
    async fn without_a_token_only_this_machine_acts_and_only_on_a_loopback_bind() {
        let host = [("host", "localhost:8000")];
        assert_eq!(
            ask(&guard(false, true, false), &host).await,
            Ok(Principal::Local)
        );
        let remote = [
            ("host", "localhost:8000"),
            ("x-forwarded-for", "203.0.113.9"),
        ];
        for (guard, headers) in [
            (guard(false, false, false), &host[..]),
            (guard(false, true, false), &remote[..]),
            (guard(false, true, true), &host[..]),
        ] {
            let refusal = ask(&guard, headers).await.unwrap_err();
            assert!(matches!(refusal, Refusal::Forbidden(_)), "{refusal}");
        }
    }

    #[tokio::test]
    async fn read_only_refuses_even_the_token() {
        let good = format!("Bearer {TOKEN}");
        let refusal = ask(&guard(true, false, true), &[("authorization", &good)]).await;
        assert!(matches!(refusal, Err(Refusal::Forbidden(_))));
    }
}
