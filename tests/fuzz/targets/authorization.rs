//! `Authorization`: of one mind with a plain reading of RFC 7617 and RFC 4648, and what was read can be written again.
#![no_main]

use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use libfuzzer_sys::fuzz_target;
use simplon::policy::Credentials;

/// Bytes of the encoded form at most.
const LONGEST: usize = 2048;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fuzz_target!(|value: &[u8]| {
    let read = Credentials::parse(value);
    let found = read
        .as_ref()
        .map(|read| (read.name().as_bytes().to_vec(), read.password().to_vec()));
    assert_eq!(found, plainly(value));
    if let Ok(field) = HeaderValue::from_bytes(value) {
        let mut fields = HeaderMap::new();
        fields.append(AUTHORIZATION, field.clone());
        assert_eq!(Credentials::of((&fields).into()).is_some(), found.is_some());
        fields.append(AUTHORIZATION, field);
        assert!(Credentials::of((&fields).into()).is_none(), "two are none");
    }
    let (Some(read), Some((name, password))) = (read, found) else {
        return;
    };
    assert!(!name.is_empty() && !name.contains(&b':'));
    let written = [
        &b"bAsIc "[..],
        &encode(&[&name, &b":"[..], &password].concat()),
    ]
    .concat();
    let again = Credentials::parse(&written).expect("as it was");
    assert_eq!(
        (again.name(), again.password()),
        (read.name(), read.password())
    );
    let shown = format!("{read:?}");
    let shows = |part: &str| shown.contains(part) && !read.name().contains(part);
    let secret = str::from_utf8(&password).unwrap_or_default();
    assert!(secret.len() < 16 || !shows(secret), "{shown}");
});

/// Byte by byte, in as many steps as it takes.
fn plainly(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let scheme = value.get(..6)?.to_ascii_lowercase();
    if scheme != b"basic " {
        return None;
    }
    let encoded = value.get(6..)?.trim_ascii();
    if encoded.len() > LONGEST {
        return None;
    }
    let decoded = decode(encoded)?;
    if decoded.iter().any(|byte| *byte < 0x20 || *byte == 0x7f) {
        return None;
    }
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let (name, password) = (&decoded[..colon], &decoded[colon + 1..]);
    let is_name = !name.is_empty() && str::from_utf8(name).is_ok();
    is_name.then(|| (name.to_vec(), password.to_vec()))
}

/// With its padding or less of it, and without bits to spare.
fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let signs = encoded.iter().take_while(|sign| **sign != b'=').count();
    let padding = encoded.len() - signs;
    if encoded[signs..].iter().any(|sign| *sign != b'=') || signs % 4 == 1 {
        return None;
    }
    if padding > (4 - signs % 4) % 4 {
        return None;
    }
    let mut bits = Vec::new();
    for sign in &encoded[..signs] {
        let value = ALPHABET.iter().position(|of| of == sign)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let whole = bits.len() / 8 * 8;
    if bits[whole..].contains(&true) {
        return None;
    }
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    Some(bits[..whole].chunks(8).map(byte).collect())
}

fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for three in bytes.chunks(3) {
        let padded = [
            three[0],
            *three.get(1).unwrap_or(&0),
            *three.get(2).unwrap_or(&0),
        ];
        let number = padded
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte));
        for place in 0..4 {
            let sign = ALPHABET[number >> (18 - 6 * place) & 63];
            encoded.push(if place > three.len() { b'=' } else { sign });
        }
    }
    encoded
}
