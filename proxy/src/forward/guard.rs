//! Fields that are not an operator's to edit.

/// Why a field is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// It says where a message ends or how its body is coded, or is about one connection (RFC 9110 section 7.6.1).
    Framing,
    /// We say it ourselves, of each request or response.
    Ours,
    /// There is always exactly one, which can be replaced but not taken away.
    Host,
}

/// The guard over a name in lower case, if there is one.
pub fn guard(name: &str) -> Option<Guard> {
    match name {
        "connection"
        | "content-encoding"
        | "content-length"
        | "expect"
        | "http2-settings"
        | "keep-alive"
        | "proxy"
        | "proxy-authenticate"
        | "proxy-authentication-info"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade" => Some(Guard::Framing),
        "forwarded" | "via" | "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto"
        | "x-request-id" => Some(Guard::Ours),
        "host" => Some(Guard::Host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;
    use crate::forward;

    #[test]
    fn what_we_say_of_each_response_is_guarded() {
        let mut fields = HeaderMap::new();
        forward::response(&mut fields, "id-1", false);
        assert_eq!(fields.len(), 2);
        for name in fields.keys() {
            assert_eq!(guard(name.as_str()), Some(Guard::Ours), "{name}");
        }
    }

    #[test]
    fn what_servers_and_applications_say_is_free() {
        for name in [
            "server",
            "x-powered-by",
            "set-cookie",
            "vary",
            "x-real-ip",
            "x-forwarded-prefix",
            "proxy-status",
            "authorization",
            "accept-encoding",
        ] {
            assert_eq!(guard(name), None, "{name}");
        }
    }
}
