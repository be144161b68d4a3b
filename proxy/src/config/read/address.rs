//! Addresses: those we accept on, and those of servers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use super::host;
use crate::config::model::Address;

/// What is wrong with a text, to follow the text itself, and what to write in its place.
type Wrong = (&'static str, String);

/// Reads `127.0.0.1:80`, `[::1]:80`, or `:80`, which stands for every address of IPv4 and IPv6.
///
/// Port 0 lets the system choose a free one.
pub(in crate::config) fn bind(written: &str) -> Result<Vec<SocketAddr>, Wrong> {
    if let Some(port) = written.strip_prefix(':').and_then(|port| port.parse().ok()) {
        return Ok(vec![
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
        ]);
    }
    if let Ok(address) = written.parse() {
        return Ok(vec![address]);
    }
    if written.parse::<u16>().is_ok() {
        let hint = format!("write \":{written}\" for every address, or 127.0.0.1:{written}");
        return Err(("has no host", hint));
    }
    let (host, port) = split(written)?;
    let hint = match host {
        "localhost" => format!("write 127.0.0.1:{port}"),
        "*" => format!("write \":{port}\""),
        _ => format!("write the address of an interface, or \":{port}\" for all"),
    };
    Err(("does not begin with an IP address", hint))
}

/// Reads `host:port`, `10.0.0.1:8000`, `[::1]:8000` or `unix:/run/app.sock`.
pub(in crate::config) fn server(written: &str) -> Result<Address, Wrong> {
    if let Some(path) = written.strip_prefix("unix:") {
        if path.starts_with('/') && !path.contains('\0') {
            return Ok(Address::Unix(PathBuf::from(path)));
        }
        let hint = "write a whole path, as in unix:/run/app.sock".to_owned();
        return Err(("is not the path of a socket", hint));
    }
    if written.starts_with('/') {
        return Err((
            "has no port",
            format!("if it is a socket, write unix:{written}"),
        ));
    }
    let address = match written.parse() {
        Ok(address) => Address::Socket(address),
        Err(_) => named(written)?,
    };
    let port = match &address {
        Address::Socket(address) => address.port(),
        Address::Named { port, .. } => *port,
        Address::Unix(_) => 1,
    };
    if port == 0 {
        return Err(("has port 0", "write a port from 1 to 65535".to_owned()));
    }
    Ok(address)
}

fn named(written: &str) -> Result<Address, Wrong> {
    let (name, port) = split(written)?;
    host::is_name(name)?;
    // What looks like an IPv4 address and is none would be looked up in the DNS for ever.
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err((
            "is not an IP address",
            "write four numbers of 0 to 255".to_owned(),
        ));
    }
    Ok(Address::Named {
        host: name.to_ascii_lowercase(),
        port,
    })
}

/// `host:port` in two.
fn split(written: &str) -> Result<(&str, u16), Wrong> {
    if let Some((_, rest)) = written.split_once("://") {
        let authority = rest.split('/').next().unwrap_or_default();
        return Err(("is a URL, not an address", format!("write {authority}")));
    }
    if let Ok(ip) = written.parse::<IpAddr>() {
        if let Some(meant) = last_group_as_port(written) {
            return Err(("needs brackets", format!("write \"{meant}\"")));
        }
        let example = SocketAddr::new(ip, 8080);
        return Err((
            "has no port",
            format!("write one behind it, as in {example}"),
        ));
    }
    if written.bytes().all(|b| b.is_ascii_digit()) && !written.is_empty() {
        return Err(("has no host", format!("write 127.0.0.1:{written}")));
    }
    let Some((host, port)) = written.rsplit_once(':') else {
        return Err((
            "has no port",
            format!("write one behind it, as in {written}:8080"),
        ));
    };
    if host.contains(':') && !host.starts_with('[') {
        return Err(("needs brackets", format!("write \"[{host}]:{port}\"")));
    }
    let Ok(number) = port.parse() else {
        return Err((
            "has no port",
            "a port is a number from 1 to 65535".to_owned(),
        ));
    };
    if host.is_empty() {
        return Err(("has no host", format!("write 127.0.0.1:{port}")));
    }
    Ok((host, number))
}

/// `::1:8080` is an IPv6 address, but hardly the one that was meant.
fn last_group_as_port(written: &str) -> Option<SocketAddr> {
    let (host, port) = written.rsplit_once(':')?;
    let is_likely = port.len() > 1 && !port.starts_with('0');
    let port = port.parse().ok().filter(|_| is_likely)?;
    Some(SocketAddr::new(IpAddr::V6(host.parse().ok()?), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_host_is_every_address() {
        let both = vec![
            "0.0.0.0:8080".parse().unwrap(),
            "[::]:8080".parse().unwrap(),
        ];
        assert_eq!(bind(":8080"), Ok(both));
        assert_eq!(bind("[::1]:0"), Ok(vec!["[::1]:0".parse().unwrap()]));
    }

    #[test]
    fn what_cannot_be_bound_is_refused() {
        let table = [
            (
                "8080",
                "has no host",
                "write \":8080\" for every address, or 127.0.0.1:8080",
            ),
            (
                "127.0.0.1",
                "has no port",
                "write one behind it, as in 127.0.0.1:8080",
            ),
            (
                "localhost:80",
                "does not begin with an IP address",
                "write 127.0.0.1:80",
            ),
            ("*:80", "does not begin with an IP address", "write \":80\""),
            ("::1:80", "needs brackets", "write \"[::1]:80\""),
            (
                ":99999",
                "has no port",
                "a port is a number from 1 to 65535",
            ),
            ("", "has no port", "write one behind it, as in :8080"),
            (
                "http://127.0.0.1:80/",
                "is a URL, not an address",
                "write 127.0.0.1:80",
            ),
        ];
        for (written, message, hint) in table {
            assert_eq!(bind(written), Err((message, hint.to_owned())), "{written}");
        }
    }

    #[test]
    fn a_server_shows_the_form_it_was_written_in() {
        let table = [
            "10.0.0.1:8000",
            "[::1]:8000",
            "app.lan:80",
            "my_app:80",
            "unix:/run/a.sock",
        ];
        for written in table {
            assert_eq!(server(written).unwrap().to_string(), written);
        }
    }

    #[test]
    fn what_is_no_server_is_refused() {
        let table = [
            ("app", "has no port"),
            ("app:", "has no port"),
            ("app:0", "has port 0"),
            ("10.0.0.1:0", "has port 0"),
            ("app:65536", "has no port"),
            (":8000", "has no host"),
            ("10.0.0.300:80", "is not an IP address"),
            ("app lan:80", "is not a host name"),
            ("fe80::x:80", "needs brackets"),
            ("http://app:80", "is a URL, not an address"),
            ("unix:app.sock", "is not the path of a socket"),
            ("/run/app.sock", "has no port"),
        ];
        for (written, message) in table {
            assert_eq!(server(written).map_err(|e| e.0), Err(message), "{written}");
        }
    }
}
