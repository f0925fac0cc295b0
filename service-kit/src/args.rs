//! Checks of settings. Each is a `value_parser` of clap, which adds the name of the variable.

use tracing_subscriber::EnvFilter;
use url::Url;

/// Takes an http or https URL.
///
/// # Errors
/// What is wrong with the value.
pub fn http_url(value: &str) -> Result<String, String> {
    let url = Url::parse(value).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("not an http or https URL".to_owned());
    }
    Ok(value.to_owned())
}

/// Takes an http or https URL or nothing: deployments set optional variables to nothing to unset
/// them.
///
/// # Errors
/// What is wrong with the value.
pub fn optional_http_url(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Ok(String::new());
    }
    http_url(value)
}

/// Takes a filter in the syntax of tracing-subscriber's `EnvFilter`.
///
/// # Errors
/// What is wrong with the value.
pub fn log_filter(value: &str) -> Result<String, String> {
    EnvFilter::builder()
        .parse(value)
        .map_err(|error| error.to_string())?;
    Ok(value.to_owned())
}
