//! Value parsers for settings. clap adds the variable's name to their errors.

use tracing_subscriber::EnvFilter;
use url::Url;

/// Accepts an http or https URL.
///
/// # Errors
/// Says what is wrong with the value.
pub fn http_url(value: &str) -> Result<String, String> {
    let url = Url::parse(value).map_err(|error| format!("not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("not an http or https URL".to_owned());
    }
    Ok(value.to_owned())
}

/// Accepts an http or https URL, or an empty value: deployments unset an optional variable by
/// setting it to nothing.
///
/// # Errors
/// Says what is wrong with the value.
pub fn optional_http_url(value: &str) -> Result<String, String> {
    if value.is_empty() {
        return Ok(String::new());
    }
    http_url(value)
}

/// Accepts a filter in the syntax of tracing-subscriber's `EnvFilter`.
///
/// # Errors
/// Says what is wrong with the value.
pub fn log_filter(value: &str) -> Result<String, String> {
    EnvFilter::builder()
        .parse(value)
        .map_err(|error| error.to_string())?;
    Ok(value.to_owned())
}
