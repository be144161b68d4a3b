//! Origins of web pages, and patterns of them.

use crate::config::{
    model::OriginPattern,
    problem::{Located, Problem, Problems, quoted},
    read::host,
};

/// Reads `https://app.example.ch`, `https://*.example.ch:8443` or `null`, and gives it as browsers write it.
pub(super) fn origin(written: &Located<&str>, problems: &Problems) -> Option<OriginPattern> {
    parse(written.value)
        .map_err(|(message, hint)| {
            problems.push(
                Problem::error(format!("{} {message}", quoted(written.value)))
                    .at_value(written)
                    .hint(hint),
            );
        })
        .ok()
}

type Fault = (&'static str, String);

fn parse(written: &str) -> Result<OriginPattern, Fault> {
    if written == "null" {
        return Ok(OriginPattern::Exact(written.to_owned()));
    }
    let origin = written.to_ascii_lowercase();
    let Some((scheme, rest)) = origin.split_once("://") else {
        return Err(("is not an origin", format!("write https://{origin}")));
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !is_scheme {
        return Err(("has no scheme", "write https:// before the host".to_owned()));
    }
    if let Some((host, _)) = rest.split_once(['/', '?', '#']) {
        let hint = format!("an origin ends with the host or port: write {scheme}://{host}");
        return Err(("holds a path", hint));
    }
    let (name, port) = split_port(rest);
    let port = match port {
        None => String::new(),
        Some(port) => shown(scheme, port)?,
    };
    if name.starts_with('[') {
        let address = name.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
        let address = address.and_then(|it| it.parse::<std::net::Ipv6Addr>().ok());
        let Some(address) = address else {
            return Err(("has no IPv6 address", "write https://[::1]".to_owned()));
        };
        return Ok(OriginPattern::Exact(format!(
            "{scheme}://[{address}]{port}"
        )));
    }
    if let Some(below) = name.strip_prefix("*.") {
        host::is_name(below)?;
        return Ok(OriginPattern::Below {
            scheme: format!("{scheme}://"),
            suffix: format!(".{below}{port}"),
        });
    }
    host::is_name(name)?;
    Ok(OriginPattern::Exact(format!("{scheme}://{name}{port}")))
}

/// The colons inside of brackets are not the port's.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (authority, None),
    }
}

/// The port with its colon; nothing if it is that of the scheme, which browsers leave out.
fn shown(scheme: &str, port: &str) -> Result<String, Fault> {
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse::<u16>().ok().filter(|_| is_number);
    match (scheme, number) {
        (_, None | Some(0)) => {
            let hint = "write a port from 1 to 65535, or none".to_owned();
            Err(("has no good port", hint))
        }
        ("http", Some(80)) | ("https", Some(443)) => Ok(String::new()),
        (_, Some(number)) => Ok(format!(":{number}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(origin: &str) -> OriginPattern {
        OriginPattern::Exact(origin.to_owned())
    }

    fn below(scheme: &str, suffix: &str) -> OriginPattern {
        OriginPattern::Below {
            scheme: scheme.to_owned(),
            suffix: suffix.to_owned(),
        }
    }

    #[test]
    fn origins_are_kept_as_browsers_write_them() {
        for (written, expected) in [
            ("https://app.example.ch", exact("https://app.example.ch")),
            (
                "HTTPS://App.Example.CH:443",
                exact("https://app.example.ch"),
            ),
            ("http://localhost:80", exact("http://localhost")),
            ("http://localhost:443", exact("http://localhost:443")),
            ("https://a.ch:08443", exact("https://a.ch:8443")),
            ("http://127.0.0.1:3000", exact("http://127.0.0.1:3000")),
            ("https://[0:0::1]:8443", exact("https://[::1]:8443")),
            ("https://[::1]", exact("https://[::1]")),
            ("capacitor://localhost", exact("capacitor://localhost")),
            ("null", exact("null")),
            ("https://*.example.ch", below("https://", ".example.ch")),
            ("https://*.example.ch:443", below("https://", ".example.ch")),
            ("http://*.a.ch:81", below("http://", ".a.ch:81")),
        ] {
            assert_eq!(parse(written), Ok(expected), "{written}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for written in [
            "",
            "*",
            "app.example.ch",
            "https://",
            "https://app.example.ch/",
            "https://app.example.ch/path",
            "https://app.example.ch?x",
            "https://user@app.example.ch",
            "https://a.ch:",
            "https://a.ch:0",
            "https://a.ch:+1",
            "https://a.ch:99999",
            "https://a*.example.ch",
            "https://*",
            "https://a.*.ch",
            "https://[::g]",
            "https://zürich.ch",
            "1://a.ch",
            "://a.ch",
            "NULL",
        ] {
            assert!(parse(written).is_err(), "{written}");
        }
    }
}
