//! The guard against DNS rebinding.
//!
//! A web page somewhere can let its own name resolve to 127.0.0.1 and then read what we answer as its
//! own origin. Its requests carry that name in `Host`; so behind a loopback listener only an IP address
//! and `localhost` are served.

use std::net::IpAddr;

use axum::{
    extract::Request,
    http::{StatusCode, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Answers 421 to a request that calls us by another name. One without a name (HTTP/1.0, no browser)
/// passes.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    if calls_us(&request) {
        next.run(request).await
    } else {
        super::guarded(misdirected()).await
    }
}

/// Whether a request calls us by an IP address or as `localhost`, or not at all.
pub(super) fn calls_us(request: &Request) -> bool {
    let in_target = request.uri().authority();
    let mut in_headers = request.headers().get_all(HOST).iter();
    in_target.is_none_or(|authority| is_local(authority.as_str()))
        && in_headers.all(|host| host.to_str().is_ok_and(is_local))
}

pub(super) fn misdirected() -> Response {
    let answer = "this listener answers to an IP address or localhost\n";
    (StatusCode::MISDIRECTED_REQUEST, answer).into_response()
}

/// Whether an authority, with or without a port, names an IP address or `localhost`.
fn is_local(authority: &str) -> bool {
    if authority.contains('@') {
        return false;
    }
    authority.parse::<Authority>().is_ok_and(|authority| {
        let host = authority.host();
        let address = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        host.eq_ignore_ascii_case("localhost") || address.unwrap_or(host).parse::<IpAddr>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_ours_and_no_other_name() {
        let ours = [
            "127.0.0.1",
            "127.0.0.1:8404",
            "[::1]",
            "[::1]:8404",
            "localhost",
            "LOCALHOST:8404",
            "10.1.2.3:8404",
        ];
        let others = [
            "",
            "evil.example",
            "evil.example:8404",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "user@localhost",
            "evil.example@127.0.0.1",
            "127.1",
            "[::1",
            "local host",
        ];
        for host in ours {
            assert!(is_local(host), "{host}");
        }
        for host in others {
            assert!(!is_local(host), "{host}");
        }
    }
}
