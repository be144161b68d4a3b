//! Zstandard (RFC 8878), by its own library.

use std::fmt;

use zstd::zstd_safe::{
    CCtx, CParameter, InBuffer, OutBuffer, ResetDirective, SafeResult, zstd_sys::ZSTD_EndDirective,
};

use super::codec::{Aim, Broken, Codec, Step};

/// Of a stream: 128 KiB. RFC 9659 lets us use 8 MiB, but the window is memory here and in the client.
const WINDOW_BITS: u32 = 17;
/// From this level on tables are larger than such a window has a use for.
const WITH_LARGE_TABLES: u8 = 4;
/// The least that the format has (RFC 8878 section 3.1.1.1.2).
const LEAST_WINDOW_BITS: u32 = 10;

/// Bytes that are kept for the next body.
const MOST_AT_REST: usize = 4 << 20;

pub(super) struct Zstd(CCtx<'static>);

impl Zstd {
    pub(super) fn new() -> Result<Self, Broken> {
        CCtx::try_create().map(Self).ok_or(Broken)
    }
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zstd")
    }
}

impl Codec for Zstd {
    fn start(&mut self, level: u8, length: Option<u64>) -> Result<(), Broken> {
        self.0
            .reset(ResetDirective::SessionAndParameters)
            .and_then(|_| {
                self.0
                    .set_parameter(CParameter::CompressionLevel(level.into()))
            })
            .and_then(|_| {
                self.0
                    .set_parameter(CParameter::WindowLog(window_bits(length)))
            })
            .and_then(|_| self.set_tables(level))
            .and_then(|_| self.0.set_pledged_src_size(length))
            .map(|_| ())
            .map_err(|_| Broken)
    }

    fn rest(&mut self) {
        if self.0.sizeof() > MOST_AT_REST
            && let Ok(fresh) = Self::new()
        {
            *self = fresh;
        }
    }

    fn step(&mut self, input: &[u8], aim: Aim, room: &mut [u8]) -> Result<Step, Broken> {
        let directive = match aim {
            Aim::Read => ZSTD_EndDirective::ZSTD_e_continue,
            Aim::Flush => ZSTD_EndDirective::ZSTD_e_flush,
            Aim::Finish => ZSTD_EndDirective::ZSTD_e_end,
        };
        let mut from = InBuffer::around(input);
        let mut into = OutBuffer::around(room);
        let left = self
            .0
            .compress_stream2(&mut into, &mut from, directive)
            .map_err(|_| Broken)?;
        let is_read = from.pos() == input.len();
        Ok(Step {
            read: from.pos(),
            written: into.pos(),
            is_done: is_read && (left == 0 || aim == Aim::Read),
        })
    }
}

impl Zstd {
    /// Without a length the library takes tables for a window of megabytes: 80 MiB at level 19. These are about what it
    /// takes for a window of ours, and shrink by themselves where the length is known.
    fn set_tables(&mut self, level: u8) -> SafeResult {
        if level < WITH_LARGE_TABLES {
            return Ok(0);
        }
        self.0.set_parameter(CParameter::HashLog(WINDOW_BITS))?;
        self.0.set_parameter(CParameter::ChainLog(WINDOW_BITS))
    }
}

/// Enough for the whole body, if that is short.
fn window_bits(length: Option<u64>) -> u32 {
    let enough = length.map_or(WINDOW_BITS, |length| {
        u64::BITS - length.saturating_sub(1).leading_zeros()
    });
    enough.clamp(LEAST_WINDOW_BITS, WINDOW_BITS)
}
