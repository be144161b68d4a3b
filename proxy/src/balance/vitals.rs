//! The live state of one server: what it does now and what became of its requests.
//!
//! Shared by every generation of the configuration that names the server, so that a reload
//! neither forgets a dead server nor loses a count. Others read; only `balance` writes.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{
            AtomicU32, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};

use http::StatusCode;
use parking_lot::Mutex;

use super::{
    Reached,
    health::Slot,
    order::{OrderCell, Ordered},
    passive::Window,
    standing::{Change, Standing},
};
use crate::{
    config::model::HealthCheck,
    observe::{Most, ServerMeters},
};

/// Counters and health of one server. Every read is one relaxed load unless its doc says otherwise.
#[derive(Debug)]
pub struct Vitals {
    /// The zero of every time kept as a number here.
    origin: Instant,
    in_flight: AtomicU32,
    /// Connections that wait for their next request.
    idle: AtomicU32,
    /// By operators.
    ordered: OrderCell,
    /// Nanoseconds after `origin`; 0 while there is nothing to end.
    ejected_until: AtomicU64,
    /// [`Standing`] as bits.
    standing: AtomicU64,
    /// Nanoseconds after `origin`.
    last_change: AtomicU64,
    /// When the server last came back, as `last_change`; 0 if it never was away.
    came_back: AtomicU64,
    last_check: Mutex<Option<CheckResult>>,
    /// What its requests did, for pages and metrics.
    pub meters: ServerMeters,
    /// The most requests there were at a time.
    pub most: Most,
    /// Nanoseconds after `origin` since when it is down by its checks; 0 while it is up.
    down_since: AtomicU64,
    /// Nanoseconds it was down before.
    downtime: AtomicU64,
    pub(super) window: Window,
    /// The one task that checks this server.
    pub(super) checker: Slot,

    /// Times the server was chosen.
    pub picks: Counter,
    pub successes: Counter,
    pub failures: Failures,
    pub ejections: Counter,
    /// Ejections that did not happen because no other server would have been left.
    pub ejections_refused: Counter,
    /// Active checks made, and those that failed.
    pub checks: Counter,
    pub checks_failed: Counter,
    /// Times the server went down, came up or was ejected.
    pub changes: Counter,
    /// Times its checks took it down.
    pub downs: Counter,
    /// Connections given up because the server said more than it was asked for.
    pub surplus: Counter,
    /// When that was last told to the log, as `last_change`; 0 before.
    surplus_told: AtomicU64,
}

/// How often the log is told of the same fault of a server.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What went wrong between the proxy and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection was made, in time or at all.
    Connect,
    /// The connection broke before the response was complete.
    Reset,
    /// The response did not begin, or stalled.
    Timeout,
    /// The response breaks the protocol.
    Malformed,
    /// The server answered, with a status that tells of its own trouble (502, 503, 504).
    Status(StatusCode),
}

impl Failure {
    /// As metrics and traces call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Malformed => "malformed",
            Self::Status(_) => "status",
        }
    }
}

/// Failures by kind.
#[derive(Debug, Default)]
pub struct Failures {
    pub connect: Counter,
    pub reset: Counter,
    pub timeout: Counter,
    pub malformed: Counter,
    pub status: Counter,
}

impl Failures {
    pub(super) fn count(&self, failure: Failure) {
        match failure {
            Failure::Connect => self.connect.add(),
            Failure::Reset => self.reset.add(),
            Failure::Timeout => self.timeout.add(),
            Failure::Malformed => self.malformed.add(),
            Failure::Status(_) => self.status.add(),
        }
    }
}

/// A number that only grows. Anyone may read it, only `balance` adds to it.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// What the last active check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    pub good: bool,
    /// How far it came.
    pub reached: Reached,
    /// The status of an HTTP answer.
    pub status: Option<u16>,
    /// In plain words: `status 200`, `connection refused`, `no answer within 1s`.
    pub text: String,
    pub took: Duration,
    pub at: Instant,
}

impl Vitals {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            in_flight: AtomicU32::new(0),
            idle: AtomicU32::new(0),
            ordered: OrderCell::default(),
            ejected_until: AtomicU64::new(0),
            standing: AtomicU64::new(Standing::default().to_bits()),
            last_change: AtomicU64::new(0),
            came_back: AtomicU64::new(0),
            last_check: Mutex::new(None),
            meters: ServerMeters::default(),
            most: Most::default(),
            down_since: AtomicU64::new(0),
            downtime: AtomicU64::new(0),
            window: Window::default(),
            checker: Slot::default(),
            picks: Counter::default(),
            successes: Counter::default(),
            failures: Failures::default(),
            ejections: Counter::default(),
            ejections_refused: Counter::default(),
            checks: Counter::default(),
            checks_failed: Counter::default(),
            changes: Counter::default(),
            downs: Counter::default(),
            surplus: Counter::default(),
            surplus_told: AtomicU64::new(0),
        }
    }

    /// Requests at the server now, over all generations of the configuration.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }

    /// Counts a connection that waits for its next request, until the guard is dropped.
    pub fn idle(self: Arc<Self>) -> Idle {
        self.idle.fetch_add(1, Relaxed);
        Idle(self)
    }

    /// Connections that wait for their next request now.
    pub fn idle_connections(&self) -> u32 {
        self.idle.load(Relaxed)
    }

    /// What operators have ordered of the server.
    pub fn ordered(&self) -> Ordered {
        self.ordered.get()
    }

    pub fn standing(&self) -> Standing {
        Standing::from_bits(self.standing.load(Relaxed))
    }

    pub fn is_ejected(&self, now: Instant) -> bool {
        // Nearly always 0, which spares the arithmetic on time.
        let until = self.ejected_until.load(Relaxed);
        until != 0 && self.nanos(now) < until
    }

    /// Until when the server is left out, if it is.
    pub fn ejected_until(&self, now: Instant) -> Option<Instant> {
        let until = self.ejected_until.load(Relaxed);
        self.is_ejected(now)
            .then(|| self.origin + Duration::from_nanos(until))
    }

    /// When the server last went down, came up, was ejected or got an order; before that, when it was first seen.
    pub fn last_change(&self) -> Instant {
        self.origin + Duration::from_nanos(self.last_change.load(Relaxed))
    }

    /// Takes a lock for the time of a clone; meant for pages, not for requests.
    pub fn last_check(&self) -> Option<CheckResult> {
        self.last_check.lock().clone()
    }

    /// Does as ordered. A server that goes into maintenance or comes out of it has no past: what checks and
    /// requests found before says nothing of it any more.
    pub(super) fn follow(&self, ordered: Ordered, now: Instant) {
        let before = self.ordered.replace(ordered);
        if (before.order, before.takes_new()) != (ordered.order, ordered.takes_new()) {
            self.last_change.store(self.nanos(now), Relaxed);
        }
        if before.is_maint() != ordered.is_maint() {
            self.unchecked(now);
            self.window.clear();
            self.ejected_until.store(0, Relaxed);
            self.checker.wake();
        }
        if before.is_maint() && !ordered.is_maint() {
            self.came_back(now);
        }
    }

    /// Counts one more request in flight, unless that would exceed `limit`.
    pub(super) fn enter(&self, limit: Option<NonZeroU32>) -> bool {
        let Some(limit) = limit else {
            let before = self.in_flight.fetch_add(1, Relaxed);
            self.most.note(u64::from(before) + 1);
            return true;
        };
        let one_more = |count| (count < limit.get()).then_some(count + 1);
        let entered = self.in_flight.fetch_update(Relaxed, Relaxed, one_more);
        if let Ok(before) = entered {
            self.most.note(u64::from(before) + 1);
        }
        entered.is_ok()
    }

    /// In one order with what a queue reads and writes: see `Queue::freed`.
    pub(super) fn leave(&self) {
        self.in_flight.fetch_sub(1, SeqCst);
    }

    pub(super) fn eject(&self, now: Instant, span: Duration) {
        let span = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let until = self.nanos(now).saturating_add(span);
        self.ejected_until.store(until, Relaxed);
        self.ejections.add();
        self.changed(now);
    }

    /// Clears an ejection that is over; true for the one caller who did.
    pub(super) fn returned(&self, now: Instant) -> bool {
        let until = self.ejected_until.load(Relaxed);
        until != 0
            && until <= self.nanos(now)
            && self
                .ejected_until
                .compare_exchange(until, 0, Relaxed, Relaxed)
                .is_ok()
    }

    pub(super) fn checked(&self, result: CheckResult, check: &HealthCheck) -> Change {
        // The lock makes state and text change together.
        let mut last = self.last_check.lock();
        if self.ordered().is_maint() {
            return Change::None; // the check had begun before
        }
        let (standing, change) = self.standing().after(result.good, check);
        self.standing.store(standing.to_bits(), Relaxed);
        self.checks.add();
        if !result.good {
            self.checks_failed.add();
        }
        match change {
            Change::None => {}
            Change::WentUp => {
                self.went_up(result.at);
                self.came_back(result.at);
            }
            Change::WentDown => {
                self.downs.add();
                self.down_since.store(self.nanos(result.at).max(1), Relaxed);
            }
        }
        if change != Change::None {
            self.changed(result.at);
        }
        *last = Some(result);
        change
    }

    /// The server is back, after checks or an operator kept it away: its slow start begins.
    pub(super) fn came_back(&self, now: Instant) {
        self.came_back.store(self.nanos(now).max(1), Relaxed);
    }

    /// Since when it is back; nothing if it never was away.
    pub(super) fn up_for(&self, now: Instant) -> Option<Duration> {
        let since = Some(self.came_back.load(Relaxed)).filter(|since| *since != 0)?;
        Some(Duration::from_nanos(self.nanos(now).saturating_sub(since)))
    }

    /// Forgets what checks found, for a server that is checked no more, or not for a time.
    pub(super) fn unchecked(&self, now: Instant) {
        let mut last = self.last_check.lock();
        if !self.standing().is_up() {
            self.went_up(now);
        }
        self.standing.store(Standing::default().to_bits(), Relaxed);
        *last = None;
    }

    /// How long it was down by its checks, all times together.
    pub fn downtime(&self, now: Instant) -> Duration {
        // Whoever comes up meanwhile moves time from one number to the other.
        let _whole = self.last_check.lock();
        let since = self.down_since.load(Relaxed);
        let this_time = if since == 0 {
            0
        } else {
            self.nanos(now).saturating_sub(since)
        };
        Duration::from_nanos(self.downtime.load(Relaxed) + this_time)
    }

    fn went_up(&self, now: Instant) {
        let since = self.down_since.swap(0, Relaxed);
        if since != 0 {
            let this_time = self.nanos(now).saturating_sub(since);
            self.downtime.fetch_add(this_time, Relaxed);
        }
    }

    /// The server said more than it was asked for. True if that is to be logged: a server that always does
    /// fills no disk.
    pub fn said_too_much(&self, now: Instant) -> bool {
        self.surplus.add();
        let (now, last) = (self.nanos(now).max(1), self.surplus_told.load(Relaxed));
        let is_due = last == 0 || u128::from(now.saturating_sub(last)) >= TELL_EVERY.as_nanos();
        is_due
            && self
                .surplus_told
                .compare_exchange(last, now, Relaxed, Relaxed)
                .is_ok()
    }

    fn changed(&self, now: Instant) {
        self.changes.add();
        self.last_change.store(self.nanos(now), Relaxed);
    }

    fn nanos(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A waiting connection that is counted. Dropping it counts it out.
#[derive(Debug)]
pub struct Idle(Arc<Vitals>);

impl Idle {
    /// Of the server that it leads to.
    pub fn vitals(&self) -> &Vitals {
        &self.0
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        self.0.idle.fetch_sub(1, Relaxed);
    }
}
