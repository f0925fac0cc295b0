//! The settings of access, which make the [`Gate`].

use std::{convert::Infallible, fmt, net::IpAddr, num::NonZeroU32, str::FromStr};

use anyhow::{Context as _, ensure};
use clap::{ArgAction, Args, builder::BoolishValueParser};
use url::Url;

use super::{Gate, Guard, Oidc, OidcSettings, RateLimit, Token, oidc::is_safe};

/// The settings of access.
#[derive(Debug, Clone, Args)]
pub struct AccessConfig {
    /// Bearer token that opens the routes that change something, frames and uploads: 16 or more
    /// visible ASCII characters. Without it, and without an issuer of JWTs, they answer 403,
    /// except to this machine where the API listens on a loopback address
    #[arg(
        long,
        env,
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub api_token: Secret,

    /// Nobody may change anything, not even with the token: for a public dashboard
    #[arg(long, env, action = ArgAction::Set, num_args = 0..=1, default_value = "false",
        default_missing_value = "true", value_parser = BoolishValueParser::new())]
    pub api_read_only: bool,

    /// Guarded requests a minute of one person, a sixth of them at once
    #[arg(long, env, default_value = "600")]
    pub api_rate_limit: NonZeroU32,

    /// Issuer of JWTs that open the same routes, an https URL; needs an audience, too
    #[arg(long, env)]
    pub oidc_issuer: Option<String>,

    /// Audience that the JWTs must be made for
    #[arg(long, env)]
    pub oidc_audience: Option<String>,

    /// Where the issuer's keys are [default: where its /.well-known/openid-configuration says]
    #[arg(long, env)]
    pub oidc_jwks_url: Option<String>,

    /// Scope that the JWTs must have [default: none, whoever the issuer knows may act]
    #[arg(long, env)]
    pub oidc_scope: Option<String>,
}

/// A setting that is never shown. It is checked after parsing, as clap's errors quote the value.
#[derive(Clone, Default)]
pub struct Secret(String);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "Secret(none)"
        } else {
            "Secret(…)"
        })
    }
}

impl AccessConfig {
    /// The gate of a server that listens on `bind`.
    pub(crate) fn gate(&self, bind: IpAddr) -> anyhow::Result<Gate> {
        let token = match self.api_token.0.as_str() {
            "" => None,
            text => Some(
                text.parse::<Token>()
                    .map_err(|error| anyhow::anyhow!("API_TOKEN: {error}"))?,
            ),
        };
        let oidc = self.oidc()?.map(Oidc::new).transpose();
        let oidc = oidc.context("cannot set up a client for OIDC_ISSUER")?;
        Ok(Gate {
            guard: Guard::new(
                token,
                oidc,
                bind.to_canonical().is_loopback(),
                self.api_read_only,
            ),
            rate: RateLimit::per_minute(self.api_rate_limit),
        })
    }

    fn oidc(&self) -> anyhow::Result<Option<OidcSettings>> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let Some(issuer) = given(&self.oidc_issuer) else {
            let alone = [&self.oidc_audience, &self.oidc_jwks_url, &self.oidc_scope];
            let alone = alone.into_iter().any(|value| given(value).is_some());
            ensure!(
                !alone,
                "OIDC_ISSUER: missing, though OIDC_AUDIENCE or another is set"
            );
            return Ok(None);
        };
        let safe = |variable: &str, text: &str| {
            let url = Url::parse(text).with_context(|| format!("{variable}: {text:?}"))?;
            ensure!(is_safe(&url), "{variable}: {text:?} is not https");
            anyhow::Ok(url)
        };
        safe("OIDC_ISSUER", &issuer)?;
        let jwks_url = given(&self.oidc_jwks_url);
        Ok(Some(OidcSettings {
            audience: given(&self.oidc_audience)
                .context("OIDC_AUDIENCE: missing; a token for any service would do")?,
            jwks_url: jwks_url
                .map(|url| safe("OIDC_JWKS_URL", &url))
                .transpose()?,
            scope: given(&self.oidc_scope),
            issuer,
        }))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        access: AccessConfig,
    }

    fn gate(flags: &[&str]) -> anyhow::Result<Gate> {
        let program = Program::try_parse_from(["x"].iter().chain(flags))?;
        program.access.gate(IpAddr::from([127, 0, 0, 1]))
    }

    #[test]
    fn a_wrong_value_names_its_variable_and_shows_no_secret() {
        for (flags, variable) in [
            (vec!["--api-token=too-short"], "API_TOKEN"),
            (
                vec!["--api-token=long enough, but with spaces"],
                "API_TOKEN",
            ),
            (vec!["--api-rate-limit=0"], "API_RATE_LIMIT"),
            (vec!["--api-read-only=perhaps"], "API_READ_ONLY"),
            (vec!["--oidc-audience=a"], "OIDC_ISSUER"),
            (vec!["--oidc-issuer=https://i.example"], "OIDC_AUDIENCE"),
            (
                vec!["--oidc-issuer=http://i.example", "--oidc-audience=a"],
                "OIDC_ISSUER",
            ),
            (
                vec![
                    "--oidc-issuer=https://i",
                    "--oidc-audience=a",
                    "--oidc-jwks-url=http://i/k",
                ],
                "OIDC_JWKS_URL",
            ),
        ] {
            let error = gate(&flags)
                .err()
                .map(|error| format!("{error:#}"))
                .unwrap();
            assert!(error.contains(variable), "{flags:?}: {error}");
            assert!(
                !error.contains("too-short") && !error.contains("long enough"),
                "{error}"
            );
        }
    }

    #[test]
    fn nothing_shows_the_token() {
        let program = Program::try_parse_from(["x", "--api-token=0123456789abcdef"]).unwrap();
        assert!(!format!("{program:?}").contains("0123"));
    }

    #[test]
    fn what_is_set_to_nothing_is_not_set() {
        let gate = gate(&["--api-token=", "--oidc-issuer=", "--oidc-scope="]).unwrap();
        assert!(gate.guard.trusts_this_machine());
    }
}
