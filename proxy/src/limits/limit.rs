//! One configured rate limit with its table: may this one pass now?
//!
//! The decision is `governor`'s. It is asked in time relative to now: its clock stands at zero, and what it sees as the
//! theoretical arrival time is how far that lies ahead. The table keeps it as a moment of its own clock, so that the state is
//! the same whatever bucket it is read by: a limit whose rate or burst changed goes on with it.

use std::{
    cell::Cell,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

use super::{Bucket, Identity, Standing, Table, shard::Key, table::nanos};

/// Requests that wait their turn at one limit at most, whoever they are from; each is a task and its memory.
pub const MOST_WAITING: usize = 4096;

#[derive(Debug)]
pub struct Limit {
    identity: Identity,
    /// What passes at once.
    strict: Gauge,
    /// What passes at once or waits.
    patient: Option<Gauge>,
    live: Arc<Live>,
}

/// What outlives reloads.
#[derive(Debug)]
pub struct Live {
    pub table: Table,
    waiting: AtomicUsize,
}

/// A bucket, as `governor` reads it.
#[derive(Clone, Copy, Debug)]
struct Gauge {
    bucket: Bucket,
    quota: Quota,
    /// Nanoseconds between two requests.
    interval: u64,
    /// Nanoseconds in which an empty bucket is full.
    fill: u64,
}

/// A turn in the queue of a limit. Dropping it makes room for another.
#[derive(Debug)]
pub struct Turn {
    /// How long to wait for it.
    pub wait: Duration,
    _place: Place,
}

#[derive(Debug)]
struct Place(Arc<Live>);

impl Limit {
    /// `delay` is how long a request may wait instead of being refused. The bucket takes at most [`Bucket::LONGEST_FILL`] to
    /// fill.
    pub fn new(identity: Identity, bucket: Bucket, delay: Duration, live: Arc<Live>) -> Self {
        let strict = Gauge::new(bucket);
        let turns = nanos(delay) / strict.interval;
        let turns = u32::try_from(turns).unwrap_or(u32::MAX);
        let patient = NonZeroU32::new(turns).map(|turns| {
            let burst = bucket.burst.saturating_add(turns.get());
            Gauge::new(Bucket { burst, ..bucket })
        });
        Self {
            identity,
            strict,
            patient,
            live,
        }
    }

    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    pub fn bucket(&self) -> Bucket {
        self.strict.bucket
    }

    /// In which an empty bucket is full.
    pub fn fill(&self) -> Duration {
        Duration::from_nanos(self.strict.fill)
    }

    pub fn table(&self) -> &Table {
        &self.live.table
    }

    /// Whether one more may pass now; if so it is counted.
    pub fn check(&self, key: Key, now: Instant) -> Standing {
        self.ask(&self.strict, key, now)
    }

    /// A turn for one that may not pass now, if it comes soon enough and not too many wait. It is counted, also if whoever
    /// waits for it leaves.
    pub fn queue(&self, key: Key, now: Instant) -> Option<(Turn, Standing)> {
        let patient = self.patient.as_ref()?;
        let place = Place::take(&self.live)?;
        let standing = self.ask(patient, key, now);
        standing.passes().then(|| {
            // It stands as far ahead as is to be waited for until the bucket holds what it may.
            let wait = nanos(standing.reset).saturating_sub(self.strict.fill);
            let turn = Turn {
                wait: Duration::from_nanos(wait),
                _place: place,
            };
            let remaining = 0;
            (
                turn,
                Standing {
                    remaining,
                    ..standing
                },
            )
        })
    }

    /// A turn that is granted elsewhere, if not too many wait here.
    pub fn turn(&self, wait: Duration) -> Option<Turn> {
        let place = Place::take(&self.live)?;
        Some(Turn {
            wait,
            _place: place,
        })
    }

    /// How much more the bucket holds of requests that may wait their turn.
    pub fn patience(&self) -> Duration {
        let patient = self.patient.as_ref();
        let more = patient.map_or(0, |patient| patient.fill.saturating_sub(self.strict.fill));
        Duration::from_nanos(more)
    }

    /// One that was counted did not pass after all. How the bucket stands without it; of a key that is forgotten already
    /// there is nothing to give back.
    pub fn give_back(&self, key: Key, now: Instant) -> Option<Standing> {
        let table = &self.live.table;
        let now = table.moment(now);
        let ahead = table.update(key, now, |until| {
            let until = until.ok_or(())?.saturating_sub(self.strict.interval);
            Ok::<_, ()>((until.saturating_sub(now), until))
        });
        let ahead = ahead.ok()?;
        Some(self.strict.standing(Duration::ZERO, ahead))
    }

    fn ask(&self, gauge: &Gauge, key: Key, now: Instant) -> Standing {
        let table = &self.live.table;
        let look = Look {
            table,
            key,
            now: table.moment(now),
            // What lies further ahead was put there by a bucket that was slower to fill.
            furthest: self.patient.as_ref().unwrap_or(&self.strict).fill,
            ahead: Cell::new(0),
        };
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Nanos>> =
            RateLimiter::new(gauge.quota, look, Standstill);
        let wait = match limiter.check() {
            Ok(()) => Duration::ZERO,
            Err(not_until) => not_until.wait_time_from(Nanos::new(0)),
        };
        gauge.standing(wait, limiter.into_state_store().ahead.get())
    }
}

impl Live {
    pub fn new(capacity: usize, now: Instant) -> Self {
        Self {
            table: Table::new(capacity, now),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Requests that wait their turn now.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Place {
    fn take(live: &Arc<Live>) -> Option<Self> {
        let place = Self(Arc::clone(live)); // its drop counts it out, also if it was one too many
        let before = live.waiting.fetch_add(1, Ordering::Relaxed);
        (before < MOST_WAITING).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Gauge {
    fn new(bucket: Bucket) -> Self {
        let interval = bucket.interval();
        let one = Quota::with_period(interval).unwrap_or(Quota::per_second(NonZeroU32::MIN));
        Self {
            bucket,
            quota: one.allow_burst(bucket.burst),
            interval: nanos(interval),
            fill: nanos(bucket.fill()),
        }
    }

    /// `ahead` is how many nanoseconds the theoretical arrival time lies ahead.
    fn standing(&self, wait: Duration, ahead: u64) -> Standing {
        let remaining = self.fill.saturating_sub(ahead) / self.interval;
        Standing {
            wait,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: Duration::from_nanos(ahead),
        }
    }
}

/// One look at one key: the state that `governor` sees.
struct Look<'a> {
    table: &'a Table,
    key: Key,
    now: u64,
    furthest: u64,
    /// What was found, or is now there.
    ahead: Cell<u64>,
}

impl StateStore for Look<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.table.update(self.key, self.now, |until| {
            let ahead = until.map_or(0, |until| until.saturating_sub(self.now));
            let ahead = ahead.min(self.furthest);
            self.ahead.set(ahead);
            let (passed, next) = decide(Some(Nanos::new(ahead)))?;
            self.ahead.set(next.as_u64());
            Ok((passed, self.now.saturating_add(next.as_u64())))
        })
    }
}

/// It is always now.
struct Standstill;

impl Clock for Standstill {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(0)
    }
}
