//! The header fields that a proxy takes away and adds.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Fields that speak of one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Whether the request asks for a WebSocket by HTTP/1.1.
pub(super) fn wants_websocket(request: &Request) -> bool {
    request.method() == Method::GET
        && tokens(request.headers(), &header::CONNECTION)
            .any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(request.headers(), &header::UPGRADE)
            .any(|token| token.eq_ignore_ascii_case("websocket"))
}

/// Takes away what speaks of this connection, also what `Connection` names; with `upgrade`, says
/// again that the connection becomes a WebSocket.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap, upgrade: bool) {
    let named: Vec<HeaderName> = tokens(headers, &header::CONNECTION)
        .filter_map(|token| token.parse().ok())
        // A sender may not make us drop what decides where the request goes and how far it reaches.
        .filter(|name| {
            ![
                header::HOST,
                header::CONTENT_LENGTH,
                header::AUTHORIZATION,
                header::ORIGIN,
            ]
            .contains(name)
                && !name.as_str().starts_with("x-forwarded-")
        })
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
}

/// Says whom the request comes from. What an ingress before us said is kept: whether to believe it
/// is for the API to decide.
pub(super) fn tell_of_the_peer(headers: &mut HeaderMap, peer: IpAddr) {
    let peer = peer.to_canonical().to_string();
    let so_far: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let chain = [so_far.as_slice(), &[peer.as_str()]].concat().join(", ");
    if let Ok(chain) = HeaderValue::try_from(chain) {
        headers.insert(FORWARDED_FOR, chain);
    }
    headers
        .entry(FORWARDED_PROTO)
        .or_insert(HeaderValue::from_static("http"));
    if let Some(host) = headers.get(header::HOST).cloned() {
        headers.entry(FORWARDED_HOST).or_insert(host);
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |&(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn what_speaks_of_the_connection_goes() {
        let mut fields = headers(&[
            ("connection", "close, X-Secret"),
            ("connection", "keep-alive, authorization"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer x"),
            ("accept", "*/*"),
        ]);
        strip_hop_by_hop(&mut fields, false);
        let mut left: Vec<_> = fields.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "authorization"]);
    }

    #[test]
    fn an_upgrade_is_said_again() {
        let mut fields = headers(&[
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
        ]);
        strip_hop_by_hop(&mut fields, true);
        assert_eq!(fields[header::CONNECTION], "upgrade");
        assert_eq!(fields[header::UPGRADE], "websocket");
    }

    #[test]
    fn the_peer_joins_the_chain() {
        let mut fields = headers(&[
            ("host", "dash.example"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "https"),
        ]);
        tell_of_the_peer(&mut fields, "::ffff:10.0.0.2".parse().unwrap());
        assert_eq!(fields[FORWARDED_FOR], "203.0.113.9, 10.0.0.1, 10.0.0.2");
        assert_eq!(fields[FORWARDED_PROTO], "https");
        assert_eq!(fields[FORWARDED_HOST], "dash.example");
    }
}
