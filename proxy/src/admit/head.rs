//! The head of an HTTP/1 request: strict, because two readers that differ on a message's end let one smuggle.
//!
//! What RFC 9112 lets a server repair or guess is refused here; the reader behind us never has to guess either.

use bytes::Bytes;
use memchr::memchr_iter;

use super::{
    FieldLines, Host, RequestParts, is_claim,
    lines::{Field, Lines, RequestLine},
    syntax::TOKEN,
};
use crate::{config::model::Limits, respond::Refusal, route::Methods};

/// What the rest of the proxy must know of a request head. The head itself stays where it is.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts, each read by name"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub framing: Framing,
    /// `Connection: upgrade` together with an `Upgrade` header; never on HTTP/1.0.
    pub upgrade: bool,
    /// A body follows, and the client waits for `100 Continue` before it sends it.
    pub expects_continue: bool,
    pub http10: bool,
    /// Whether the client means to use the connection again.
    pub keep_alive: bool,
}

/// How the end of a request's body is known (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    None,
    /// Bytes, 0 to 2^53.
    Length(u64),
    Chunked,
}

/// The limits of one head, beside its size, which the reader of the bytes enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the request target.
    pub uri_size: usize,
    pub header_count: usize,
}

impl From<&Limits> for HeadLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            uri_size: usize::try_from(limits.uri_size.get()).unwrap_or(usize::MAX),
            header_count: limits.header_count,
        }
    }
}

/// Where the first head in a buffer ends, just after its empty line. Bytes before `from` were searched already.
///
/// An empty line that ends with LF alone also ends the head: [`Head::read`] then refuses it at once, instead of the
/// reader waiting for a CRLF that never comes.
pub fn find_end(buffer: &[u8], from: usize) -> Option<usize> {
    let start = from.saturating_sub(2).min(buffer.len());
    let (_, unsearched) = buffer.split_at(start);
    memchr_iter(b'\n', unsearched).find_map(|line_end| {
        let next_line = start + line_end + 1;
        match buffer.get(next_line..)? {
            [b'\n', ..] => Some(next_line + 1),
            [b'\r', b'\n', ..] => Some(next_line + 2),
            _ => None,
        }
    })
}

impl Head {
    /// Whether these bytes, of which there is at least one, may begin a head. What speaks another protocol, such as TLS,
    /// need not be waited for.
    pub fn may_begin(bytes: &[u8]) -> bool {
        bytes.first().is_some_and(|first| TOKEN.contains(*first))
    }

    /// Checks exactly one head, from the first byte of its method to the end of its empty line, and takes it apart on the way.
    ///
    /// # Errors
    /// The head breaks the protocol, could be read in two ways, or passes a limit.
    pub fn read(bytes: &Bytes, limits: &HeadLimits) -> Result<(Self, RequestParts), Refusal> {
        let mut fields = FieldLines::of(bytes);
        let mut lines = Lines::new(bytes);
        let request = lines.request_line(limits.uri_size)?;
        if request.method == b"CONNECT" {
            return Err(Refusal::MethodNotAllowed(Methods::any()));
        }
        let authority = authority_of(&request)?;
        let mut facts = Facts::default();
        let mut count = 0;
        while let Some(field) = lines.field()? {
            count += 1;
            if count > limits.header_count {
                return Err(Refusal::HeaderTooLarge);
            }
            facts.note(&field)?;
            let noted = fields.note(field.name, field.value);
            noted.ok_or(Refusal::HeaderTooLarge)?;
        }
        facts.check_host(authority, request.http10)?;
        let head = facts.into_head(request.http10)?;
        Ok((head, RequestParts::gathered(bytes, &request, fields)?))
    }
}

/// The authority within a target in absolute form. The other forms have none (RFC 9112, section 3.2).
fn authority_of<'a>(request: &RequestLine<'a>) -> Result<Option<&'a [u8]>, Refusal> {
    let target = request.target;
    if target.starts_with(b"/") || (target == b"*" && request.method == b"OPTIONS") {
        return Ok(None);
    }
    let after_scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find_map(|scheme| {
            let (start, rest) = target.split_at_checked(scheme.len())?;
            start.eq_ignore_ascii_case(scheme).then_some(rest)
        });
    let Some(after_scheme) = after_scheme else {
        return Err(Refusal::Malformed(
            "the target is neither a path nor an http or https URI",
        ));
    };
    let mut parts = after_scheme.split(|byte| matches!(byte, b'/' | b'?'));
    let authority = parts.next().unwrap_or_default();
    Host::parse(authority)?;
    Ok(Some(authority))
}

/// What the headers said so far.
#[derive(Default)]
struct Facts<'a> {
    host: Option<&'a [u8]>,
    length: Option<u64>,
    chunked: bool,
    expects_continue: bool,
    /// There is an `Upgrade` header that is not empty.
    names_protocol: bool,
    connection: Connection,
}

/// Options in all `Connection` headers together; Pingora takes no more.
const CONNECTION_OPTIONS: usize = 9;

/// Options of the `Connection` header.
#[derive(Default)]
struct Connection {
    count: usize,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
}

impl<'a> Facts<'a> {
    fn note(&mut self, field: &Field<'a>) -> Result<(), Refusal> {
        let Field { name, value } = *field;
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("host") {
            refuse_if(self.host.is_some(), "there is more than one Host")?;
            Host::parse(value)?;
            self.host = Some(value);
        } else if is("content-length") {
            refuse_if(
                self.length.is_some(),
                "there is more than one Content-Length",
            )?;
            self.length = Some(parse_length(value)?);
        } else if is("transfer-encoding") {
            refuse_if(self.chunked, "there is more than one Transfer-Encoding")?;
            let known = value.eq_ignore_ascii_case(b"chunked");
            refuse_if(!known, "Transfer-Encoding is not chunked alone")?;
            self.chunked = true;
        } else if is("expect") {
            refuse_if(self.expects_continue, "there is more than one Expect")?;
            let known = value.eq_ignore_ascii_case(b"100-continue");
            refuse_if(!known, "Expect is not 100-continue")?;
            self.expects_continue = true;
        } else if is("upgrade") {
            self.names_protocol |= !value.is_empty();
        } else if is("connection") {
            self.connection.note(value)?;
        }
        Ok(())
    }

    /// RFC 9112, section 3.2: HTTP/1.1 has exactly one Host, and it is that of the target, letter for letter, if the
    /// target has one.
    fn check_host(&self, authority: Option<&[u8]>, http10: bool) -> Result<(), Refusal> {
        refuse_if(self.host.is_none() && !http10, "there is no Host")?;
        let differ = matches!((authority, self.host), (Some(a), Some(b)) if a != b);
        refuse_if(differ, "the target's host is not that of Host")
    }

    fn into_head(self, http10: bool) -> Result<Head, Refusal> {
        let framing = match (self.length, self.chunked) {
            (None, false) => Framing::None,
            (Some(length), false) => Framing::Length(length),
            (None, true) if !http10 => Framing::Chunked,
            (None, true) => {
                return Err(Refusal::Malformed("HTTP/1.0 has no Transfer-Encoding"));
            }
            (Some(_), true) => {
                return Err(Refusal::Malformed(
                    "Content-Length stands beside Transfer-Encoding",
                ));
            }
        };
        let has_body = !matches!(framing, Framing::None | Framing::Length(0));
        Ok(Head {
            framing,
            upgrade: self.connection.upgrade && self.names_protocol && !http10,
            expects_continue: self.expects_continue && has_body && !http10,
            http10,
            keep_alive: !self.connection.close && (!http10 || self.connection.keep_alive),
        })
    }
}

impl Connection {
    fn note(&mut self, value: &[u8]) -> Result<(), Refusal> {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let is = |known: &str| option.eq_ignore_ascii_case(known.as_bytes());
            self.close |= is("close");
            self.keep_alive |= is("keep-alive");
            self.upgrade |= is("upgrade");
            let is_token = TOKEN.run(option) == option.len();
            refuse_if(!is_token, "Connection lists what is not a header name")?;
            self.count += usize::from(!option.is_empty());
            refuse_if(self.count > CONNECTION_OPTIONS, "Connection lists too much")?;
            // A reader that took these away as hop-by-hop would see another message than we do.
            let frames = is("host") || is("content-length") || is("transfer-encoding");
            refuse_if(frames, "Connection lists a header that frames or routes")?;
            let tells =
                str::from_utf8(option).is_ok_and(|name| is_claim(&name.to_ascii_lowercase()));
            refuse_if(tells, "Connection lists a header that says who asks")?;
        }
        Ok(())
    }
}

/// `Content-Length`: digits without a sign, a list or a leading zero, up to 2^53, the largest number that every reader
/// represents.
///
/// # Errors
/// Anything else stands there.
pub(super) fn parse_length(value: &[u8]) -> Result<u64, Refusal> {
    let bad = Refusal::Malformed("Content-Length is not a plain number up to 2^53");
    if value.len() > 16 || (value.len() > 1 && value.starts_with(b"0")) || value.is_empty() {
        return Err(bad);
    }
    let length = value.iter().try_fold(0, |length: u64, digit| {
        let digit = char::from(*digit).to_digit(10)?;
        Some(length * 10 + u64::from(digit))
    });
    length.filter(|length| *length <= 1 << 53).ok_or(bad)
}

fn refuse_if(condition: bool, reason: &'static str) -> Result<(), Refusal> {
    if condition {
        Err(Refusal::Malformed(reason))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
