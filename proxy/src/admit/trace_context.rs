//! Which trace a request belongs to, by W3C Trace Context: `traceparent` and `tracestate`.
//!
//! Identifiers are kept as the hexadecimal digits that headers and logs show, so that nothing is allocated for them. What
//! a client says is not believed to be more than an identifier: see `observe/tracing` for who is followed.

use std::fmt;

use super::identity::digits;

/// Bytes of a `traceparent` of version 00: `00-{trace}-{parent}-{flags}`.
const LENGTH: usize = 55;
/// Members of a `tracestate` at most (Trace Context section 3.3.1.1).
const MEMBERS: usize = 32;
/// Bytes of a `tracestate` at most: those that everybody should pass on (section 3.3.1.5).
const STATE: usize = 512;
/// Bytes of a key, or of a value, at most (sections 3.3.1.3.1 and 3.3.1.3.2).
const WORD: usize = 256;

/// The caller may have recorded the request (section 3.2.2.5.1).
const SAMPLED: u8 = 1;
/// The right-most seven bytes of the trace's identifier are random (level 2, section 3.2.2.5.2).
const RANDOM: u8 = 2;

/// 16 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 32]);

/// 8 bytes, not all of them zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 16]);

/// What a `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: TraceId,
    /// The span of whoever sent it.
    pub span: SpanId,
    flags: u8,
}

impl TraceParent {
    pub fn new(trace: TraceId, span: SpanId, is_sampled: bool) -> Self {
        Self {
            trace,
            span,
            flags: u8::from(is_sampled),
        }
    }

    /// The trace that a request goes on with; none if it names none, or several, or one that is malformed: then a new one
    /// begins (section 4.3).
    pub fn of<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let first = values.next()?;
        match values.next() {
            Some(_) => None,
            None => Self::parse(first),
        }
    }

    /// Reads a value. One of a version above 00 is read as 00, whatever follows (section 3.2.4); ff is forbidden.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (known, rest) = value.trim_ascii().split_at_checked(LENGTH)?;
        let [v0, v1, b'-', ids @ .., b'-', f0, f1] = known else {
            return None;
        };
        let version = byte(*v0, *v1)?;
        let ends_well = rest.is_empty() || (version > 0 && rest.starts_with(b"-"));
        if version == 0xff || !ends_well {
            return None;
        }
        let (trace, span) = ids.split_at_checked(32)?;
        let [b'-', span @ ..] = span else {
            return None;
        };
        Some(Self {
            trace: TraceId(id(trace)?),
            span: SpanId(id(span)?),
            flags: byte(*f0, *f1)?,
        })
    }

    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// What is said to the next one: our span, our decision. Of other flags only that of level 2 has a meaning, which the
    /// identifier keeps.
    #[must_use]
    pub fn child(&self, span: SpanId, is_sampled: bool) -> Self {
        Self {
            trace: self.trace,
            span,
            flags: self.flags & RANDOM | u8::from(is_sampled),
        }
    }

    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// A value of version 00.
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut value = *b"00-................................-................-..";
        for (at, part) in [
            (3, &self.trace.0[..]),
            (36, &self.span.0[..]),
            (53, &digits::<1, 2>([self.flags])[..]),
        ] {
            for (to, from) in value.iter_mut().skip(at).zip(part) {
                *to = *from;
            }
        }
        value
    }
}

impl TraceId {
    /// From random bits that the caller provides.
    pub fn new(random: u128) -> Self {
        Self(digits(random.max(1).to_be_bytes()))
    }

    pub fn as_str(&self) -> &str {
        // Made of ASCII digits alone, so the default is never taken.
        str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn to_bytes(&self) -> [u8; 16] {
        u128::from_str_radix(self.as_str(), 16)
            .unwrap_or_default()
            .to_be_bytes()
    }
}

impl SpanId {
    /// From random bits that the caller provides.
    pub fn new(random: u64) -> Self {
        Self(digits(random.max(1).to_be_bytes()))
    }

    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }

    pub fn to_bytes(&self) -> [u8; 8] {
        u64::from_str_radix(self.as_str(), 16)
            .unwrap_or_default()
            .to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the lines of a `tracestate` may be passed on: as many members as there may be, and every one well formed.
pub fn is_state<'a>(lines: impl Iterator<Item = &'a [u8]>) -> bool {
    let (mut members, mut bytes) = (0, 0);
    for line in lines {
        bytes += line.len() + 1; // with the comma between two lines
        for member in line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if member.is_empty() {
                continue; // allowed (section 3.3.1.2)
            }
            members += 1;
            if !is_member(member) || members > MEMBERS {
                return false;
            }
        }
        if bytes > STATE + 1 {
            return false;
        }
    }
    true
}

/// `key=value`; keys as level 2 has them, which takes all those of level 1.
fn is_member(member: &[u8]) -> bool {
    let Some(equals) = member.iter().position(|byte| *byte == b'=') else {
        return false;
    };
    let (key, value) = member.split_at(equals);
    let value = value.get(1..).unwrap_or_default();
    let begins_key = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let in_key = |byte: &u8| begins_key(byte) || b"_-*/@".contains(byte);
    let in_value = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    key.first().is_some_and(begins_key)
        && key.len() <= WORD
        && key.iter().all(in_key)
        && (1..=WORD).contains(&value.len())
        && value.iter().all(in_value)
}

/// Digits in lower case, not all of them zero.
fn id<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let id = <[u8; N]>::try_from(text).ok()?;
    let is_id = id.iter().all(|byte| nibble(*byte).is_some()) && id.iter().any(|b| *b != b'0');
    is_id.then_some(id)
}

fn byte(high: u8, low: u8) -> Option<u8> {
    Some(nibble(high)? << 4 | nibble(low)?)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
