//! Host names, and patterns of them.

use crate::config::{
    model::HostPattern,
    problem::{Located, Problem, Problems, quoted},
};

/// Letters of a host name at most (RFC 1035, section 3.1, as text).
const LONGEST: usize = 253;

/// Letters between two dots at most.
const LONGEST_LABEL: usize = 63;

/// Reads `example.ch`, `*.example.ch` or `[::1]`; lower case, without a trailing dot.
pub(super) fn host(written: &Located<&str>, problems: &Problems) -> Option<HostPattern> {
    match parse(written.value) {
        Ok(host) => Some(host),
        Err((message, hint)) => {
            problems.push(
                Problem::error(format!("{} {message}", quoted(written.value)))
                    .at_value(written)
                    .hint(hint),
            );
            None
        }
    }
}

fn parse(written: &str) -> Result<HostPattern, (&'static str, String)> {
    let host = written.to_ascii_lowercase();
    let host = host.strip_suffix('.').unwrap_or(&host);
    if let Some(inner) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        let Ok(address) = inner.parse::<std::net::Ipv6Addr>() else {
            return Err(("is not an IPv6 address", "write [::1]".to_owned()));
        };
        return Ok(HostPattern::Exact(format!("[{address}]")));
    }
    if let Some((_, rest)) = host.split_once("://") {
        let bare = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(("is a URL, not a host name", format!("write {bare}")));
    }
    if let Some((bare, _)) = host.split_once('/') {
        let hint = format!("write {bare}; paths have keys of their own");
        return Err(("holds a path", hint));
    }
    if host.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(("needs brackets", format!("write \"[{host}]\"")));
    }
    if let Some((bare, _)) = host.split_once(':') {
        let hint = format!("write {bare}; a host matches on every port");
        return Err(("has a port", hint));
    }
    if host == "*" {
        let hint = "a * stands for the leftmost part of a name, as in \"*.example.ch\"".to_owned();
        return Err(("is not a host name", hint));
    }
    let (suffix, is_suffix) = match host.strip_prefix("*.") {
        Some(suffix) => (suffix, true),
        None => (host, false),
    };
    is_name(suffix)?;
    Ok(if is_suffix {
        HostPattern::Suffix(suffix.to_owned())
    } else {
        HostPattern::Exact(host.to_owned())
    })
}

/// Whether a text is a host name: labels of letters, digits, `-` and `_`.
pub(super) fn is_name(host: &str) -> Result<(), (&'static str, String)> {
    if host.contains('*') {
        let hint = "a * stands for the leftmost part of a name, as in \"*.example.ch\"".to_owned();
        return Err(("has a * in the wrong place", hint));
    }
    if !host.is_ascii() {
        let hint = "write it in its ASCII form, which begins with xn--".to_owned();
        return Err(("has letters that host names do not have", hint));
    }
    let strange = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if let Some(strange) = host.chars().find(|c| strange(*c)) {
        let hint = format!("remove {}", quoted(&strange.to_string()));
        return Err(("is not a host name", hint));
    }
    if host.len() > LONGEST || host.split('.').any(|label| label.len() > LONGEST_LABEL) {
        let hint = "at most 253 letters, and 63 between two dots".to_owned();
        return Err(("is too long for a host name", hint));
    }
    let is_broken =
        |label: &str| label.is_empty() || label.starts_with('-') || label.ends_with('-');
    if host.split('.').any(is_broken) {
        let hint = "write letters and digits between the dots, as in www.example.ch".to_owned();
        return Err(("is not a host name", hint));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_kept_in_one_form() {
        let exact = |host: &str| HostPattern::Exact(host.to_owned());
        let table = [
            ("example.ch", exact("example.ch")),
            ("Example.CH.", exact("example.ch")),
            ("localhost", exact("localhost")),
            ("my_app.lan", exact("my_app.lan")),
            ("127.0.0.1", exact("127.0.0.1")),
            ("[0:0::1]", exact("[::1]")),
            ("*.Example.ch", HostPattern::Suffix("example.ch".to_owned())),
        ];
        for (written, expected) in table {
            assert_eq!(parse(written), Ok(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let long = "a".repeat(64);
        let table = [
            ("", "is not a host name"),
            (".", "is not a host name"),
            ("*", "is not a host name"),
            ("*.", "is not a host name"),
            ("a..b", "is not a host name"),
            ("-a.ch", "is not a host name"),
            ("a b.ch", "is not a host name"),
            ("a.*.ch", "has a * in the wrong place"),
            ("*a.ch", "has a * in the wrong place"),
            ("zürich.ch", "has letters that host names do not have"),
            (&long, "is too long for a host name"),
            ("https://a.ch/x", "is a URL, not a host name"),
            ("a.ch/x", "holds a path"),
            ("a.ch:80", "has a port"),
            ("::1", "needs brackets"),
            ("[::1", "has a port"),
            ("[a]", "is not an IPv6 address"),
        ];
        for (written, message) in table {
            assert_eq!(parse(written).map_err(|e| e.0), Err(message), "{written}");
        }
    }
}
