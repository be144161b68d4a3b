//! The live state of one limit: a number for each key, in a table with an end.
//!
//! **When it is full** of keys that are not over yet, a new one takes the place of the one that would be over first among a
//! few: the client that was closest to be forgotten is forgotten a little early, and may come again as if it were new. This is
//! counted. Nobody is turned away for want of room, and nothing walks over the whole table: it is in shards of a lock each, and
//! each insertion and each [`Table::tick`] look at a few places of one.

use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use parking_lot::Mutex;

use super::{
    Subject,
    shard::{Key, Shard},
    subject::Secret,
};

/// Keys of a shard when the table is full, about: few enough that it grows within microseconds, and so many that none is empty
/// when the table is full.
const KEYS_OF_SHARD: usize = 512;
const MOST_SHARDS: usize = 1 << 14;
/// Places looked at with each new key, for what is over.
const GLANCE: usize = 8;
/// Keys among which one is chosen to go.
const SAMPLE: usize = 8;
/// Ticks in which the whole table has been seen.
const ROUND: usize = 64;

/// Numbers are times in nanoseconds from the table's beginning, at which their keys are over.
#[derive(Debug)]
pub struct Table {
    shards: Box<[Mutex<Shard>]>,
    secret: Secret,
    begun: Instant,
    capacity: usize,
    held: AtomicUsize,
    evictions: AtomicU64,
    /// The shard that the next tick begins with.
    hand: AtomicUsize,
}

impl Table {
    pub fn new(capacity: usize, now: Instant) -> Self {
        let shards = (capacity / KEYS_OF_SHARD).next_power_of_two();
        Self {
            shards: (0..shards.min(MOST_SHARDS))
                .map(|_| Mutex::default())
                .collect(),
            secret: Secret::default(),
            begun: now,
            capacity,
            held: AtomicUsize::new(0),
            evictions: AtomicU64::new(0),
            hand: AtomicUsize::new(0),
        }
    }

    /// By what this table knows a subject.
    pub fn key(&self, subject: Subject<'_>) -> Key {
        self.secret.key(subject)
    }

    /// Nanoseconds since the table's beginning; for 584 years.
    pub(super) fn moment(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(self.begun))
    }

    /// Asks `decide`, by what stands under `key`, what shall stand there; an error leaves it as it is.
    pub(super) fn update<T, E>(
        &self,
        key: Key,
        now: u64,
        decide: impl FnOnce(Option<u64>) -> Result<(T, u64), E>,
    ) -> Result<T, E> {
        let mut shard = self.shard(key).lock();
        let before = shard.get(key);
        let (made, next) = decide(before)?;
        if before.is_none() {
            self.make_room(&mut shard, now);
        }
        shard.set(key, next);
        Ok(made)
    }

    /// Counts one more key in, and another out if there are too many.
    fn make_room(&self, shard: &mut Shard, now: u64) {
        let over = shard.sweep(GLANCE, |until| until <= now);
        self.held.fetch_sub(over, Ordering::Relaxed);
        if self.held.fetch_add(1, Ordering::Relaxed) >= self.capacity && shard.evict(SAMPLE) {
            self.held.fetch_sub(1, Ordering::Relaxed);
            self.evictions.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sweeps the next few shards. Called once a second, it has seen the whole table in about a minute.
    pub fn tick(&self, now: Instant) {
        let now = self.moment(now);
        let count = self.shards.len().div_ceil(ROUND);
        let first = self.hand.fetch_add(count, Ordering::Relaxed);
        for step in 0..count {
            // The number of shards is a power of two.
            let at = first.wrapping_add(step) & (self.shards.len() - 1);
            let mut shard = self.shards[at].lock();
            let places = shard.places();
            let over = shard.sweep(places, |until| until <= now);
            shard.shrink();
            self.held.fetch_sub(over, Ordering::Relaxed);
        }
    }

    /// Keys held now, those that are over and not yet swept among them.
    pub fn keys(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Keys that made room for others before they were over.
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        // The number of shards is a power of two, so the array always has that place.
        let place = usize::try_from(key.high() & (self.shards.len() as u64 - 1)).unwrap_or(0);
        &self.shards[place]
    }
}

/// What does not fit in 64 bits counts as all that does.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
