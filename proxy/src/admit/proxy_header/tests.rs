//! Headers as proxies send them, and as they should not.

use proptest::prelude::*;

use super::*;
use crate::{config::model::ProxyVersion, forward::ProxyHeader};

fn ends(source: &str, destination: &str) -> Ends {
    Ends {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    }
}

/// Version 2 with a length that is right.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, block].concat()
}

/// 192.0.2.1:258 to 198.51.100.2:443
const IPV4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 1, 2, 1, 187];

fn proxy(extras: &[u8]) -> Vec<u8> {
    binary(0x21, 0x11, &[&IPV4, extras].concat())
}

/// With a checksum that is right, between other extras.
fn proxy_with_checksum() -> Vec<u8> {
    let mut header = proxy(b"\x04\0\x02no\x03\0\x04\0\0\0\0\x01\0\x02h2");
    let sum = crc32c(header.iter().copied()).to_be_bytes();
    header[36..40].copy_from_slice(&sum);
    header
}

fn whole(ends: Option<Ends>, length: usize) -> Reading {
    Reading::Whole(Header { ends, length })
}

#[test]
fn a_line_of_version_1_names_the_client_or_nobody() {
    let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    for (line, expected) in [
        (
            "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
            Some(ends("192.0.2.1:56324", "198.51.100.2:443")),
        ),
        (
            "PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n",
            Some(ends("255.255.255.255:65535", "0.0.0.0:0")),
        ),
        (
            "PROXY TCP6 2001:db8::1 2001:DB8:0::2 1 2\r\n",
            Some(ends("[2001:db8::1]:1", "[2001:db8::2]:2")),
        ),
        (
            "PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n",
            Some(ends("192.0.2.1:1", "198.51.100.2:2")),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN \r\n", None),
        ("PROXY UNKNOWN whatever it says \x7f\r\n", None),
        (
            &format!("PROXY UNKNOWN {longest} {longest} 65535 65535\r\n"),
            None,
        ),
    ] {
        assert_eq!(
            parse(line.as_bytes()),
            whole(expected, line.len()),
            "{line}"
        );
        let more = [line.as_bytes(), b"GET / HTTP/1.1\r\n"].concat();
        assert_eq!(parse(&more), whole(expected, line.len()), "{line}");
    }
}

#[test]
fn what_is_almost_a_line_of_version_1_is_bad() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY\tTCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2 198.51.100.2 1 2\r\n",
        "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP6 [2001:db8::1] [2001:db8::2] 1 2\r\n",
        "PROXY TCP6 fe80::1%1 2001:db8::2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 00 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 \r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rX",
        "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\r\r\n",
        "PROXY UNKNOWN a\nb\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.\u{e9} 1 2\r\n",
        &format!("PROXY UNKNOWN {}\r\n", "x".repeat(92)),
        &format!("PROXY UNKNOWN {}", "x".repeat(93)),
    ] {
        assert!(matches!(parse(line.as_bytes()), Reading::Bad(_)), "{line}");
    }
}

#[test]
fn a_header_of_version_2_names_the_client_or_nobody() {
    let ipv6 = [
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2],
        &[0, 1, 0, 2],
    ]
    .concat();
    let client = Some(ends("192.0.2.1:258", "198.51.100.2:443"));
    for (header, expected) in [
        (proxy(b""), client),
        (proxy(b"\x04\0\0"), client),
        (proxy(b"\x01\0\x02h2\xe0\0\x01x"), client),
        (proxy(&[&b"\x04\x07\xe1"[..], &[0; 2017]].concat()), client),
        (proxy_with_checksum(), client),
        (
            binary(0x21, 0x21, &ipv6),
            Some(ends("[2001:db8::1]:1", "[2001:db8::2]:2")),
        ),
        (binary(0x21, 0x00, b""), None),
        (binary(0x21, 0x00, b"\x04\0\0"), None),
        (binary(0x21, 0x31, &[b'/'; 216]), None),
        (binary(0x20, 0x00, b""), None),
        (binary(0x20, 0x11, &IPV4), None),
        (binary(0x20, 0x12, b"whatever"), None),
        (binary(0x20, 0xff, &[0; LONGEST - FIXED]), None),
    ] {
        assert_eq!(parse(&header), whole(expected, header.len()), "{header:x?}");
        let more = [&header[..], b"\x16\x03\x01"].concat();
        assert_eq!(parse(&more), whole(expected, header.len()), "{header:x?}");
    }
}

#[test]
fn what_is_almost_a_header_of_version_2_is_bad() {
    let no_header = "does not begin with a header";
    let command = "has an unknown version or command";
    let family = "has an unknown family or transport";
    let datagrams = "is for datagrams";
    let short = "is too short for its addresses";
    let long = "is longer than 2048 bytes";
    for (header, reason) in [
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), no_header),
        (b"\r\nGET / HTTP/1.1\r\n".to_vec(), no_header),
        (binary(0x11, 0x11, &IPV4), command),
        (binary(0x31, 0x11, &IPV4), command),
        (binary(0x22, 0x11, &IPV4), command),
        (binary(0x21, 0x12, &IPV4), datagrams),
        (binary(0x21, 0x22, &[0; 36]), datagrams),
        (binary(0x21, 0x32, &[0; 216]), datagrams),
        (binary(0x21, 0x10, &IPV4), family),
        (binary(0x21, 0x01, b""), family),
        (binary(0x21, 0x41, &IPV4), family),
        (binary(0x21, 0x11, &IPV4[1..]), short),
        (binary(0x21, 0x21, &[0; 35]), short),
        (binary(0x21, 0x31, &[0; 215]), short),
        (binary(0x20, 0x00, &[0; LONGEST]), long),
        (binary(0x21, 0x11, &[0; 16_000]), long),
    ] {
        assert_eq!(parse(&header), Reading::Bad(reason), "{header:x?}");
    }
}

#[test]
fn an_extra_that_is_cut_off_and_a_checksum_that_is_wrong_are_bad() {
    let cut_off = "has an extra that is cut off";
    let mismatch = "does not match its checksum";
    let changed = |place: usize| {
        let mut header = proxy_with_checksum();
        header[place] ^= 1;
        header
    };
    for (header, reason) in [
        (proxy(b"\x04"), cut_off),
        (proxy(b"\x04\0"), cut_off),
        (proxy(b"\x04\0\x03no"), cut_off),
        (
            proxy(b"\x03\0\x03sum"),
            "has a checksum that is not 4 bytes long",
        ),
        (
            proxy(b"\x03\0\x04\0\0\0\0\x03\0\x04\0\0\0\0"),
            "has two checksums",
        ),
        (changed(20), mismatch),
        (changed(36), mismatch),
        (changed(44), mismatch),
    ] {
        assert_eq!(parse(&header), Reading::Bad(reason), "{header:x?}");
    }
}

#[test]
fn what_cannot_become_a_header_is_bad_at_its_first_wrong_byte() {
    for (start, wrong) in [
        (&b""[..], b'G'),
        (b"PRO", b'P'),
        (b"\r\n\r\n", b'Q'),
        (b"\r\n\r\n\0\r\nQUIT\n", 0x11),
    ] {
        assert_eq!(parse(start), Reading::Incomplete, "{start:x?}");
        let wrong = [start, &[wrong]].concat();
        assert!(matches!(parse(&wrong), Reading::Bad(_)), "{wrong:x?}");
    }
}

#[test]
fn the_checksum_is_that_of_the_rfc() {
    assert_eq!(crc32c(b"123456789".iter().copied()), 0xe306_9283);
    assert_eq!(crc32c(std::iter::repeat_n(0, 32)), 0x8a91_36aa);
}

fn end() -> impl Strategy<Value = SocketAddr> {
    let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
    let v6 = any::<[u8; 16]>().prop_map(|octets| IpAddr::from(octets).to_canonical());
    (prop_oneof![v4, v6], any::<u16>()).prop_map(|(address, port)| SocketAddr::new(address, port))
}

fn written() -> impl Strategy<Value = ProxyHeader> {
    let version = prop_oneof![Just(ProxyVersion::V1), Just(ProxyVersion::V2)];
    let ends = (end(), end()).prop_map(|(source, destination)| Ends {
        source,
        destination,
    });
    let ends = prop_oneof![9 => ends.prop_map(Some), 1 => Just(None)];
    (version, ends).prop_map(|(version, ends)| ProxyHeader { version, ends })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(header in written(), rest in any::<Vec<u8>>()) {
        let bytes = header.to_bytes();
        let all = [&bytes[..], &rest].concat();
        prop_assert_eq!(parse(&all), whole(header.ends, bytes.len()));
    }

    #[test]
    fn a_part_of_a_header_is_incomplete_wherever_it_is_cut(header in written()) {
        let bytes = header.to_bytes();
        for end in 0..bytes.len() {
            prop_assert_eq!(parse(&bytes[..end]), Reading::Incomplete);
        }
    }

    #[test]
    fn no_bytes_make_it_panic_or_change_its_mind(
        start in prop_oneof![
            Just(Vec::new()),
            Just(TEXT.to_vec()),
            Just(b"PROXY TCP4 ".to_vec()),
            Just(SIGNATURE.to_vec()),
            Just([&SIGNATURE[..], &[0x21, 0x11, 0]].concat()),
        ],
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bytes = [start, rest].concat();
        let mut settled = None;
        for end in 0..=bytes.len() {
            let reading = parse(&bytes[..end]);
            if let Reading::Whole(header) = reading {
                prop_assert!(header.length <= end && header.length <= LONGEST);
            }
            match settled {
                None if reading == Reading::Incomplete => {}
                None => settled = Some(reading),
                Some(before) => prop_assert_eq!(before, reading, "after {} bytes", end),
            }
        }
        if bytes.len() >= LONGEST {
            prop_assert!(settled.is_some());
        }
    }
}
