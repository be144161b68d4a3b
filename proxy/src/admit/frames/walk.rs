//! From frame to frame: heads are read, payloads are counted (RFC 9113 section 4.1).

/// Kinds of frames (RFC 9113 section 6; RFC 9218 section 7.1).
pub(super) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
    pub(crate) const PRIORITY_UPDATE: u8 = 0x10;
}

pub(super) mod flag {
    pub(crate) const END_STREAM: u8 = 0x1;
    /// Of SETTINGS and PING.
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

const HEAD: usize = 9;
/// As much of a payload as is ever looked at: a status, after two changes to the size of HPACK's table.
const LEAD: usize = 12;
/// A GOAWAY's last stream and code.
const GOODBYE: usize = 8;

/// One direction of a connection, at any place between two bytes.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The head that is coming in, and the lead of its payload.
    head: [u8; HEAD + LEAD],
    have: usize,
    /// Bytes of the payload that are still to pass.
    left: usize,
    /// The kind of the frame whose payload passes.
    kind: u8,
}

/// A frame that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Of the payload.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    lead: [u8; LEAD],
}

impl Walk {
    /// Takes bytes off the front until a frame is known for what it is; nothing if they do not suffice.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        let passing = self.left.min(bytes.len());
        self.left -= passing;
        *bytes = bytes.get(passing..).unwrap_or_default();
        loop {
            let needed = self.needed();
            let missing = needed.saturating_sub(self.have);
            if missing == 0 {
                return Some(self.begin());
            }
            let (taken, rest) = bytes.split_at_checked(missing).unwrap_or((bytes, &[]));
            if taken.is_empty() {
                return None;
            }
            let end = self.have + taken.len();
            if let Some(place) = self.head.get_mut(self.have..end) {
                place.copy_from_slice(taken);
            }
            self.have = end;
            *bytes = rest;
        }
    }

    /// As much of these bytes, which come next, as belongs to the payload of the last frame.
    pub(super) fn passing<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(..self.left).unwrap_or(bytes)
    }

    /// Whether every frame that has begun has also ended.
    pub(super) fn is_at_a_border(&self) -> bool {
        self.have == 0 && self.left == 0
    }

    /// Whether a payload, of a kind about which `is_it` is true, has begun and not ended.
    pub(super) fn is_inside(&self, is_it: impl Fn(u8) -> bool) -> bool {
        let [_, _, _, kind, ..] = self.head;
        (self.left > 0 && is_it(self.kind)) || (self.have >= HEAD && is_it(kind))
    }

    /// How many bytes it takes to know the frame at hand.
    fn needed(&self) -> usize {
        if self.have < HEAD {
            return HEAD;
        }
        let [_, _, _, kind, flags, ..] = self.head;
        let length = number(&self.head[..3]) as usize;
        let lead = match kind {
            kind::DATA if flags & flag::PADDED != 0 => 1,
            kind::HEADERS => LEAD,
            kind::RST_STREAM | kind::WINDOW_UPDATE => 4,
            kind::GOAWAY => GOODBYE,
            _ => 0,
        };
        HEAD + length.min(lead)
    }

    fn begin(&mut self) -> Frame {
        let [_, _, _, kind, flags, _, _, _, _, lead @ ..] = self.head;
        let length = number(&self.head[..3]);
        self.left = (length as usize).saturating_sub(self.have - HEAD);
        self.kind = kind;
        self.have = 0;
        Frame {
            length,
            kind,
            flags,
            // The highest bit is reserved.
            stream: number(&self.head[5..HEAD]) & 0x7fff_ffff,
            lead,
        }
    }
}

impl Frame {
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn ends_stream(&self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.has(flag::END_STREAM)
    }

    /// Whether it is DATA that brings nothing, not even the end. What is all padding brings nothing.
    pub(super) fn is_empty_data(&self) -> bool {
        let [padding, ..] = self.lead;
        let unused = if self.has(flag::PADDED) {
            1 + u32::from(padding)
        } else {
            0
        };
        !self.ends_stream() && self.length <= unused
    }

    /// The stream that a HEADERS frame says it depends on (RFC 7540 section 6.2).
    pub(super) fn depends_on(&self) -> Option<u32> {
        if !self.has(flag::PRIORITY) {
            return None;
        }
        let after_padding = usize::from(self.has(flag::PADDED));
        let dependency = self.lead.get(after_padding..)?.first_chunk()?;
        // The highest bit says that it shares with no other.
        Some(u32::from_be_bytes(*dependency) & 0x7fff_ffff)
    }

    /// The last stream that a GOAWAY takes notice of.
    pub(super) fn last_stream(&self) -> u32 {
        number(&self.lead[..4]) & (u32::MAX >> 1)
    }

    /// The error code of a `RST_STREAM` or GOAWAY; of one that is cut short, anything.
    pub(super) fn code(&self) -> u32 {
        number(match self.kind {
            kind::GOAWAY => &self.lead[4..GOODBYE],
            _ => &self.lead[..4],
        })
    }

    /// By how much a `WINDOW_UPDATE` opens a window.
    pub(super) fn increment(&self) -> u32 {
        number(&self.lead[..4]) & (u32::MAX >> 1)
    }

    /// The header block, if all of it is here and is not long.
    pub(super) fn short_block(&self) -> Option<&[u8]> {
        let is_whole = self.kind == kind::HEADERS && self.has(flag::END_HEADERS);
        let block = self.lead.get(..self.length as usize);
        block.filter(|_| is_whole && !self.has(flag::PADDED | flag::PRIORITY))
    }
}

/// A number of up to four bytes, in network order.
fn number(bytes: &[u8]) -> u32 {
    let shifted = |number, byte: &u8| number << 8 | u32::from(*byte);
    bytes.iter().fold(0, shifted)
}

/// The bytes of a GOAWAY (RFC 9113 section 6.8).
pub(super) fn goaway(last_stream: u32, code: u32, why: &str) -> Vec<u8> {
    let length = u8::try_from(GOODBYE + why.len()).unwrap_or(u8::MAX);
    let why = why.as_bytes().get(..usize::from(length) - GOODBYE);
    [
        &[0, 0, length, kind::GOAWAY, 0, 0, 0, 0, 0][..],
        &last_stream.to_be_bytes(),
        &code.to_be_bytes(),
        why.unwrap_or_default(),
    ]
    .concat()
}
