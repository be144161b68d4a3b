//! The lines of a head: where each part begins and ends, and nothing of what it means.

use crate::{
    admit::syntax::{Bytes, TARGET, TOKEN, VALUE},
    respond::Refusal,
};

/// Bytes of a header's name at most, as of any that there is; the `http` crate, which Pingora reads by, stops at 65,535.
const LONGEST_NAME: usize = 1024;

/// What is left to read of one head.
pub(super) struct Lines<'a>(&'a [u8]);

/// `METHOD SP target SP HTTP/1.x`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestLine<'a> {
    pub(super) method: &'a [u8],
    pub(super) target: &'a [u8],
    pub(super) http10: bool,
}

/// `HTTP/1.x SP code [SP reason]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StatusLine<'a> {
    pub(super) http10: bool,
    /// 100 to 999.
    pub(super) status: u16,
    pub(super) reason: &'a [u8],
}

/// One header, its value without the white space round it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
}

impl<'a> Lines<'a> {
    pub(super) fn new(head: &'a [u8]) -> Self {
        Self(head)
    }

    /// RFC 9112, section 3, without the lenience that section allows: single spaces and CRLF alone.
    pub(super) fn request_line(&mut self, uri_size: usize) -> Result<RequestLine<'a>, Refusal> {
        let method = self.take(&TOKEN);
        if method.is_empty() || !self.skip(b" ") {
            return Err(self.unexpected("the method is not a token with one space after it"));
        }
        let target = self.take(&TARGET);
        let path = target.split(|byte| *byte == b'?').next();
        if path.is_some_and(|path| path.contains(&b'`')) {
            return Err(Refusal::Malformed(
                "the path holds a byte that must be escaped",
            ));
        }
        if target.len() > uri_size {
            return Err(Refusal::UriTooLong);
        }
        if target.is_empty() || !self.skip(b" ") {
            return Err(self.unexpected(
                "the target is not visible ASCII without a fragment, with one space after it",
            ));
        }
        let http10 = self.skip(b"HTTP/1.0");
        if !http10 && !self.skip(b"HTTP/1.1") {
            return Err(self.unexpected("the version is not HTTP/1.1 or HTTP/1.0"));
        }
        self.end_line("something follows the version")?;
        Ok(RequestLine {
            method,
            target,
            http10,
        })
    }

    /// RFC 9112, section 4. The space after the code may be missing where there is no reason: many servers leave
    /// it out, and nobody reads that in two ways.
    pub(super) fn status_line(&mut self) -> Result<StatusLine<'a>, Refusal> {
        let http10 = self.skip(b"HTTP/1.0 ");
        if !http10 && !self.skip(b"HTTP/1.1 ") {
            return Err(self.unexpected("the status line does not begin with HTTP/1.1 or HTTP/1.0"));
        }
        let status = match self.0 {
            [first @ b'1'..=b'9', second, third, ..] => number(&[*first, *second, *third]),
            _ => None,
        };
        let Some(status) = status else {
            return Err(self.unexpected("the status is not a number of three digits"));
        };
        self.0 = self.0.get(3..).unwrap_or_default();
        let reason = if self.skip(b" ") {
            self.take(&VALUE)
        } else {
            b""
        };
        self.end_line("something that is no reason follows the status")?;
        Ok(StatusLine {
            http10,
            status,
            reason,
        })
    }

    /// The next header, or nothing after the empty line. A folded line is refused (RFC 9112, section 5.2), as is
    /// white space before the colon (section 5.1).
    pub(super) fn field(&mut self) -> Result<Option<Field<'a>>, Refusal> {
        if self.skip(b"\r\n") {
            return match self.0 {
                [] => Ok(None),
                _ => Err(Refusal::Malformed("something follows the head")),
            };
        }
        let name = self.take(&TOKEN);
        if name.is_empty() || !self.skip(b":") {
            return Err(self.unexpected(match (name, self.0) {
                ([], [b' ' | b'\t', ..]) => "a header line is folded or begins with white space",
                ([], [b':', ..]) => "a header name is empty",
                (_, [b' ' | b'\t', ..]) => "white space stands before a header's colon",
                (_, [b'\r', b'\n', ..]) => "a header line has no colon",
                _ => "a header name is not a token",
            }));
        }
        if name.len() > LONGEST_NAME {
            return Err(Refusal::HeaderTooLarge);
        }
        let value = self.take(&VALUE).trim_ascii();
        self.end_line("a header value holds a control character")?;
        Ok(Some(Field { name, value }))
    }

    fn take(&mut self, set: &Bytes) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(set.run(self.0));
        self.0 = rest;
        taken
    }

    fn skip(&mut self, expected: &[u8]) -> bool {
        match self.0.strip_prefix(expected) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn end_line(&mut self, otherwise: &'static str) -> Result<(), Refusal> {
        if self.skip(b"\r\n") {
            Ok(())
        } else {
            Err(self.unexpected(otherwise))
        }
    }

    /// Names what stands where it must not; `otherwise` if that is nothing special.
    fn unexpected(&self, otherwise: &'static str) -> Refusal {
        Refusal::Malformed(match self.0 {
            [] | [b'\r'] => "the head is incomplete",
            [b'\n', ..] => "a line ends with LF alone",
            [b'\r', next, ..] if *next != b'\n' => "a CR stands without its LF",
            [byte, ..] if byte.is_ascii_control() && !matches!(byte, b'\t' | b'\r') => {
                "the head holds a control character"
            }
            _ => otherwise,
        })
    }
}

fn number(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |number: u16, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        Some(number * 10 + u16::from(digit))
    })
}
