//! Headers as proxies send them, byte by byte.

/// Version 1.
pub(super) fn v1(source: &str, destination: &str) -> Vec<u8> {
    let [(from, from_port), (to, to_port)] =
        [source, destination].map(|end| end.rsplit_once(':').unwrap());
    let family = if from.contains(':') { "TCP6" } else { "TCP4" };
    let [from, to] = [from, to].map(|address| address.trim_matches(['[', ']']));
    format!("PROXY {family} {from} {to} {from_port} {to_port}\r\n").into_bytes()
}

/// Version 2, with these bytes for version and command, and for family and transport.
pub(super) fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [
        b"\r\n\r\n\0\r\nQUIT\n",
        &[command, family][..],
        &length,
        block,
    ]
    .concat()
}

/// Version 2, from 203.0.113.7:5555 to 198.51.100.2:443.
pub(super) fn v2_ipv4(extras: &[u8]) -> Vec<u8> {
    let ends = [203, 0, 113, 7, 198, 51, 100, 2, 0x15, 0xb3, 0x01, 0xbb];
    v2(0x21, 0x11, &[&ends, extras].concat())
}

/// As [`v2_ipv4`], with a checksum that is right.
pub(super) fn v2_with_checksum() -> Vec<u8> {
    v2_ipv4(b"\x03\0\x04\x40\x54\x51\xb8")
}

/// As [`v2_ipv4`], from `2001:db8::7` to `2001:db8::2`.
pub(super) fn v2_ipv6() -> Vec<u8> {
    let address = |last| [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let ports = [0x15, 0xb3, 0x01, 0xbb];
    v2(0x21, 0x21, &[&address(7)[..], &address(2), &ports].concat())
}

/// Version 2, of a proxy that asks for itself.
pub(super) fn v2_local() -> Vec<u8> {
    v2(0x20, 0x00, b"")
}
