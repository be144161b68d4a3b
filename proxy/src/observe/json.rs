//! JSON text from bytes a stranger chose.
//!
//! Whatever goes in, what comes out is a valid string of RFC 8259 without a control character, so that
//! no client can forge a line or send an escape sequence to the terminal that reads the log.

/// Bytes that cannot be copied as they are. 0xC2 leads the C1 controls U+0080 to U+009F, among them
/// the one-character escape introducer that terminals obey.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        special[byte] = true;
        byte += 1;
    }
    special[b'"' as usize] = true;
    special[b'\\' as usize] = true;
    special[0x7F] = true;
    special[0xC2] = true;
    special
};

/// Appends `value` in quotes, cut to at most `cap` bytes where a character ends. What is not UTF-8
/// becomes U+FFFD.
pub(super) fn write_string(value: &[u8], cap: usize, out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in cut(value, cap).utf8_chunks() {
        write_escaped(chunk.valid().as_bytes(), out);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
    out.push(b'"');
}

/// The first `cap` bytes, less the beginning of a character that does not fit.
pub(super) fn cut(value: &[u8], cap: usize) -> &[u8] {
    let Some((kept, rest)) = value.split_at_checked(cap) else {
        return value;
    };
    if !rest.first().is_some_and(|&next| is_continuation(next)) {
        return kept;
    }
    // A character has at most three continuation bytes; a longer run of them is not UTF-8 anyway.
    let tail = kept.iter().rev().take(3);
    let orphans = tail.take_while(|&&byte| is_continuation(byte)).count();
    let leader = kept.len().saturating_sub(orphans + 1);
    kept.get(..leader).unwrap_or_default()
}

const fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

fn write_escaped(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| SPECIAL[usize::from(byte)]) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        rest = match special {
            [0xC2, low @ 0x80..=0x9F, after @ ..] => {
                write_unicode_escape(*low, out);
                after
            }
            [0xC2, after @ ..] => {
                out.push(0xC2);
                after
            }
            [byte, after @ ..] => {
                write_escape(*byte, out);
                after
            }
            [] => return,
        };
    }
    out.extend_from_slice(rest);
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => write_unicode_escape(byte, out),
    }
}

fn write_unicode_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &[u8], cap: usize) -> String {
        let mut out = Vec::new();
        write_string(value, cap, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn hostile_text_is_escaped() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain/path", r#""plain/path""#),
            (b"a\"b\\c", r#""a\"b\\c""#),
            (b"\n{\"forged\":1}\r\t", r#""\n{\"forged\":1}\r\t""#),
            (b"\x00\x1b[31m\x7f", r#""\u0000\u001b[31m\u007f""#),
            ("\u{9b}31m".as_bytes(), r#""\u009b31m""#),
            ("\u{a0}é".as_bytes(), "\"\u{a0}é\""),
            (b"a\xffb", "\"a\u{fffd}b\""),
            (b"\xc2", "\"\u{fffd}\""),
            ("𝄞 ü".as_bytes(), "\"𝄞 ü\""),
        ];
        for (value, expected) in cases {
            assert_eq!(written(value, 100), expected);
        }
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        let cases: [(&str, usize, &str); 7] = [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc"),
            ("aé", 2, "a"),
            ("aéb", 3, "aé"),
            ("a𝄞b", 4, "a"),
            ("a𝄞b", 5, "a𝄞"),
            ("é", 0, ""),
        ];
        for (value, cap, expected) in cases {
            assert_eq!(cut(value.as_bytes(), cap), expected.as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_valid_string_without_controls(
            value in prop::collection::vec(any::<u8>(), 0..300),
            cap in 0_usize..300,
        ) {
            let json = written(&value, cap);
            let read: String = serde_json::from_str(&json).unwrap();
            prop_assert!(!json.chars().any(char::is_control));
            prop_assert!(read.len() <= cap * 3);
        }

        #[test]
        fn text_within_the_cap_comes_back_unchanged(value in any::<String>()) {
            let read: String = serde_json::from_str(&written(value.as_bytes(), value.len())).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn a_cut_text_is_a_beginning_of_it(value in any::<String>(), cap in 0_usize..64) {
            let read: String = serde_json::from_str(&written(value.as_bytes(), cap)).unwrap();
            prop_assert!(value.starts_with(&read));
            prop_assert!(read.len() <= cap);
        }
    }
}
