//! Brotli (RFC 7932), by Dropbox's encoder.

use std::fmt;

use brotli::enc::{
    StandardAlloc,
    encode::{BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct},
};

use super::codec::{Aim, Broken, Codec, Step};

/// Of a stream: 256 KiB.
const WINDOW_BITS: u32 = 18;
/// Of less than 128 KiB the encoder would save nothing: it takes other hash tables then, of 32 MiB from level 5 on.
const LEAST_WINDOW_BITS: u32 = 17;
/// Bytes of the window that the format keeps to itself.
const RESERVED: u64 = 16;
/// From 1 MiB on the encoder takes a hash table of 4 MiB; the one before it does nearly as well.
const MOST_HINT: u32 = (1 << 20) - 1;

pub(super) struct Brotli(Box<BrotliEncoderStateStruct<StandardAlloc>>);

impl Brotli {
    pub(super) fn new() -> Self {
        Self(Box::new(BrotliEncoderStateStruct::new(
            StandardAlloc::default(),
        )))
    }
}

impl fmt::Debug for Brotli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Brotli")
    }
}

impl Codec for Brotli {
    fn start(&mut self, level: u8, length: Option<u64>) -> Result<(), Broken> {
        self.rest();
        let hint = length.and_then(|length| u32::try_from(length).ok());
        for (parameter, value) in [
            (BrotliEncoderParameter::BROTLI_PARAM_QUALITY, level.into()),
            (
                BrotliEncoderParameter::BROTLI_PARAM_LGWIN,
                window_bits(length),
            ),
            (
                BrotliEncoderParameter::BROTLI_PARAM_SIZE_HINT,
                hint.unwrap_or(0).min(MOST_HINT),
            ),
        ] {
            if !self.0.set_parameter(parameter, value) {
                return Err(Broken);
            }
        }
        Ok(())
    }

    /// Its memory is several MiB after a stream, and has to be cleared before it is used again: the allocator is as
    /// quick at that as we would be (measured).
    fn rest(&mut self) {
        *self.0 = BrotliEncoderStateStruct::new(StandardAlloc::default());
    }

    fn step(&mut self, input: &[u8], aim: Aim, room: &mut [u8]) -> Result<Step, Broken> {
        let operation = match aim {
            Aim::Read => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            Aim::Flush => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            Aim::Finish => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
        };
        let (mut left, mut read) = (input.len(), 0);
        let (mut free, mut written) = (room.len(), 0);
        let is_well = self.0.compress_stream(
            operation,
            &mut left,
            input,
            &mut read,
            &mut free,
            room,
            &mut written,
            &mut None,
            &mut |_, _, _, _| (),
        );
        if !is_well {
            return Err(Broken);
        }
        let is_all_out = left == 0 && !self.0.has_more_output();
        Ok(Step {
            read,
            written,
            is_done: match aim {
                Aim::Read | Aim::Flush => is_all_out,
                Aim::Finish => self.0.is_finished(),
            },
        })
    }
}

/// Enough for the whole body, if that is short.
fn window_bits(length: Option<u64>) -> u32 {
    let enough = length.map_or(WINDOW_BITS, |length| {
        u64::BITS - (length.saturating_add(RESERVED - 1)).leading_zeros()
    });
    enough.clamp(LEAST_WINDOW_BITS, WINDOW_BITS)
}
