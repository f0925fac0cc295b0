//! Whether a request comes from a person at this machine.
//!
//! A loopback peer is not enough. A page of another site, open in a browser on this machine, sends
//! from this machine too: `Origin` and `Sec-Fetch-Site` give its requests away, and `Host` does
//! where the site renamed itself to a loopback address (DNS rebinding). A proxy on this machine
//! sends the requests of others, which `X-Forwarded-For` or `Forwarded` tells.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header, uri::Authority};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Fields that proxies add.
const FORWARDED: [HeaderName; 5] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];

/// Whether a request may act: its peer, host and origin are all this machine.
pub(crate) fn is_local(peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    if !is_host_local(peer, uri, headers) {
        return false;
    }
    // Browsers send `Origin` with every request that may change something; a hidden one is `null`.
    let host = host(uri, headers).unwrap_or_default();
    let same_origin = match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None => true,
        Some(Ok(origin)) => origin
            .split_once("://")
            .is_some_and(|(_, name)| name == host),
        Some(Err(_)) => false,
    };
    let same_site = matches!(
        one(headers, &FETCH_SITE),
        None | Some("same-origin" | "none")
    );
    same_origin && same_site
}

/// Whether a request may look: its peer and host are this machine.
pub(crate) fn is_host_local(peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    peer.to_canonical().is_loopback()
        && !FORWARDED.iter().any(|name| headers.contains_key(name))
        && headers.get_all(header::HOST).iter().nth(1).is_none()
        && host(uri, headers).is_some_and(is_loopback_name)
}

fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    one(headers, &header::HOST).or_else(|| uri.authority().map(Authority::as_str))
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether `host`, with or without a port, can only mean this machine.
fn is_loopback_name(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of a bare IPv6 address are no port.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return false;
    }
    if let Some(v6) = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
    {
        return v6
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback());
    }
    name.eq_ignore_ascii_case("localhost")
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv4() && address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(peer: &str, fields: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, HeaderValue::from_static(value));
        }
        is_local(peer.parse().unwrap(), &Uri::from_static("/api/x"), &headers)
    }

    #[test]
    fn people_and_pages_of_this_machine_pass() {
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:8000",
            "127.8.0.1",
            "[::1]:8000",
        ] {
            assert!(check("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(check("::1", &[("host", "[::1]")]));
        assert!(check("::ffff:127.0.0.1", &[("host", "localhost")]));
        let page = [
            ("host", "localhost:8000"),
            ("origin", "http://localhost:8000"),
            ("sec-fetch-site", "same-origin"),
        ];
        assert!(check("127.0.0.1", &page));
    }

    #[test]
    fn others_do_not() {
        for (peer, fields) in [
            ("10.0.0.1", vec![("host", "localhost")]),
            ("127.0.0.1", vec![]),
            // A renamed page, and names that only look like ours.
            ("127.0.0.1", vec![("host", "evil.example:8000")]),
            ("127.0.0.1", vec![("host", "localhost.evil.example")]),
            ("127.0.0.1", vec![("host", "127.0.0.1.evil.example")]),
            ("127.0.0.1", vec![("host", "localhost:80@evil.example")]),
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("host", "evil.example")],
            ),
            ("127.0.0.1", vec![("host", "10.0.0.1")]),
            // Another page.
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("origin", "https://evil.example")],
            ),
            ("127.0.0.1", vec![("host", "localhost"), ("origin", "null")]),
            (
                "127.0.0.1",
                vec![
                    ("host", "localhost:8000"),
                    ("origin", "http://localhost:3000"),
                ],
            ),
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("sec-fetch-site", "cross-site")],
            ),
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("sec-fetch-site", "same-site")],
            ),
            // Someone behind a proxy.
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("x-forwarded-for", "127.0.0.1")],
            ),
            (
                "127.0.0.1",
                vec![("host", "localhost"), ("forwarded", "for=10.0.0.1")],
            ),
        ] {
            assert!(!check(peer, &fields), "{peer} {fields:?}");
        }
    }
}
