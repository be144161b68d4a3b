//! Meters the frames of an HTTP/2 connection: what costs us more than the client is bounded.
//!
//! RFC 9113 lets a client send without end what is cheap to send and costly to take: resets, settings,
//! pings, header blocks that never end. The meter follows both directions frame by frame, from 9-byte head to
//! 9-byte head; payloads pass by count. Control frames spend from an allowance of their kind; useful work
//! earns it back (an answer, a byte of a body), and so does time. A client that is neither useful nor
//! patient overdraws, and its connection ends; so does that of a client that breaks the protocol (`order.rs`).
//!
//! No clock, no socket, and no memory but that of the streams that are open: the same bytes at the same time have the same verdict,
//! however they were split.

mod allowance;
mod bare;
mod flood;
mod offence;
mod open;
mod order;
#[cfg(test)]
mod tests;
mod walk;

pub use flood::Flood;
pub use offence::Offence;
pub use order::Breach;

use std::time::Instant;

use allowance::Account;
use bare::Bare;
use open::Open;
use order::Order;
use walk::{Frame, Walk, flag, kind};

use crate::config::model::Limits;

/// With which a client begins (RFC 9113 section 3.4).
pub const PREFACE: usize = 24;

/// The largest payload that is taken: we never raise the protocol's own limit (RFC 9113 section 4.2).
const LARGEST_PAYLOAD: u64 = 16 << 10;
/// The protocol knows eight settings; with made-up ones against ossification (RFC 8701), no client sends
/// a dozen. nghttp2 refuses more than 32 as well, since CVE-2020-11080.
const SETTINGS_OF_ONE_FRAME: u32 = 32;
const BYTES_OF_A_SETTING: u32 = 6;
/// DATA with less moves nothing along: a window may be opened by a byte at a time.
const TINY: u32 = 256;

/// One connection's meter.
#[derive(Debug)]
pub struct FrameMeter {
    received: Walk,
    sent: Walk,
    preface_left: usize,
    /// A header block that has begun and not ended.
    block: Option<Block>,
    /// Frames that have begun something.
    begun: u64,
    largest_block: u64,
    most_continuations: u64,
    /// The highest stream the client has opened.
    last_stream: u32,
    /// The client has said that it heeds our settings.
    has_our_settings: bool,
    accounts: Accounts,
    order: Order,
    open: Open,
    /// Frames of answers that were sent, but for tiny ones.
    moved: u64,
    /// See [`Progress::cancels`].
    cancels: bool,
    /// Once found, never forgotten.
    offence: Option<Offence>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    bytes: u64,
    continuations: u64,
}

/// What was found in bytes to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The code of a GOAWAY, if it says that something is wrong.
    pub goodbye: Option<u32>,
    /// Requests that the lane itself has turned away as malformed.
    pub malformed: u32,
    /// Requests that the lane itself has turned away for their large header.
    pub too_large: u32,
}

/// How answers are getting on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Streams whose answers have not been sent to their end.
    pub open: usize,
    /// Those of them whose window, or the connection's, is closed.
    pub starved: usize,
    /// Frames of answers that were sent so far, but for tiny ones of a body.
    pub moved: u64,
    /// The client has taken back many requests of late.
    pub cancels: bool,
}

/// What is left of each allowance. The numbers, with their reasons, are in `allowance.rs`.
#[derive(Debug)]
struct Accounts {
    resets: Account,
    our_resets: Account,
    pings: Account,
    settings: Account,
    priorities: Account,
    windows: Account,
    empty: Account,
    unknown: Account,
}

impl FrameMeter {
    /// Meters a connection from the first byte of its preface.
    pub fn new(limits: &Limits) -> Self {
        let header_size = limits.header_size.get();
        Self {
            received: Walk::default(),
            sent: Walk::default(),
            preface_left: PREFACE,
            block: None,
            begun: 0,
            // One frame more than may be decoded: a client that is a little above is told so with 431.
            largest_block: header_size.saturating_add(LARGEST_PAYLOAD),
            // As many as it takes, and one for an encoder that does not fill them.
            most_continuations: (header_size / LARGEST_PAYLOAD).max(4) + 1,
            last_stream: 0,
            has_our_settings: false,
            accounts: Accounts {
                resets: allowance::resets(Self::resets_at_once(limits)),
                our_resets: allowance::our_resets(),
                pings: allowance::pings(),
                settings: allowance::settings(),
                priorities: allowance::priorities(),
                windows: allowance::windows(),
                empty: allowance::empty(),
                unknown: allowance::unknown(),
            },
            order: Order::default(),
            open: Open::default(),
            moved: 0,
            cancels: false,
            offence: None,
        }
    }

    /// Requests that a client may take back at once: a browser that is sent elsewhere cancels all its streams,
    /// and may do so again on the next page.
    pub fn resets_at_once(limits: &Limits) -> usize {
        usize::try_from(limits.streams.get())
            .unwrap_or(usize::MAX)
            .saturating_mul(2)
            .max(50)
    }

    /// Follows bytes from the client.
    ///
    /// # Errors
    ///
    /// The flood that these bytes, or what we had to write because of earlier ones, make, or how they break
    /// the protocol. The connection has to end; nothing of these bytes should be read.
    pub fn accept(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Offence> {
        let preface = self.preface_left.min(bytes.len());
        self.preface_left -= preface;
        bytes = bytes.get(preface..).unwrap_or_default();
        if let Some(offence) = self.offence {
            return Err(offence);
        }
        let verdict = self.follow(bytes, now);
        self.offence = verdict.err();
        verdict
    }

    fn follow(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Offence> {
        loop {
            if let Some(window) = self.order.pass(self.received.passing(bytes))? {
                self.open.begin_with(window);
            }
            let Some(frame) = self.received.next(&mut bytes) else {
                return Ok(());
            };
            self.order.judge(&frame)?;
            self.judge(&frame, now)?;
        }
    }

    /// Follows bytes to the client.
    pub fn sent(&mut self, mut bytes: &[u8], now: Instant) -> Said {
        let mut said = Said::default();
        while let Some(frame) = self.sent.next(&mut bytes) {
            self.follow_sent(&frame, &mut said, now);
        }
        said
    }

    fn follow_sent(&mut self, frame: &Frame, said: &mut Said, now: Instant) {
        let mut is_rebuke = false;
        match frame.kind {
            kind::DATA => {
                self.accounts.pings.earn(1);
                self.accounts.windows.earn_by_bytes(frame.length);
                self.open.spend(frame.stream, frame.length);
            }
            kind::HEADERS if self.open.answer(frame.stream) && frame.ends_stream() => {
                let bare = frame.short_block().and_then(Bare::of);
                said.malformed += u32::from(bare == Some(Bare::Malformed));
                said.too_large += u32::from(bare == Some(Bare::TooLarge));
                is_rebuke = bare.is_some();
            }
            kind::RST_STREAM => is_rebuke = self.is_blame(frame.code()),
            kind::GOAWAY => {
                said.goodbye = said
                    .goodbye
                    .or(Some(frame.code()).filter(|code| *code != 0));
                self.open.end_after(frame.last_stream());
            }
            _ => {}
        }
        if is_rebuke && !self.accounts.our_resets.spend(now) {
            self.offence = self.offence.or(Some(Flood::MadeYouReset.into()));
        } else if frame.ends_stream() && !is_rebuke {
            self.accounts.answered();
        }
        let is_tiny = frame.kind == kind::DATA && frame.length < TINY && !frame.ends_stream();
        self.moved += u64::from(matches!(frame.kind, kind::DATA | kind::HEADERS) && !is_tiny);
        if frame.ends_stream() || frame.kind == kind::RST_STREAM {
            let was_open = self.open.end(frame.stream);
            // An answer was counted above, and whoever was answered already is not counted again.
            let is_new = frame.kind == kind::RST_STREAM && is_rebuke && was_open;
            said.malformed += u32::from(is_new);
        }
    }

    /// The number of what has begun and must soon end: a header block, or a frame that is not a body's.
    pub fn owes(&self) -> Option<u64> {
        let owes = self.block.is_some() || self.received.is_inside(|kind| kind != kind::DATA);
        owes.then_some(self.begun)
    }

    /// How answers are getting on.
    pub fn progress(&self) -> Progress {
        Progress {
            open: self.open.count(),
            starved: self.open.starved(),
            moved: self.moved,
            cancels: self.cancels,
        }
    }

    /// A GOAWAY that says why the connection ends; nothing while a frame of ours is only half written,
    /// which it would become a part of.
    pub fn goodbye(&self, offence: Offence) -> Option<Vec<u8>> {
        let why = match offence {
            Offence::Flood(flood) => flood.label(),
            Offence::Breach(breach) => breach.why(),
        };
        self.sent
            .is_at_a_border()
            .then(|| walk::goaway(self.last_stream, offence.code(), why))
    }

    /// Whether a reset of ours has this code because the client did wrong. `NO_ERROR` ends an upload that was
    /// answered early, `CANCEL` and `INTERNAL_ERROR` are about us and our servers (RFC 9113 section 7), and
    /// `REFUSED_STREAM` is no reproach to a client that has not heard yet how many streams it may open.
    fn is_blame(&self, code: u32) -> bool {
        match code {
            0 | 2 | 8 => false,
            7 => self.has_our_settings,
            _ => true,
        }
    }

    fn judge(&mut self, frame: &Frame, now: Instant) -> Result<(), Flood> {
        self.begun += u64::from(frame.kind != kind::CONTINUATION);
        let accounts = &mut self.accounts;
        let (account, flood) = match frame.kind {
            kind::HEADERS | kind::CONTINUATION => return self.judge_block(frame),
            kind::DATA if !frame.is_empty_data() => return Ok(()),
            kind::DATA => (&mut accounts.empty, Flood::EmptyFrames),
            kind::RST_STREAM => {
                self.open.end(frame.stream);
                (&mut accounts.resets, Flood::RapidReset)
            }
            kind::PING => (&mut accounts.pings, Flood::Ping),
            kind::WINDOW_UPDATE => {
                self.open.widen(frame.stream, frame.increment());
                (&mut accounts.windows, Flood::WindowDribble)
            }
            kind::PRIORITY | kind::PRIORITY_UPDATE => (&mut accounts.priorities, Flood::Priority),
            kind::SETTINGS if frame.length > SETTINGS_OF_ONE_FRAME * BYTES_OF_A_SETTING => {
                return Err(Flood::Settings);
            }
            kind::SETTINGS if frame.has(flag::ACK) && !self.has_our_settings => {
                self.has_our_settings = true;
                return Ok(());
            }
            kind::SETTINGS => (&mut accounts.settings, Flood::Settings),
            // A GOAWAY or PUSH_PROMISE from a client is rare enough to be counted with them.
            _ => (&mut accounts.unknown, Flood::UnknownFrames),
        };
        let is_there = account.spend(now);
        if frame.kind == kind::RST_STREAM {
            self.cancels = self.accounts.resets.is_quarter_spent(now);
        }
        if is_there { Ok(()) } else { Err(flood) }
    }

    /// A header block is HEADERS and what continues it (RFC 9113 section 4.3): compressed, it is not larger
    /// than a header may be, and is not cut to pieces.
    fn judge_block(&mut self, frame: &Frame) -> Result<(), Flood> {
        let mut block = match (frame.kind, self.block) {
            (kind::HEADERS, _) => {
                if frame.stream > self.last_stream {
                    self.last_stream = frame.stream;
                    self.open.begin(frame.stream);
                }
                Block {
                    bytes: 0,
                    continuations: 0,
                }
            }
            (_, Some(block)) => Block {
                continuations: block.continuations + 1,
                ..block
            },
            // It continues nothing: a protocol error, which the lane will see.
            (_, None) => return Ok(()),
        };
        block.bytes += u64::from(frame.length);
        let ends = frame.has(flag::END_HEADERS);
        let is_idle = block.continuations > 0 && frame.length == 0 && !ends;
        if is_idle
            || block.bytes > self.largest_block
            || block.continuations > self.most_continuations
        {
            return Err(Flood::Continuation);
        }
        self.block = (!ends).then_some(block);
        Ok(())
    }
}

impl Accounts {
    /// We have ended a stream in order. What belongs to a request that was served is given back.
    fn answered(&mut self) {
        self.resets.earn(1);
        self.pings.earn(1);
        // Some browsers open the window of each stream by hand, and change its priority as the page moves.
        self.windows.earn(4);
        self.priorities.earn(2);
        self.unknown.earn(1);
    }
}
