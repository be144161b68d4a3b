//! The guard against forged actions: a form is obeyed only if the page itself has sent it.
//!
//! A browser that knows a user's password adds it to whatever another site makes it send. But it says in `Origin`, or at
//! least in `Referer`, whose page it was, and no site can change that.

use std::fmt;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{HOST, ORIGIN, REFERER},
    uri::Authority,
};

use crate::admit::{X_FORWARDED_HOST, X_FORWARDED_PROTO};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Letters of a host that are told.
const MOST_TOLD: usize = 100;

/// What a browser calls an origin (RFC 6454).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Site {
    scheme: Scheme,
    host: String,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Why a request is not the page's own, if so.
///
/// It is if `Origin` is there, or else `Referer`, and names the site that was asked for: by `X-Forwarded-Host` and
/// `X-Forwarded-Proto` of a proxy before us, or else by `Host` and without TLS. That anybody may claim these two is no
/// way round: no browser lets another site send them unless we agree to it first, and we never do. Where
/// `Sec-Fetch-Site` is there, it has to agree.
pub(super) fn check(uri: &Uri, fields: &HeaderMap) -> Result<(), String> {
    for said in fields.get_all(SEC_FETCH_SITE) {
        if said != "same-origin" && said != "none" {
            return Err("the browser says that another site has sent it".to_owned());
        }
    }
    let theirs = match (only(fields, &ORIGIN)?, only(fields, &REFERER)?) {
        (Some(origin), _) => Site::parse(origin).ok_or("its Origin is no site")?,
        (None, Some(referer)) => Site::parse(referer).ok_or("its Referer is no site")?,
        (None, None) => return Err("neither Origin nor Referer says where it is from".to_owned()),
    };
    let ours = Site::asked_for(uri, fields)?;
    if theirs == ours {
        Ok(())
    } else {
        Err(format!("it is from {theirs}, not from {ours}"))
    }
}

impl Site {
    fn parse(value: &HeaderValue) -> Option<Self> {
        let uri: Uri = value.to_str().ok()?.parse().ok()?;
        let scheme = Scheme::parse(uri.scheme_str()?)?;
        Self::of(scheme, uri.authority()?)
    }

    fn of(scheme: Scheme, authority: &Authority) -> Option<Self> {
        let host = Some(authority.host()).filter(|host| !host.is_empty())?;
        // A user name would stand before the host.
        let port = match authority.as_str().strip_prefix(host)? {
            "" => scheme.port(),
            port => port.strip_prefix(':')?.parse().ok()?,
        };
        Some(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    fn asked_for(uri: &Uri, fields: &HeaderMap) -> Result<Self, String> {
        let scheme = match only(fields, &X_FORWARDED_PROTO)? {
            Some(proto) => proto.to_str().ok().and_then(Scheme::parse),
            None => Some(Scheme::Http),
        };
        let forwarded = only(fields, &X_FORWARDED_HOST)?;
        let host = only(fields, &HOST)?;
        let authority = match (forwarded, uri.authority()) {
            (None, Some(in_target)) => Some(in_target.clone()),
            (named, _) => named
                .or(host)
                .and_then(|host| host.to_str().ok()?.parse().ok()),
        };
        let site = scheme.and_then(|scheme| Self::of(scheme, &authority?));
        site.ok_or_else(|| "it does not say by one name for which site it is".to_owned())
    }
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        let is = |scheme: &str| text.eq_ignore_ascii_case(scheme);
        if is("https") {
            Some(Self::Https)
        } else {
            is("http").then_some(Self::Http)
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{:.MOST_TOLD$}", self.host)?;
        if self.port == self.scheme.port() {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

/// The one value of a field that may not stand twice.
fn only<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, String> {
    let mut values = fields.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(format!("its {name} stands twice"));
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(fields: &[(&'static str, &'static str)]) -> Result<(), String> {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        check(&Uri::from_static("/stats"), &map)
    }

    const HERE: (&str, &str) = ("host", "127.0.0.1:8404");

    #[test]
    fn the_page_itself_may_act_wherever_it_is_reached() {
        let table: [&[(&str, &str)]; 11] = [
            &[HERE, ("origin", "http://127.0.0.1:8404")],
            &[HERE, ("origin", "HTTP://127.0.0.1:8404")],
            &[HERE, ("referer", "http://127.0.0.1:8404/stats;up?scope=a")],
            &[
                HERE,
                ("origin", "http://127.0.0.1:8404"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[
                HERE,
                ("origin", "http://127.0.0.1:8404"),
                ("sec-fetch-site", "none"),
            ],
            &[("host", "[::1]:8404"), ("origin", "http://[::1]:8404")],
            &[("host", "Localhost"), ("origin", "http://localhost")],
            &[("host", "localhost:80"), ("origin", "http://localhost")],
            &[
                HERE,
                ("x-forwarded-host", "ops.example"),
                ("x-forwarded-proto", "https"),
                ("origin", "https://ops.example"),
            ],
            &[
                HERE,
                ("x-forwarded-host", "ops.example:8443"),
                ("x-forwarded-proto", "https"),
                ("referer", "https://ops.example:8443/stats"),
            ],
            &[
                ("host", "ops.example"),
                ("x-forwarded-proto", "https"),
                ("origin", "https://ops.example:443"),
            ],
        ];
        for fields in table {
            assert_eq!(checked(fields), Ok(()), "{fields:?}");
        }
    }

    #[test]
    fn whatever_else_sends_a_form_is_not_obeyed_and_told_why() {
        const OURS: (&str, &str) = ("origin", "http://127.0.0.1:8404");
        let table: [(&[(&str, &str)], &str); 22] = [
            (&[HERE], "neither Origin nor Referer"),
            (&[HERE, ("origin", "null")], "Origin is no site"),
            (&[HERE, ("origin", "")], "Origin is no site"),
            (
                &[
                    HERE,
                    ("origin", "null"),
                    ("referer", "http://127.0.0.1:8404/stats"),
                ],
                "Origin is no site",
            ),
            (
                &[HERE, ("origin", "http://evil.example")],
                "it is from http://evil.example, not from http://127.0.0.1:8404",
            ),
            (
                &[HERE, ("origin", "http://127.0.0.1")],
                "from http://127.0.0.1,",
            ),
            (&[HERE, ("origin", "http://127.0.0.1:8405")], "8405, not"),
            (&[HERE, ("origin", "http://localhost:8404")], "localhost"),
            (&[HERE, ("origin", "https://127.0.0.1:8404")], "https://"),
            (&[HERE, ("origin", "ftp://127.0.0.1:8404")], "no site"),
            (
                &[HERE, ("origin", "http://127.0.0.1:8404@evil.example")],
                "no site",
            ),
            (
                &[HERE, ("origin", "http://127.0.0.1:8404.evil.example")],
                "no site",
            ),
            (&[HERE, ("origin", "127.0.0.1:8404")], "no site"),
            (&[HERE, ("origin", "/stats")], "no site"),
            (
                &[
                    HERE,
                    ("referer", "http://evil.example/http://127.0.0.1:8404"),
                ],
                "evil",
            ),
            (&[HERE, ("referer", "about:blank")], "Referer is no site"),
            (
                &[HERE, OURS, ("sec-fetch-site", "cross-site")],
                "another site",
            ),
            (
                &[HERE, OURS, ("sec-fetch-site", "same-site")],
                "another site",
            ),
            (&[HERE, OURS, OURS], "origin stands twice"),
            (&[OURS], "for which site"),
            (&[HERE, HERE, OURS], "host stands twice"),
            (
                &[HERE, OURS, ("x-forwarded-host", "ops.example")],
                "not from http://ops",
            ),
        ];
        for (fields, expected) in table {
            let why = checked(fields).unwrap_err();
            assert!(why.contains(expected), "{fields:?}: {why}");
        }
    }

    #[test]
    fn a_host_in_the_target_comes_before_that_of_the_field() {
        let mut fields = HeaderMap::new();
        fields.insert(HOST, HeaderValue::from_static("localhost"));
        fields.insert(ORIGIN, HeaderValue::from_static("http://localhost"));
        assert!(check(&Uri::from_static("http://localhost/stats"), &fields).is_ok());
        assert!(check(&Uri::from_static("http://127.0.0.1/stats"), &fields).is_err());
    }
}
