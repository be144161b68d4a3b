//! The host a request is for, in the one form that routes, certificates and servers see.

use std::{borrow::Cow, fmt, net::Ipv6Addr};

use crate::respond::Refusal;

/// A host in normal form: lower case, no trailing dot, the port apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Host<'a> {
    name: Cow<'a, str>,
    port: Option<u16>,
}

/// Why an authority is not a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHost {
    Empty,
    Userinfo,
    Port,
    /// A label that is empty or longer than 63, or a name longer than 253 (RFC 1035, section 2.3.4).
    Length,
    /// Something other than letters, digits, `-`, `.` and `_`.
    Character,
    /// Brackets round something that is not an IPv6 address.
    Literal,
}

impl BadHost {
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Empty => "the host is empty",
            Self::Userinfo => "the host holds user information",
            Self::Port => "the host's port is not a number from 0 to 65535",
            Self::Length => "the host is too long or has an empty or too long label",
            Self::Character => "the host holds a character that no host name has",
            Self::Literal => "the host's brackets do not hold an IPv6 address",
        }
    }
}

impl From<BadHost> for Refusal {
    fn from(bad: BadHost) -> Self {
        Self::Malformed(bad.reason())
    }
}

impl<'a> Host<'a> {
    /// Reads a `Host` header or the authority of a target: `name[:port]`, `1.2.3.4[:port]` or `[v6][:port]`.
    ///
    /// Stricter than RFC 3986, which allows nearly anything in a name: only what resolves on the internet, with `_` added
    /// because real networks use it. Borrows unless letters are upper case or the host is an IPv6 literal, which gets
    /// its canonical text (RFC 5952).
    ///
    /// # Errors
    /// What stands there is not a host in this sense.
    pub fn parse(authority: &'a [u8]) -> Result<Self, BadHost> {
        let Ok(authority) = str::from_utf8(authority) else {
            return Err(BadHost::Character);
        };
        if authority.contains('@') {
            return Err(BadHost::Userinfo);
        }
        if let Some(literal) = authority.strip_prefix('[') {
            return parse_literal(literal);
        }
        let (name, port) = match authority.split_once(':') {
            Some((name, port)) => (name, Some(parse_port(port)?)),
            None => (authority, None),
        };
        let name = parse_name(name.strip_suffix('.').unwrap_or(name))?;
        Ok(Self { name, port })
    }

    /// The same host, on its own feet.
    pub fn into_owned(self) -> Host<'static> {
        Host {
            name: Cow::Owned(self.name.into_owned()),
            port: self.port,
        }
    }

    /// Lower case, without port or trailing dot; an IPv6 literal keeps its brackets.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// What it is written with, in a row; `digits` has room for a port.
    pub fn parts<'b>(&'b self, digits: &'b mut itoa::Buffer) -> [&'b [u8]; 3] {
        match self.port {
            None => [self.name.as_bytes(), b"", b""],
            Some(port) => [self.name.as_bytes(), b":", digits.format(port).as_bytes()],
        }
    }

    /// Whether that is how it is written here, letter for letter.
    pub fn is_written(&self, authority: &[u8]) -> bool {
        let Some(rest) = authority.strip_prefix(self.name.as_bytes()) else {
            return false;
        };
        match (self.port, rest) {
            (None, rest) => rest.is_empty(),
            (Some(port), [b':', digits @ ..]) => {
                itoa::Buffer::new().format(port).as_bytes() == digits
            }
            (Some(_), _) => false,
        }
    }
}

/// As `Host` and authorities name it: with the port, if one was given.
impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn parse_name(name: &str) -> Result<Cow<'_, str>, BadHost> {
    if name.is_empty() {
        return Err(BadHost::Empty);
    }
    if name.len() > 253 {
        return Err(BadHost::Length);
    }
    let mut label = 0;
    let mut upper = false;
    for byte in name.bytes() {
        label = match byte {
            b'.' if label == 0 => return Err(BadHost::Length),
            b'.' => 0,
            b'-' | b'_' => label + 1,
            _ if byte.is_ascii_alphanumeric() => label + 1,
            _ => return Err(BadHost::Character),
        };
        if label > 63 {
            return Err(BadHost::Length);
        }
        upper |= byte.is_ascii_uppercase();
    }
    if label == 0 {
        return Err(BadHost::Length);
    }
    Ok(if upper {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    })
}

/// What follows the opening bracket.
fn parse_literal(literal: &str) -> Result<Host<'static>, BadHost> {
    let (address, after) = literal.split_once(']').ok_or(BadHost::Literal)?;
    let Ok(address) = address.parse::<Ipv6Addr>() else {
        return Err(BadHost::Literal);
    };
    let port = match after.strip_prefix(':') {
        Some(port) => Some(parse_port(port)?),
        None if after.is_empty() => None,
        None => return Err(BadHost::Port),
    };
    let name = Cow::Owned(format!("[{address}]"));
    Ok(Host { name, port })
}

/// Digits alone: the standard library would also take a sign.
fn parse_port(port: &str) -> Result<u16, BadHost> {
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadHost::Port);
    }
    port.parse().ok().ok_or(BadHost::Port)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_gets_its_normal_form() {
        for (authority, name, port) in [
            ("example.ch", "example.ch", None),
            ("Example.CH", "example.ch", None),
            ("example.ch:8080", "example.ch", Some(8080)),
            ("example.ch.", "example.ch", None),
            ("example.ch.:443", "example.ch", Some(443)),
            ("localhost", "localhost", None),
            ("my_host-1", "my_host-1", None),
            ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
            ("10.0.0.1:80", "10.0.0.1", Some(80)),
            ("[::1]", "[::1]", None),
            ("[2001:DB8:0::1]:443", "[2001:db8::1]", Some(443)),
            ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", None),
            ("a:0", "a", Some(0)),
            ("a:65535", "a", Some(65535)),
        ] {
            let host = Host::parse(authority.as_bytes()).unwrap();
            assert_eq!((host.name(), host.port()), (name, port), "{authority}");
        }
    }

    #[test]
    fn a_host_in_lower_case_is_borrowed() {
        let host = Host::parse(b"example.ch.:8080").unwrap();
        assert!(matches!(host.name, Cow::Borrowed("example.ch")));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        let long_label = "a".repeat(64);
        let long_name = "a.".repeat(126) + "ab";
        for (authority, bad) in [
            ("", BadHost::Empty),
            (".", BadHost::Empty),
            (":80", BadHost::Empty),
            ("example.ch:", BadHost::Port),
            ("example.ch:+80", BadHost::Port),
            ("example.ch:80a", BadHost::Port),
            ("example.ch:65536", BadHost::Port),
            ("example.ch:80:80", BadHost::Port),
            ("::1", BadHost::Port),
            ("user@example.ch", BadHost::Userinfo),
            ("user:password@example.ch", BadHost::Userinfo),
            ("example..ch", BadHost::Length),
            (".example.ch", BadHost::Length),
            ("example.ch..", BadHost::Length),
            (&long_label, BadHost::Length),
            (&long_name, BadHost::Length),
            ("exa mple.ch", BadHost::Character),
            ("example.ch/x", BadHost::Character),
            ("example.ch#x", BadHost::Character),
            ("a,b", BadHost::Character),
            ("ex%61mple.ch", BadHost::Character),
            ("bücher.example", BadHost::Character),
            ("a\0b", BadHost::Character),
            ("*", BadHost::Character),
            ("a\\b", BadHost::Character),
            ("[::1", BadHost::Literal),
            ("[]", BadHost::Literal),
            ("[1.2.3.4]", BadHost::Literal),
            ("[fe80::1%25eth0]", BadHost::Literal),
            ("[v1.x]", BadHost::Literal),
            ("[::1].", BadHost::Port),
            ("[::1]80", BadHost::Port),
            ("[::1]:", BadHost::Port),
        ] {
            assert_eq!(Host::parse(authority.as_bytes()), Err(bad), "{authority:?}");
        }
        assert_eq!(Host::parse(b"\xff.ch"), Err(BadHost::Character));
    }

    #[test]
    fn the_longest_name_and_label_are_accepted() {
        let label = "a".repeat(63);
        let name = [&label[..], &label, &label, &label[..61]].join(".");
        assert_eq!(name.len(), 253);
        assert_eq!(Host::parse(name.as_bytes()).unwrap().name(), name);
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(
            authority in "[a-zA-Z0-9._:\\[\\]@-]{0,20}|[A-Za-z]{1,5}(\\.[a-z_]{1,5}){0,3}\\.?(:[0-9]{1,6})?",
        ) {
            if let Ok(host) = Host::parse(authority.as_bytes()) {
                prop_assert!(!host.name().is_empty());
                let again = Host::parse(host.name().as_bytes()).unwrap();
                prop_assert_eq!(again.name(), host.name());
                prop_assert_eq!(again.port(), None);
            }
        }

        #[test]
        fn any_bytes_are_a_host_or_refused_without_a_panic(
            authority in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let _ = Host::parse(&authority);
        }
    }
}
