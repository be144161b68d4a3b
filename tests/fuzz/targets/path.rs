//! The path normaliser: stable, never above the root, and of one mind with a model that is slow and plain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use simplon::admit::normalise;

fuzz_target!(|raw: &str| {
    let normal = normalise(raw).ok();
    assert_eq!(normal.as_deref().map(str::as_bytes), model(raw).as_deref());
    let Some(normal) = normal else { return };
    assert_eq!(normalise(&normal).as_deref(), Ok(&*normal));
    assert!(normal.starts_with('/') && normal.len() <= raw.len());
    let dots = |segment: &str| segment == "." || segment == "..";
    assert!(!normal.split('/').any(dots), "{normal}");
    // Nor does a server see dots or another slash that decodes once more, or drops what follows a semicolon.
    let decoded = decode(normal.as_bytes(), |_| true).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded);
    assert_eq!(
        text.matches(['/', '\\']).count(),
        normal.matches('/').count()
    );
    let bare = |segment: &str| segment.split(';').next().is_some_and(dots);
    assert!(!text.split('/').any(bare), "{text}");
});

/// The normal form in four passes over the whole path, as the documentation of `normalise` has them.
fn model(raw: &str) -> Option<Vec<u8>> {
    let bytes = raw.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\\#?\"<>`".contains(byte);
    if !raw.starts_with('/') || !bytes.iter().all(is_plain) {
        return None;
    }
    let decoded = decode(bytes, is_unreserved)?;
    let mut kept: Vec<&[u8]> = Vec::new();
    let segments: Vec<&[u8]> = decoded.split(|byte| *byte == b'/').skip(1).collect();
    for segment in &segments {
        match *segment {
            b"" | b"." => {}
            b".." => {
                kept.pop()?;
            }
            segment if is_disguised(segment) => return None,
            segment => kept.push(segment),
        }
    }
    let is_folder = matches!(*segments.last()?, b"" | b"." | b"..");
    let mut path = Vec::new();
    for segment in kept {
        path.push(b'/');
        path.extend_from_slice(segment);
    }
    if is_folder {
        path.push(b'/');
    }
    let is_overlong = decode(&path, |_| true)?.windows(2).any(is_overlong);
    (!is_overlong).then_some(path)
}

/// Whether two bytes begin a character in more bytes than it takes (RFC 3629 section 3).
fn is_overlong(pair: &[u8]) -> bool {
    matches!(
        pair,
        [0xc0 | 0xc1, 0x80..=0xbf] | [0xe0, 0x80..=0x9f] | [0xf0, 0x80..=0x8f]
    )
}

fn is_disguised(segment: &[u8]) -> bool {
    [&b".;"[..], b"..;", b".%3B", b"..%3B"]
        .iter()
        .any(|disguise| segment.starts_with(disguise))
}

/// Decodes the escapes of some bytes and writes the others in upper case; nothing if one must not be there.
fn decode(path: &[u8], is_decoded: impl Fn(u8) -> bool) -> Option<Vec<u8>> {
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < path.len() {
        if path[at] != b'%' {
            decoded.push(path[at]);
            at += 1;
            continue;
        }
        let digits = str::from_utf8(path.get(at + 1..at + 3)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let byte = u8::from_str_radix(digits, 16).ok()?;
        if byte.is_ascii_control() || b"/\\".contains(&byte) {
            return None;
        }
        if is_decoded(byte) {
            decoded.push(byte);
        } else {
            decoded.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
        at += 3;
    }
    Some(decoded)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}
