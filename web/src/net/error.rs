//! How requests to the API fail.

/// Why a request failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ApiError {
    /// The API did not answer.
    Unreachable,
    /// Something before the API answered with this HTTP status: a proxy, or a load balancer.
    Gateway(u16),
    /// The API wants a token, or does not accept the present one.
    SignIn,
    /// The API refused.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The reason, from the problem document.
        reason: String,
    },
    /// The answer cannot be read.
    Unreadable(String),
}

impl ApiError {
    /// Whether the API may have accepted the request all the same: nothing answered, or a proxy
    /// did.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(
            self,
            Self::Unreachable | Self::Gateway(502 | 504) | Self::Unreadable(_)
        )
    }

    /// Whether the API or a proxy is at fault.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(
            self,
            Self::Gateway(500..) | Self::Refused { status: 500.., .. }
        )
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the API does not answer"),
            Self::Gateway(status) => {
                write!(f, "a proxy before the API answered with status {status}")
            }
            Self::SignIn => f.write_str("sign in with the API's token first"),
            Self::Refused { reason, .. } => f.write_str(reason),
            Self::Unreadable(reason) => write!(f, "the answer cannot be read: {reason}"),
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;
