//! The header of the PROXY protocol that a connection to a server begins with; `admit/proxy_header.rs` reads it.
//!
//! The source is HAProxy's specification, `doc/proxy-protocol.txt`, sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::{admit::proxy_header::Ends, config::model::ProxyVersion};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// What one connection to a server is for. Connections with different headers are never mistaken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProxyHeader {
    pub version: ProxyVersion,
    /// Nothing where the connection is our own.
    pub ends: Option<Ends>,
}

impl ProxyHeader {
    /// Of a check on a connection between these ends, if they have addresses.
    ///
    /// Version 2 has a command for it. In version 1 `UNKNOWN` comes nearest, which some servers refuse: so
    /// the ends are named, as the specification recommends in section 2.1.
    pub fn of_check(version: ProxyVersion, ends: Option<Ends>) -> Self {
        let ends = match version {
            ProxyVersion::V1 => ends,
            ProxyVersion::V2 => None,
        };
        Self { version, ends }
    }

    /// The bytes to begin with, to be sent at once. Where one of the addresses is of IPv6, so are both, as
    /// HAProxy does it: an IPv4 address is mapped.
    pub fn to_bytes(self) -> Vec<u8> {
        match (self.version, self.ends) {
            (ProxyVersion::V1, None) => b"PROXY UNKNOWN\r\n".to_vec(),
            (ProxyVersion::V1, Some(ends)) => line(&ends).into_bytes(),
            (ProxyVersion::V2, None) => binary(LOCAL, 0x00, &[]),
            (ProxyVersion::V2, Some(ends)) => binary_of(&ends),
        }
    }
}

fn line(ends: &Ends) -> String {
    let Ends {
        source,
        destination,
    } = ends;
    let ports = format!("{} {}", source.port(), destination.port());
    match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            format!("PROXY TCP4 {source} {destination} {ports}\r\n")
        }
        (source, destination) => {
            let (source, destination) = (as_ipv6(source), as_ipv6(destination));
            format!("PROXY TCP6 {source} {destination} {ports}\r\n")
        }
    }
}

fn binary_of(ends: &Ends) -> Vec<u8> {
    let ports = [ends.source, ends.destination].map(|end: SocketAddr| end.port().to_be_bytes());
    let ports = ports.as_flattened();
    match (ends.source.ip(), ends.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let block = [&source.octets(), &destination.octets(), ports].concat();
            binary(PROXY, 0x11, &block)
        }
        (source, destination) => {
            let (source, destination) = (as_ipv6(source), as_ipv6(destination));
            let block = [&source.octets()[..], &destination.octets(), ports].concat();
            binary(PROXY, 0x21, &block)
        }
    }
}

/// The longest block, of two IPv6 addresses and their ports, has 36 bytes.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u8::try_from(block.len()).unwrap_or(u8::MAX);
    [&SIGNATURE[..], &[command, family, 0, length], block].concat()
}

fn as_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: ProxyVersion, source: &str, destination: &str) -> Vec<u8> {
        let ends = Ends {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
        };
        let ends = Some(ends);
        ProxyHeader { version, ends }.to_bytes()
    }

    #[test]
    fn version_1_is_a_line_of_the_two_ends() {
        for (source, destination, expected) in [
            (
                "192.0.2.1:56324",
                "198.51.100.2:443",
                "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
            ),
            (
                "[2001:db8::1]:0",
                "[2001:db8::2]:443",
                "PROXY TCP6 2001:db8::1 2001:db8::2 0 443\r\n",
            ),
            (
                "192.0.2.1:1",
                "[2001:db8::2]:2",
                "PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n",
            ),
        ] {
            let bytes = header(ProxyVersion::V1, source, destination);
            assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn version_2_is_the_signature_the_length_and_the_two_ends() {
        let bytes = header(ProxyVersion::V2, "192.0.2.1:258", "198.51.100.2:443");
        let expected =
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\0\x02\x01\xc6\x33\x64\x02\x01\x02\x01\xbb";
        assert_eq!(bytes, expected);
        let bytes = header(ProxyVersion::V2, "[2001:db8::1]:1", "192.0.2.1:2");
        assert_eq!(bytes.len(), 16 + 36);
        assert_eq!(bytes[12..16], [0x21, 0x21, 0, 36]);
        assert_eq!(
            bytes[32..48],
            *b"\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\x02\x01"
        );
    }

    #[test]
    fn a_connection_of_our_own_names_nobody() {
        let bytes = |version| {
            ProxyHeader {
                version,
                ends: None,
            }
            .to_bytes()
        };
        assert_eq!(bytes(ProxyVersion::V1), b"PROXY UNKNOWN\r\n");
        assert_eq!(bytes(ProxyVersion::V2), b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0");
    }

    #[test]
    fn a_check_by_version_1_names_its_own_ends() {
        let ends = Some(Ends {
            source: "192.0.2.1:1".parse().unwrap(),
            destination: "192.0.2.2:80".parse().unwrap(),
        });
        let bytes = |version, ends| ProxyHeader::of_check(version, ends).to_bytes();
        let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n";
        assert_eq!(bytes(ProxyVersion::V1, ends), line);
        assert_eq!(bytes(ProxyVersion::V1, None), b"PROXY UNKNOWN\r\n");
        assert_eq!(bytes(ProxyVersion::V2, ends)[12..], [0x20, 0, 0, 0]);
    }
}
