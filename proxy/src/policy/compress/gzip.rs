//! gzip (RFC 1952), by zlib-rs.

use std::fmt;

use flate2::{Compress, Compression, FlushCompress, Status};

use super::codec::{Aim, Broken, Codec, Step};

/// Those of zlib: 32 KiB, all that deflate knows (RFC 1951 section 2).
const WINDOW_BITS: u8 = 15;

pub(super) struct Gzip(Compress);

impl Gzip {
    pub(super) fn new() -> Self {
        Self(Compress::new_gzip(Compression::default(), WINDOW_BITS))
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}

impl Codec for Gzip {
    fn start(&mut self, level: u8, _length: Option<u64>) -> Result<(), Broken> {
        self.0.reset();
        let level = Compression::new(level.into());
        self.0.set_level(level).map_err(|_| Broken)
    }

    fn step(&mut self, input: &[u8], aim: Aim, room: &mut [u8]) -> Result<Step, Broken> {
        let flush = match aim {
            Aim::Read => FlushCompress::None,
            Aim::Flush => FlushCompress::Sync,
            Aim::Finish => FlushCompress::Finish,
        };
        let before = (self.0.total_in(), self.0.total_out());
        let status = self.0.compress(input, room, flush).map_err(|_| Broken)?;
        let read = usize::try_from(self.0.total_in() - before.0).map_err(|_| Broken)?;
        let written = usize::try_from(self.0.total_out() - before.1).map_err(|_| Broken)?;
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
