//! How many requests of each key are under way: for limits of concurrency.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use parking_lot::Mutex;

use super::{
    Subject,
    shard::{Key, Shard},
    subject::Secret,
};

const SHARDS: usize = 64;

/// Bounded, since a key is forgotten with its last request. One that finds no room among so many is let through without being
/// counted, which is counted: a limit of one client must not become one of all.
#[derive(Debug)]
pub struct Flights {
    shards: [Mutex<Shard>; SHARDS],
    secret: Secret,
    capacity: usize,
    keys: AtomicUsize,
    uncounted: AtomicU64,
}

/// A request that is under way. Dropping it counts it out.
#[derive(Debug)]
pub struct Flight {
    /// None if there was no room for its key.
    counted: Option<(Arc<Flights>, Key)>,
}

impl Flights {
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            secret: Secret::default(),
            capacity,
            keys: AtomicUsize::new(0),
            uncounted: AtomicU64::new(0),
        }
    }

    pub fn key(&self, subject: Subject<'_>) -> Key {
        self.secret.key(subject)
    }

    /// Counts one more of `key`, if fewer than `max` are under way.
    pub fn begin(self: &Arc<Self>, key: Key, max: u32) -> Option<Flight> {
        let mut shard = self.shard(key).lock();
        let before = shard.get(key);
        let count = before.unwrap_or(0);
        if count >= u64::from(max) {
            return None;
        }
        if before.is_none() && self.keys.fetch_add(1, Ordering::Relaxed) >= self.capacity {
            self.keys.fetch_sub(1, Ordering::Relaxed);
            self.uncounted.fetch_add(1, Ordering::Relaxed);
            return Some(Flight { counted: None });
        }
        shard.set(key, count + 1);
        Some(Flight {
            counted: Some((Arc::clone(self), key)),
        })
    }

    /// Keys with requests under way.
    pub fn keys(&self) -> usize {
        self.keys.load(Ordering::Relaxed)
    }

    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Requests that were let through without being counted.
    pub fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }

    fn shard(&self, key: Key) -> &Mutex<Shard> {
        // The remainder is below SHARDS, so the array always has that place.
        let place = usize::try_from(key.high() % SHARDS as u64).unwrap_or(0);
        &self.shards[place]
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some((flights, key)) = &self.counted else {
            return;
        };
        let mut shard = flights.shard(*key).lock();
        match shard.get(*key) {
            Some(count @ 2..) => {
                shard.set(*key, count - 1);
            }
            _ => {
                shard.remove(*key);
                shard.shrink();
                flights.keys.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}
