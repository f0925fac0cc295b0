//! Why a request to AWS failed, in the few classes that people and metrics tell apart.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::status;

/// The codes by which AWS refuses credentials, whatever they may do.
const REFUSED: [&str; 14] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "NotAuthorized",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClientException",
];

/// The codes of services that are asked too often.
const THROTTLED: [&str; 7] = [
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The codes of policies that deny.
const DENIED: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

/// The codes of queues, buckets and objects that do not exist, whose status may be 400.
const MISSING: [&str; 4] = [
    "NoSuchBucket",
    "NoSuchKey",
    "NonExistentQueue",
    "QueueDoesNotExist",
];

/// Why a request to AWS failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// No source of credentials has any, so nothing was sent.
    NoCredentials,
    /// AWS refuses the credentials: they have ended, were revoked, or sign wrongly.
    Refused,
    /// The credentials may not do this. Also where AWS answers `HEAD` with 403, which has no code.
    Denied,
    /// No answer came in time.
    Timeout,
    /// No connection could be made, or it broke.
    Unreachable,
    /// The service is asked too often.
    Throttled,
    /// What the request is about does not exist.
    Missing,
    /// The service failed.
    Service,
    /// Another error: the request is wrong, or the answer is none of the service's.
    Other,
}

impl Fault {
    /// The class of an error of the SDK.
    pub fn of<E>(error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let code = error
            .code()
            .map(|code| code.rsplit(['.', '#']).next().unwrap_or(code));
        let by_code = [
            (&REFUSED[..], Self::Refused),
            (&THROTTLED, Self::Throttled),
            (&DENIED, Self::Denied),
            (&MISSING, Self::Missing),
        ];
        let known = |code: &str| by_code.iter().find(|(codes, _)| codes.contains(&code));
        if let Some((_, fault)) = code.and_then(known) {
            return *fault;
        }
        if lacks_credentials(error) {
            return Self::NoCredentials;
        }
        match error {
            SdkError::TimeoutError(_) => Self::Timeout,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Self::Timeout,
            SdkError::DispatchFailure(_) => Self::Unreachable,
            _ => status(error).map_or(Self::Other, Self::of_status),
        }
    }

    /// The class of an answer with this HTTP status and no code that tells more.
    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Denied,
            404 => Self::Missing,
            429 | 503 => Self::Throttled,
            500.. => Self::Service,
            _ => Self::Other,
        }
    }

    /// A stable name, for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoCredentials => "no_credentials",
            Self::Refused => "credentials_refused",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::Missing => "missing",
            Self::Service => "service",
            Self::Other => "other",
        }
    }

    /// All classes.
    pub const ALL: [Self; 9] = [
        Self::NoCredentials,
        Self::Refused,
        Self::Denied,
        Self::Timeout,
        Self::Unreachable,
        Self::Throttled,
        Self::Missing,
        Self::Service,
        Self::Other,
    ];

    /// The class in words, for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NoCredentials => "no credentials were found",
            Self::Refused => "the credentials are refused",
            Self::Denied => "access is denied",
            Self::Timeout => "no answer came in time",
            Self::Unreachable => "no connection",
            Self::Throttled => "too many requests",
            Self::Missing => "it does not exist",
            Self::Service => "the service failed",
            Self::Other => "an unexpected answer",
        }
    }
}

/// Whether the SDK found no credentials, at whatever stage of the request it noticed.
fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
