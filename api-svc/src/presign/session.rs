//! The credentials that sign URLs, and when they end.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::{
    Client,
    config::{
        Credentials, IdentityCache, ProvideCredentials as _, RequestChecksumCalculation,
        SharedCredentialsProvider,
    },
    presigning::PresigningConfig,
};
use tokio::sync::Mutex;

use super::PresignError;

/// Credentials that end sooner are renewed, so that a new URL lasts at least so long wherever the
/// provider has such credentials.
const RENEW_BEFORE: Duration = Duration::from_mins(20);

/// How long credentials without an end are used before the provider is asked for others.
const RECHECK: Duration = Duration::from_mins(15);

/// Shortest time between two requests to the provider.
const PAUSE: Duration = Duration::from_secs(10);

/// Credentials with a known end, and a client that signs with exactly these.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    /// `None` for credentials without an end.
    end: Option<SystemTime>,
    /// Counts sessions: a later one has a higher number.
    pub(super) number: u64,
}

impl Session {
    /// The end of a URL that is wanted until `wanted`: the end of the credentials, if that comes
    /// first.
    pub(crate) fn end(&self, wanted: SystemTime) -> SystemTime {
        self.end.map_or(wanted, |end| end.min(wanted))
    }

    /// The configuration of a URL that is signed as of `start`, and when it ends.
    pub(crate) fn presigning(
        &self,
        start: SystemTime,
        lifetime: Duration,
    ) -> Result<(PresigningConfig, SystemTime), PresignError> {
        let end = self.end(start + lifetime);
        let lifetime = end.duration_since(start).unwrap_or_default();
        let config = PresigningConfig::builder()
            .start_time(start)
            .expires_in(Duration::from_secs(lifetime.as_secs()))
            .build();
        let config = config.map_err(|error| PresignError::new(error.to_string()))?;
        Ok((config, end))
    }
}

/// Provides the session to sign with.
#[derive(Debug)]
pub(crate) struct Sessions {
    client: Client,
    provider: Option<SharedCredentialsProvider>,
    current: Mutex<Option<Current>>,
}

#[derive(Debug)]
struct Current {
    session: Arc<Session>,
    credentials: Credentials,
    /// When the provider was asked last.
    asked: SystemTime,
}

impl Current {
    fn has_ended(&self, now: SystemTime) -> bool {
        self.session.end.is_some_and(|end| end <= now)
    }

    /// Whether the provider is to be asked again.
    fn is_due(&self, now: SystemTime) -> bool {
        let pause = match self.session.end {
            Some(end) if end > now + RENEW_BEFORE => return false,
            Some(_) => PAUSE,
            None => RECHECK,
        };
        // After the clock was set back, the provider is asked as well.
        !now.duration_since(self.asked).is_ok_and(|age| age < pause)
    }
}

impl Sessions {
    /// Signs with the credentials of `provider`, as `client` is configured otherwise.
    pub(crate) fn new(client: &Client, provider: Option<SharedCredentialsProvider>) -> Self {
        Self {
            client: client.clone(),
            provider,
            current: Mutex::default(),
        }
    }

    /// The session to sign with now.
    ///
    /// # Errors
    /// The provider has no credentials, and the last ones have ended.
    pub(crate) async fn current(&self) -> Result<Arc<Session>, PresignError> {
        self.at(SystemTime::now()).await
    }

    pub(super) async fn at(&self, now: SystemTime) -> Result<Arc<Session>, PresignError> {
        let mut current = self.current.lock().await;
        if let Some(known) = &*current
            && !known.is_due(now)
        {
            if known.has_ended(now) {
                return Err(PresignError::new("the API's credentials have ended"));
            }
            return Ok(Arc::clone(&known.session));
        }
        let Some(provider) = &self.provider else {
            return Err(PresignError::new("no credentials are configured"));
        };
        let renewed = match (provider.provide_credentials().await, current.take()) {
            (Ok(credentials), Some(known)) if credentials == known.credentials => Current {
                asked: now,
                ..known
            },
            (Ok(credentials), known) => {
                let number = known.map_or(0, |known| known.session.number + 1);
                self.open(credentials, number, now)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(
                    error = service_kit::causes(&error),
                    "the credentials cannot be renewed"
                );
                Current {
                    asked: now,
                    ..known
                }
            }
            (Err(error), None) => return Err(PresignError::new(service_kit::causes(&error))),
        };
        let ended = renewed.has_ended(now);
        let session = Arc::clone(&renewed.session);
        *current = Some(renewed);
        if ended {
            return Err(PresignError::new("the API's credentials have ended"));
        }
        Ok(session)
    }

    fn open(&self, credentials: Credentials, number: u64, now: SystemTime) -> Current {
        let config = self
            .client
            .config()
            .to_builder()
            .credentials_provider(credentials.clone())
            .identity_cache(IdentityCache::no_cache())
            // The API cannot sign a checksum of bytes that it never sees.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .build();
        Current {
            session: Arc::new(Session {
                client: Client::from_conf(config),
                end: credentials.expiry(),
                number,
            }),
            credentials,
            asked: now,
        }
    }
}
