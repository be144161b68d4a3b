//! Headers by which a proxy tells a server who asks, for what and how: a client that sends one lies.

use http::HeaderName;

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Whether a header, its name in lower case, is a claim that only a proxy may make.
///
/// An edge cannot know which of these a server behind it believes, so it lets none through that a stranger sent: not
/// those of RFC 7239 and `X-Forwarded-*` alone, but what CDNs, load balancers and application servers invented beside
/// them for the same purpose. What clients use on their own behalf (`Origin`, `Referer`, `X-HTTP-Method-Override`,
/// `X-Requested-With`, trace identifiers) is not here.
pub fn is_claim(name: &str) -> bool {
    const FAMILIES: [&str; 4] = [
        "x-forwarded-", // -for, -proto, -host, -port, -prefix, -ssl, -scheme, -uri, -client-cert, -user and the rest
        "x-original-",  // -url and -uri pick another path in some frameworks; -host, -forwarded-for
        "ssl-client-",  // certificates of clients, as nginx and httpd name them
        "x-ssl-",
    ];
    FAMILIES.iter().any(|family| name.starts_with(family)) || is_known(name)
}

#[rustfmt::skip] // by what they claim
fn is_known(name: &str) -> bool {
    matches!(
        name,
        // which exchange this is
        "x-request-id"
        // who asks: addresses
        | "forwarded" | "x-forwarded" | "forwarded-for" | "x-real-ip" | "x-client-ip" | "client-ip" | "true-client-ip"
        | "x-cluster-client-ip" | "x-remote-ip" | "x-remote-addr" | "remote-addr" | "x-originating-ip" | "x-proxyuser-ip"
        | "proxy-client-ip" | "wl-proxy-client-ip" | "cf-connecting-ip" | "cf-connecting-ipv6" | "cf-pseudo-ipv4"
        | "fastly-client-ip" | "x-azure-clientip" | "x-azure-socketip" | "x-appengine-user-ip"
        | "x-envoy-external-address"
        // who asks: users, and certificates (RFC 9440 section 2.4)
        | "remote-user" | "x-remote-user" | "x-webauth-user" | "client-cert" | "client-cert-chain" | "x-client-cert"
        | "x-arr-clientcert"
        // by what scheme
        | "x-scheme" | "x-url-scheme" | "front-end-https" | "x-arr-ssl"
        // for what host and path
        | "x-host" | "x-http-host-override" | "x-rewrite-url" | "x-envoy-original-path"
        // where files are that the proxy would send in the server's place
        | "x-accel-mapping" | "x-sendfile-type"
    )
}

/// Whether a claim is one that proxies in front of others set themselves, or take away: so it stands if one says so
/// that is trusted. An ordinary balancer passes `Remote-User` on as it came.
pub fn is_passed_on(claim: &str) -> bool {
    matches!(
        claim,
        "x-forwarded-for"
            | "x-forwarded-proto"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-forwarded-prefix"
            | "x-forwarded-server"
            | "forwarded"
            | "x-request-id"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxies_say_of_a_client_is_a_claim_and_what_a_client_says_of_itself_is_none() {
        for name in [
            "x-forwarded-for",
            "x-forwarded-ssl",
            "x-forwarded-client-cert",
            "x-forwarded-whatever",
            "x-original-url",
            "x-rewrite-url",
            "forwarded",
            "true-client-ip",
            "cf-connecting-ip",
            "client-cert",
            "x-request-id",
        ] {
            assert!(is_claim(name), "{name}");
        }
        for name in [
            "host",
            "cookie",
            "authorization",
            "origin",
            "referer",
            "user-agent",
            "x-forward",
            "x-originals",
            "x-requested-with",
            "x-http-method-override",
            "traceparent",
            "via",
        ] {
            assert!(!is_claim(name), "{name}");
        }
    }
}
