//! The header of the PROXY protocol: one verdict wherever reads are cut, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::{
    admit::proxy_header::{Header, LONGEST, Reading, parse},
    config::model::ProxyVersion,
    forward::ProxyHeader,
};

fuzz_target!(|bytes: &[u8]| {
    let reading = parse(bytes);
    let mut refused = false;
    for cut in 0..bytes.len() {
        match (parse(&bytes[..cut]), reading) {
            (Reading::Whole(early), Reading::Whole(header)) => {
                assert_eq!(early, header);
                assert!(cut >= header.length);
            }
            (Reading::Incomplete, Reading::Whole(header)) => assert!(cut < header.length),
            (Reading::Incomplete, Reading::Incomplete) => {}
            (Reading::Incomplete, Reading::Bad(_)) => assert!(!refused, "waits for no reason"),
            (Reading::Bad(early), Reading::Bad(reason)) => {
                assert_eq!(early, reason);
                refused = true;
            }
            (early, _) => panic!("{early:?} of {cut} bytes became {reading:?}"),
        }
    }
    match reading {
        Reading::Whole(header) => assert_sound(&header, &bytes[..header.length]),
        Reading::Incomplete => assert!(bytes.len() < LONGEST),
        Reading::Bad(reason) => assert!(!reason.is_empty()),
    }
});

fn assert_sound(header: &Header, bytes: &[u8]) {
    if bytes.starts_with(b"P") {
        let line = String::from_utf8_lossy(bytes);
        let line = line
            .strip_prefix("PROXY ")
            .and_then(|line| line.strip_suffix("\r\n"));
        let line = line.expect("a line with its beginning and its end");
        assert!(bytes.len() <= 107 && !line.contains(['\r', '\n']));
        assert_eq!(
            header.ends.is_none(),
            line.split(' ').next() == Some("UNKNOWN")
        );
    } else {
        assert_eq!(
            bytes.len(),
            16 + usize::from(u16::from_be_bytes([bytes[14], bytes[15]]))
        );
        let is_internet = bytes[12] == 0x21 && [0x11, 0x21].contains(&bytes[13]);
        assert_eq!(header.ends.is_some(), is_internet);
    }
    for version in [ProxyVersion::V1, ProxyVersion::V2] {
        let written = ProxyHeader {
            version,
            ends: header.ends,
        };
        let written = written.to_bytes();
        let again = Header {
            ends: header.ends,
            length: written.len(),
        };
        assert_eq!(parse(&written), Reading::Whole(again));
    }
}
