//! Codecs between bodies: their memory is large, and used again; and how many of them are in use for long.

use std::{
    collections::HashMap,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use super::{
    brotli::Brotli,
    codec::{Broken, Codec},
    gzip::Gzip,
    zstd::Zstd,
};
use crate::policy::Coding;

/// Kept of each coding for the next body. More are made when they are needed, and freed again.
const MOST_IDLE: usize = 8;
/// Kept of the room of each; only large bodies in one go take more.
const MOST_ROOM: usize = 64 << 10;

/// One for all policies of the process. Idle, it holds no more than 8 codecs of each coding.
#[derive(Debug, Default)]
pub struct Engines {
    brotli: Mutex<Vec<Engine>>,
    zstd: Mutex<Vec<Engine>>,
    gzip: Mutex<Vec<Engine>>,
    /// By whose policy they are of: a reload finds those that run.
    streams: Mutex<HashMap<Arc<str>, Weak<Streams>>>,
}

/// How many bodies are compressed as streams just now, for one policy.
#[derive(Debug, Default)]
pub(super) struct Streams(AtomicUsize);

/// A codec, and room for what it writes.
#[derive(Debug)]
pub(super) struct Engine {
    pub(super) codec: Box<dyn Codec>,
    pub(super) room: Vec<u8>,
}

impl Engines {
    /// One to use now, and to give back.
    pub(super) fn take(&self, coding: Coding) -> Result<Engine, Broken> {
        let idle = self.idle(coding).lock().pop();
        idle.map_or_else(|| Engine::new(coding), Ok)
    }

    pub(super) fn give_back(&self, coding: Coding, mut engine: Engine) {
        engine.codec.rest();
        engine.room.truncate(MOST_ROOM);
        engine.room.shrink_to(MOST_ROOM);
        let mut idle = self.idle(coding).lock();
        if idle.len() < MOST_IDLE {
            idle.push(engine);
        }
    }

    /// The streams of a policy, `owner` being the label of its route or `defaults`. They are counted on for as long as the
    /// policy is in some snapshot or one of them runs.
    pub(super) fn streams_of(&self, owner: &str) -> Arc<Streams> {
        let mut streams = self.streams.lock();
        if let Some(found) = streams.get(owner).and_then(Weak::upgrade) {
            return found;
        }
        streams.retain(|_, held| held.strong_count() > 0);
        let new = Arc::default();
        streams.insert(owner.into(), Arc::downgrade(&new));
        new
    }

    fn idle(&self, coding: Coding) -> &Mutex<Vec<Engine>> {
        match coding {
            Coding::Brotli => &self.brotli,
            Coding::Zstd => &self.zstd,
            Coding::Gzip => &self.gzip,
        }
    }
}

impl Engine {
    fn new(coding: Coding) -> Result<Self, Broken> {
        let codec: Box<dyn Codec> = match coding {
            Coding::Brotli => Box::new(Brotli::new()),
            Coding::Zstd => Box::new(Zstd::new()?),
            Coding::Gzip => Box::new(Gzip::new()),
        };
        Ok(Self {
            codec,
            room: Vec::new(),
        })
    }
}

impl Streams {
    /// A place among them, of which there are `most`.
    pub(super) fn seat(self: &Arc<Self>, most: usize) -> Option<Seat> {
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < most).then(|| taken + 1)
            });
        taken.is_ok().then(|| Seat(Arc::clone(self)))
    }
}

/// A place among the streams, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<Streams>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
