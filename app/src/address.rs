//! Where a server listens and who calls, as people write and read it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where to listen, as it is written: `127.0.0.1:9001`, `[::1]:9001` or `unix:/path.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bind {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("a path is missing after unix:".to_owned()),
                path => Ok(Self::Unix(path.into())),
            };
        }
        let explain = |_| {
            "give an address and a port such as 127.0.0.1:9001 or [::1]:9001, or unix:/path.sock"
                .to_owned()
        };
        text.parse().map(Self::Tcp).map_err(explain)
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Who is at the other end. A Unix client has no address worth showing.
#[derive(Clone, Copy, Debug)]
pub enum Peer {
    Tcp(SocketAddr),
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("unix"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_port_or_a_path() {
        for text in [
            "127.0.0.1:9001",
            "[::1]:9001",
            "0.0.0.0:0",
            "unix:/run/app.sock",
        ] {
            assert_eq!(text.parse::<Bind>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "9001",
            ":9001",
            "127.0.0.1",
            "127.0.0.1:70000",
            "::1:9001:",
            "unix:",
            "/run/app.sock",
        ] {
            assert!(text.parse::<Bind>().is_err(), "{text:?}");
        }
    }
}
