//! A server's response over HTTP/1: strict like the requests, because servers are not trusted either.
//!
//! What it says beyond its response is never a response to the next request, and what two readers could read
//! in two ways is read by none.

use std::ops::Range;

use bytes::BytesMut;

use super::{
    ChunkMeter, FieldLines, ResponseParts, find_head_end,
    head::parse_length,
    lines::{Field, Lines, StatusLine},
};
use crate::{config::model, respond::Refusal};

/// Interim responses (1xx) to one request at most. A server has use for two: 100 and 103.
const MOST_INTERIM: u32 = 10;

/// How every response begins.
const BEGINNING: &[u8] = b"HTTP/1.";

/// What the request asked for that decides where its response ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The method is HEAD: a body is described and never sent.
    pub head_alone: bool,
    /// For another protocol: a 101 may follow.
    pub upgrade: bool,
}

/// The limits of one head; interim responses have heads of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// Bytes, with the status line.
    pub header_size: usize,
    pub header_count: usize,
}

impl From<&model::ServerLimits> for ReplyLimits {
    fn from(limits: &model::ServerLimits) -> Self {
        Self {
            header_size: usize::try_from(limits.header_size.get()).unwrap_or(usize::MAX),
            header_count: limits.header_count,
        }
    }
}

impl ReplyLimits {
    /// Holds a head to these limits that was not read here: that of HTTP/2, whose fields come one by one.
    ///
    /// # Errors
    /// [`Refusal::ServerMalformed`] if it passes one.
    pub fn check<'a>(
        &self,
        fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    ) -> Result<(), Refusal> {
        let (mut size, mut count) = (0_usize, 0);
        for (name, value) in fields {
            count += 1;
            // As RFC 9113, section 10.5.1, has the size of a field.
            size = size.saturating_add(name.len() + value.len() + 32);
        }
        if size > self.header_size {
            return malformed(TOO_LARGE);
        }
        if count > self.header_count {
            return malformed(TOO_MANY);
        }
        Ok(())
    }
}

const TOO_LARGE: &str = "the header is too large";
const TOO_MANY: &str = "the header has too many fields";

/// Follows the response to one request as its bytes come, and lets through what belongs to it.
///
/// Once it has refused something the connection is of no further use, nor is this.
#[derive(Clone, Debug)]
pub struct Reply {
    asked: Asked,
    limits: ReplyLimits,
    part: Part,
    /// Bytes of the next head that are known not to hold its end.
    searched: usize,
    interim: u32,
    /// Bytes of the body that have passed, but for those in chunks.
    content: u64,
}

/// What comes next.
#[derive(Clone, Debug)]
enum Part {
    Head,
    /// This many bytes of the body.
    Length(u64),
    Chunked(ChunkMeter),
    /// All until the server closes.
    UntilClose,
    /// Nothing: the response is complete.
    Nothing,
    /// No response any more: the server has agreed to another protocol.
    Tunnel,
}

impl Reply {
    pub fn new(asked: Asked, limits: ReplyLimits) -> Self {
        Self {
            asked,
            limits,
            part: Part::Head,
            searched: 0,
            interim: 0,
            content: 0,
        }
    }

    /// How many of `bytes`, which come next, belong to the response and are sound; they count as passed.
    ///
    /// If not all do, either [`Self::is_over`], and the rest is no part of it; or the rest begins a head
    /// that is not whole, and is to be shown once more with what comes after it.
    ///
    /// # Errors
    /// [`Refusal::ServerMalformed`] if the response breaks the protocol, could be read in two ways, or passes a
    /// limit.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        let mut rest = bytes;
        while let Part::Head = self.part {
            let Some(end) = self.find_head(rest)? else {
                return Ok(bytes.len() - rest.len());
            };
            let (head, after) = rest.split_at(end);
            (_, self.part) = self.read_head(head, |_| {}).map_err(of_server)?;
            rest = after;
        }
        let passed = match &mut self.part {
            Part::Length(left) => {
                let here = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                *left -= here as u64;
                here
            }
            Part::Chunked(meter) => meter.accept(rest).map_err(of_server)?,
            Part::UntilClose | Part::Tunnel => rest.len(),
            Part::Nothing | Part::Head => 0,
        };
        if !matches!(self.part, Part::Chunked(_)) {
            self.content += passed as u64;
        }
        Ok(bytes.len() - rest.len() + passed)
    }

    /// As [`Self::pass`], but for one head alone, final or interim: takes it off the front of the bytes, if it is whole.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn take_head(&mut self, bytes: &mut BytesMut) -> Result<Option<ResponseParts>, Refusal> {
        let Some(end) = self.find_head(bytes)? else {
            return Ok(None);
        };
        let head = bytes.split_to(end).freeze();
        let mut fields = FieldLines::of(&head);
        let mut are_noted = true;
        let (line, part) = self
            .read_head(&head, |field| {
                are_noted &= fields.note(field.name, field.value).is_some();
            })
            .map_err(of_server)?;
        self.part = part;
        let unreadable = Refusal::ServerMalformed("the header is not valid");
        let parts = ResponseParts::gathered(&head, &line, fields);
        let parts = parts.filter(|_| are_noted).ok_or(unreadable)?;
        Ok(Some(parts))
    }

    /// As [`Self::pass`] after the head, and shows each piece of the body among the bytes, as they lie in them.
    ///
    /// # Errors
    /// As [`Self::pass`].
    pub fn pass_body(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(Range<usize>),
    ) -> Result<usize, Refusal> {
        if let Part::Chunked(meter) = &mut self.part {
            return meter.accept_each(bytes, each).map_err(of_server);
        }
        let passed = self.pass(bytes)?;
        if passed > 0 {
            each(0..passed);
        }
        Ok(passed)
    }

    /// Whether no final response has begun.
    pub fn awaits_head(&self) -> bool {
        matches!(self.part, Part::Head)
    }

    /// Bytes of the body that have passed, without what frames them.
    pub fn content(&self) -> u64 {
        match &self.part {
            Part::Chunked(meter) => meter.content(),
            _ => self.content,
        }
    }

    /// Bytes of the body that are still to come, where a length in the head says so.
    pub fn left(&self) -> Option<u64> {
        match self.part {
            Part::Length(left) => Some(left),
            _ => None,
        }
    }

    /// Whether the response is complete, so that nothing belongs to it any more.
    pub fn is_over(&self) -> bool {
        match &self.part {
            Part::Nothing => true,
            Part::Length(left) => *left == 0,
            Part::Chunked(meter) => meter.done(),
            Part::Head | Part::UntilClose | Part::Tunnel => false,
        }
    }

    /// Whether the end of the connection is the end of the response.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.part, Part::UntilClose)
    }

    /// Where the head at the start of `bytes` ends, if it is whole.
    fn find_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        // Who does not speak HTTP/1 would else be listened to up to the limit.
        let begins = bytes.iter().zip(BEGINNING).all(|(a, b)| a == b);
        if !begins {
            return malformed("the status line does not begin with HTTP/1.1 or HTTP/1.0");
        }
        let end = find_head_end(bytes, self.searched);
        if end.unwrap_or(bytes.len()) > self.limits.header_size {
            return malformed(TOO_LARGE);
        }
        self.searched = if end.is_some() { 0 } else { bytes.len() };
        Ok(end)
    }

    /// How one whole head begins, and what follows it. Shows each of its fields.
    fn read_head<'a>(
        &mut self,
        bytes: &'a [u8],
        mut each: impl FnMut(&Field<'a>),
    ) -> Result<(StatusLine<'a>, Part), Refusal> {
        let mut lines = Lines::new(bytes);
        let line = lines.status_line()?;
        let mut framing = Framing::default();
        let mut count = 0;
        while let Some(field) = lines.field()? {
            count += 1;
            if count > self.limits.header_count {
                return malformed(TOO_MANY);
            }
            framing.note(&field)?;
            each(&field);
        }
        framing.check(line.http10)?;
        let part = self.after_head(line.status, framing)?;
        Ok((line, part))
    }

    fn after_head(&mut self, status: u16, framing: Framing) -> Result<Part, Refusal> {
        match status {
            101 if self.asked.upgrade => Ok(Part::Tunnel),
            101 => malformed("it switches protocols without having been asked"),
            100..=199 => {
                framing.refuse_any("an interim response has a body")?;
                self.interim += 1;
                if self.interim > MOST_INTERIM {
                    return malformed("there are too many interim responses");
                }
                Ok(Part::Head)
            }
            204 => {
                framing.refuse_any("a response without content has a body")?;
                Ok(Part::Nothing)
            }
            304 => Ok(Part::Nothing),
            _ if self.asked.head_alone => Ok(Part::Nothing),
            _ => Ok(framing.part()),
        }
    }
}

/// What the headers say of where the body ends.
#[derive(Default)]
struct Framing {
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    fn note(&mut self, field: &Field<'_>) -> Result<(), Refusal> {
        let is = |known: &str| field.name.eq_ignore_ascii_case(known.as_bytes());
        if is("content-length") {
            if self.length.is_some() {
                return malformed("there is more than one Content-Length");
            }
            self.length = Some(parse_length(field.value)?);
        } else if is("transfer-encoding") {
            if self.chunked {
                return malformed("there is more than one Transfer-Encoding");
            }
            if !field.value.eq_ignore_ascii_case(b"chunked") {
                return malformed("Transfer-Encoding is not chunked alone");
            }
            self.chunked = true;
        }
        Ok(())
    }

    fn check(&self, http10: bool) -> Result<(), Refusal> {
        match self {
            Self { chunked: false, .. } => Ok(()),
            Self {
                length: Some(_), ..
            } => malformed("Content-Length stands beside Transfer-Encoding"),
            _ if http10 => malformed("HTTP/1.0 has no Transfer-Encoding"),
            _ => Ok(()),
        }
    }

    /// For what can have no body (RFC 9110, section 8.6, and RFC 9112, section 6.1). A length of 0 is forgiven:
    /// many servers say it, and nobody reads it in two ways.
    fn refuse_any(&self, reason: &'static str) -> Result<(), Refusal> {
        if self.chunked || self.length.is_some_and(|length| length > 0) {
            return malformed(reason);
        }
        Ok(())
    }

    fn part(self) -> Part {
        match self.length {
            _ if self.chunked => Part::Chunked(ChunkMeter::default()),
            Some(length) => Part::Length(length),
            None => Part::UntilClose,
        }
    }
}

fn malformed<T>(reason: &'static str) -> Result<T, Refusal> {
    Err(Refusal::ServerMalformed(reason))
}

/// The same of a server's message as of a client's, by whose fault it is.
fn of_server(refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Malformed(reason) => Refusal::ServerMalformed(reason),
        Refusal::HeaderTooLarge => {
            Refusal::ServerMalformed("a header's name or the trailer section is too large")
        }
        refusal => refusal,
    }
}

#[cfg(test)]
mod tests;
