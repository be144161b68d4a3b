//! gzip (RFC 1952), by zlib-rs.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::codec::{Aim, Broken, Codec, Step};

/// Those of zlib: 32 KiB, all that deflate knows (RFC 1951 section 2).
const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip {
    deflate: Compress,
    /// A body has begun and not ended.
    is_under_way: bool,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            deflate: Compress::new_gzip(Compression::default(), WINDOW_BITS),
            is_under_way: false,
        }
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}

impl Codec for Gzip {
    fn start(&mut self, level: u8, _length: Option<u64>) -> Result<(), Broken> {
        if self.is_under_way {
            // A reset of zlib-rs 0.6 forgets that a block of level 1 is open, and the next body would lack the head of its first.
            *self = Self::new();
        } else {
            self.deflate.reset();
        }
        let level = Compression::new(level.into());
        self.deflate.set_level(level).or(Err(Broken))
    }

    fn step(&mut self, input: &[u8], aim: Aim, room: &mut [u8]) -> Result<Step, Broken> {
        let flush = match aim {
            Aim::Read => FlushCompress::None,
            Aim::Flush => FlushCompress::Sync,
            Aim::Finish => FlushCompress::Finish,
        };
        self.is_under_way = true;
        let Self { deflate, .. } = self;
        let before = (deflate.total_in(), deflate.total_out());
        let status = deflate.compress(input, room, flush).or(Err(Broken))?;
        let read = usize::try_from(deflate.total_in() - before.0).or(Err(Broken))?;
        let written = usize::try_from(deflate.total_out() - before.1).or(Err(Broken))?;
        self.is_under_way = status != Status::StreamEnd;
        // What is still to be written fills the room to its last byte (deflate's avail_out).
        let is_all_out = read == input.len() && written < room.len();
        let is_done = match aim {
            Aim::Read | Aim::Flush => is_all_out,
            Aim::Finish => status == Status::StreamEnd,
        };
        Ok(Step {
            read,
            written,
            is_done,
        })
    }
}
