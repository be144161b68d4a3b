//! A body on its way into a coding: piece by piece, or all at once.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::{
    codec::{Aim, Broken, Codec},
    engines::{Engine, Engines, Seat},
};
use crate::policy::Coding;

/// What a codec writes at a time.
const ROOM: usize = 16 << 10;

/// Compresses one body piece by piece. What comes of each is appended to `out`.
///
/// Dropped before [`Self::finish`], it leaves a coded body without its end, which every decoder notices.
#[derive(Debug)]
pub struct Encoder {
    coding: Coding,
    /// Until the body is finished, or the codec has failed.
    engine: Option<Engine>,
    /// Whether something was read since the last flush.
    has_more: bool,
    engines: Arc<Engines>,
    _seat: Seat,
}

impl Encoder {
    pub(super) fn begin(
        engines: &Arc<Engines>,
        seat: Seat,
        coding: Coding,
        level: u8,
        length: Option<u64>,
    ) -> Result<Self, Broken> {
        let mut engine = engines.take(coding)?;
        engine.codec.start(level, length)?;
        if engine.room.len() < ROOM {
            engine.room.resize(ROOM, 0);
        }
        Ok(Self {
            coding,
            engine: Some(engine),
            has_more: false,
            engines: Arc::clone(engines),
            _seat: seat,
        })
    }

    pub fn coding(&self) -> Coding {
        self.coding
    }

    /// Reads a piece. Often nothing comes out yet.
    pub fn push(&mut self, piece: &[u8], out: &mut BytesMut) -> Result<(), Broken> {
        if piece.is_empty() {
            return Ok(());
        }
        self.has_more = true;
        self.run(piece, Aim::Read, out)
    }

    /// Makes sure that whoever has what came out so far can decode all that was read. It costs a few bytes, and
    /// nothing where nothing was read since the last time.
    pub fn flush(&mut self, out: &mut BytesMut) -> Result<(), Broken> {
        if !self.has_more {
            return Ok(());
        }
        self.has_more = false;
        self.run(&[], Aim::Flush, out)
    }

    /// Ends the body. The encoder's memory serves another one from then on.
    pub fn finish(&mut self, out: &mut BytesMut) -> Result<(), Broken> {
        self.run(&[], Aim::Finish, out)?;
        self.give_back();
        Ok(())
    }

    fn run(&mut self, mut piece: &[u8], aim: Aim, out: &mut BytesMut) -> Result<(), Broken> {
        let mut engine = self.engine.take().ok_or(Broken)?; // gone for good, should it fail
        loop {
            let step = engine.codec.step(piece, aim, &mut engine.room)?;
            out.extend_from_slice(engine.room.get(..step.written).ok_or(Broken)?);
            piece = piece.get(step.read..).ok_or(Broken)?;
            if step.is_done {
                break;
            }
        }
        self.engine = Some(engine);
        Ok(())
    }

    fn give_back(&mut self) {
        if let Some(engine) = self.engine.take() {
            self.engines.give_back(self.coding, engine);
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// The whole of a body, in one allocation of its size; nothing if it would not be shorter than it was.
pub(super) fn whole(
    engines: &Engines,
    coding: Coding,
    level: u8,
    body: &[u8],
) -> Result<Option<Bytes>, Broken> {
    let shorter = body.len().saturating_sub(1);
    let mut engine = engines.take(coding)?;
    let length = u64::try_from(body.len()).or(Err(Broken))?;
    engine.codec.start(level, Some(length))?;
    if engine.room.len() < shorter {
        engine.room.resize(shorter, 0);
    }
    let room = engine.room.get_mut(..shorter).ok_or(Broken)?;
    let coded = fill(&mut *engine.codec, body, room)?;
    let coded = match coded {
        Some(length) => Some(Bytes::copy_from_slice(room.get(..length).ok_or(Broken)?)),
        None => None,
    };
    engines.give_back(coding, engine);
    Ok(coded)
}

/// How much of the room the coded body takes, if it has room there.
fn fill(codec: &mut dyn Codec, mut body: &[u8], room: &mut [u8]) -> Result<Option<usize>, Broken> {
    let mut used = 0;
    loop {
        let free = room.get_mut(used..).ok_or(Broken)?;
        if free.is_empty() {
            return Ok(None);
        }
        let step = codec.step(body, Aim::Finish, free)?;
        used += step.written;
        body = body.get(step.read..).ok_or(Broken)?;
        if step.is_done {
            return Ok(Some(used));
        }
    }
}
