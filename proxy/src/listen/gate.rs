//! What of a connection passes: where a message of HTTP/1 ends, and when frames of HTTP/2 are too many.

use super::stream::Frames;
use crate::{
    admit::{ChunkMeter, Framing},
    respond::Refusal,
};

/// Lets the bytes of one message through, and not one of the next.
///
/// The lane behind the stream can therefore neither over-read nor mistake a body for a request:
/// smuggling behind a local answer, pipelining and framing are settled here, for both lanes.
#[derive(Debug)]
pub enum Gate {
    /// Everything passes: a connection that was upgraded.
    Open,
    /// Everything passes until it is too much: HTTP/2.
    Frames(Box<Frames>),
    /// This many bytes of the body are still to come; at zero the message has ended.
    Length(u64),
    Chunked(ChunkMeter),
}

impl Gate {
    pub fn new(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::Length(0),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkMeter::default()),
        }
    }

    /// Whether the message has been read to its end.
    pub fn is_closed(&self) -> bool {
        match self {
            Self::Open | Self::Frames(_) => false,
            Self::Length(left) => *left == 0,
            Self::Chunked(meter) => meter.done(),
        }
    }

    /// How many of `bytes`, which come next, belong to the message; counts them as passed.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<usize, Refusal> {
        match self {
            Self::Open | Self::Frames(_) => Ok(bytes.len()),
            Self::Length(left) => {
                let passed =
                    usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= passed as u64;
                Ok(passed)
            }
            Self::Chunked(meter) => meter.accept(bytes),
        }
    }
}
