//! The places that a finished exchange is counted by.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use super::{
    meters::{ListenerMeters, RouteMeters},
    stages::Stages,
    tally::Tally,
    traffic::Traffic,
};

/// Those of one exchange; it may have ended before it had a route or a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    pub listener: Option<&'a ListenerMeters>,
    pub route: Option<&'a RouteMeters>,
    /// The server that was tried last.
    pub server: Option<&'a ServerMeters>,
}

/// Kinds of requests at a server and its upstream, by the connection that they went on; 0 for those that got none.
pub(super) const REUSED: usize = 1;
pub(super) const CONNECTED: usize = 2;

/// What is counted of requests by the server that they were sent to last. Lives with the server's vitals.
#[derive(Debug, Default)]
pub struct ServerMeters {
    pub traffic: Traffic,
    pub stages: Stages,
    /// Tries after the first that ended here.
    pub retries: AtomicU64,
}

impl ServerMeters {
    /// A second has passed, or so long.
    pub fn tick(&self, elapsed: Duration) {
        self.traffic.tick(elapsed);
    }

    pub(super) fn count(&self, tally: &Tally<'_>) {
        let timers = &tally.record.timers;
        let kind = match timers.connect {
            Some(Duration::ZERO) => REUSED,
            Some(_) => CONNECTED,
            None => 0,
        };
        self.traffic.count(tally, kind);
        self.stages.note(timers);
        if tally.record.retries > 0 {
            let retries = u64::from(tally.record.retries);
            self.retries.fetch_add(retries, Relaxed);
        }
    }

    /// Requests that came here on a connection that was kept.
    pub fn reused(&self) -> u64 {
        self.traffic.by_kind()[REUSED]
    }

    /// Requests that came here on a connection made for them.
    pub fn connected(&self) -> u64 {
        self.traffic.by_kind()[CONNECTED]
    }
}

/// The most there ever were of something at a time.
#[derive(Debug, Default)]
pub struct Most(AtomicU64);

impl Most {
    pub fn note(&self, now: u64) {
        // Nearly always a load alone.
        if now > self.0.load(Relaxed) {
            self.0.fetch_max(now, Relaxed);
        }
    }

    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
