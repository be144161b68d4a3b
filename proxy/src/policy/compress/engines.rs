//! Codecs between bodies: their memory is large, and used again.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
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

/// One for all policies of a snapshot. Idle, it holds no more than 8 codecs of each coding.
#[derive(Debug, Default)]
pub struct Engines {
    brotli: Mutex<Vec<Engine>>,
    zstd: Mutex<Vec<Engine>>,
    gzip: Mutex<Vec<Engine>>,
    streams: AtomicUsize,
}

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
        let mut idle = self.idle(coding).lock();
        if idle.len() < MOST_IDLE {
            idle.push(engine);
        }
    }

    /// A place among the streams, of which there are `most`.
    pub(super) fn seat(self: &Arc<Self>, most: usize) -> Option<Seat> {
        let taken = self
            .streams
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < most).then(|| taken + 1)
            });
        taken.is_ok().then(|| Seat(Arc::clone(self)))
    }

    /// Bodies that are compressed as streams just now.
    pub fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
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

/// A place among the streams, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<Engines>);

impl Seat {
    pub(super) fn engines(&self) -> &Arc<Engines> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
