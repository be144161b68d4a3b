//! Which bytes may stand where in an HTTP/1 message.

/// A set of bytes, looked up in one step.
pub(super) struct Bytes([bool; 256]);

/// A method or a header name (RFC 9110, section 5.6.2).
pub(super) static TOKEN: Bytes = Bytes::none()
    .with_range(b'0', b'9')
    .with_range(b'A', b'Z')
    .with_range(b'a', b'z')
    .with(b"!#$%&'*+-.^_`|~");

/// A header value (RFC 9110, section 5.5): visible ASCII, space, tab, and bytes beyond ASCII, which have no meaning.
pub(super) static VALUE: Bytes = Bytes::none()
    .with_range(b' ', b'~')
    .with_range(0x80, 0xff)
    .with(b"\t");

/// A request target: visible ASCII but for `#`, because a fragment is never sent (RFC 9112, section 3.2), and for
/// `"`, `<` and `>`, which no browser sends unescaped and `http::Uri` cannot hold everywhere. Others that are no part of a
/// URI (RFC 3986, appendix A), such as `|`, browsers do send.
pub(super) static TARGET: Bytes = Bytes::none()
    .with(b"!")
    .with_range(b'$', b';')
    .with(b"=")
    .with_range(b'?', b'~');

impl Bytes {
    const fn none() -> Self {
        Self([false; 256])
    }

    const fn with(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0[bytes[at] as usize] = true;
            at += 1;
        }
        self
    }

    const fn with_range(mut self, first: u8, last: u8) -> Self {
        let mut byte = first as usize;
        while byte <= last as usize {
            self.0[byte] = true;
            byte += 1;
        }
        self
    }

    pub(super) const fn contains(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }

    /// How many bytes at the start of a slice are in the set.
    pub(super) fn run(&self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| !self.contains(*byte));
        end.unwrap_or(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_stands_only_where_the_grammar_has_it() {
        for byte in 0..=255_u8 {
            let separator = b"\"(),/:;<=>?@[\\]{}".contains(&byte);
            let visible = byte.is_ascii_graphic();
            assert_eq!(TOKEN.contains(byte), visible && !separator, "{byte}");
            assert_eq!(
                TARGET.contains(byte),
                visible && !b"\"#<>".contains(&byte),
                "{byte}"
            );
            let control = byte.is_ascii_control() && byte != b'\t';
            assert_eq!(VALUE.contains(byte), !control, "{byte}");
        }
    }
}
