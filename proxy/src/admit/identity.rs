//! The name of a request in logs here and on the servers behind.

/// A request's identifier: visible ASCII, safe in a header, a log line and a shell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(Text);

/// Our own need no allocation; those of a proxy before us are rarer and of any length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Text {
    Made([u8; 32]),
    Accepted(Box<str>),
}

/// Bytes of an identifier that somebody else made.
const LONGEST: usize = 128;

impl RequestId {
    /// 32 lower-case hexadecimal digits, from 128 random bits that the caller provides.
    pub fn new(random: [u8; 16]) -> Self {
        Self(Text::Made(digits(random)))
    }

    /// The `X-Request-Id` of a trusted proxy: 1 to 128 of the letters, digits and `._:/+=@-`, or else nothing.
    pub fn accept(value: &[u8]) -> Option<Self> {
        let text = str::from_utf8(value).ok()?;
        let sound = (1..=LONGEST).contains(&text.len()) && text.bytes().all(is_allowed);
        sound.then(|| Self(Text::Accepted(text.into())))
    }

    pub fn as_str(&self) -> &str {
        match &self.0 {
            // `new` writes nothing but ASCII digits, so the default is never taken.
            Text::Made(digits) => str::from_utf8(digits).unwrap_or_default(),
            Text::Accepted(text) => text,
        }
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Two lower-case hexadecimal digits of each byte; `TO` is twice `FROM`.
pub(super) fn digits<const FROM: usize, const TO: usize>(bytes: [u8; FROM]) -> [u8; TO] {
    const { assert!(TO == 2 * FROM) };
    let mut text = [0; TO];
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0xf)]);
    }
    text
}

const fn digit(nibble: u8) -> u8 {
    match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + (nibble - 10),
    }
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._:/+=@-".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_32_lower_case_hexadecimal_digits() {
        for (random, text) in [
            (0, "00000000000000000000000000000000"),
            (u128::MAX, "ffffffffffffffffffffffffffffffff"),
            (
                0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
                "0123456789abcdef0123456789abcdef",
            ),
        ] {
            assert_eq!(RequestId::new(random.to_be_bytes()).as_str(), text);
        }
    }

    #[test]
    fn an_identifier_of_another_proxy_is_taken_as_it_is() {
        let longest = "x".repeat(LONGEST);
        for value in [
            "a",
            "7f3d",
            "Root=1-67891233-abcdef012345678912345678",
            "a.b_c:d/e+f=g@h-i",
            &longest,
        ] {
            let id = RequestId::accept(value.as_bytes()).unwrap();
            assert_eq!(id.to_string(), value);
        }
    }

    #[test]
    fn an_identifier_that_could_break_a_log_or_a_header_is_not_taken() {
        let too_long = "x".repeat(LONGEST + 1);
        for value in [
            "", " ", "a b", "a\r\nb", "a\"b", "a;b", "a,b", "<a>", "a\0", "é", "${a}", &too_long,
        ] {
            assert_eq!(RequestId::accept(value.as_bytes()), None, "{value:?}");
        }
        assert_eq!(RequestId::accept(b"\xff"), None);
    }
}
