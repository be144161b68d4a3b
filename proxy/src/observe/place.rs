//! The places that a finished exchange is counted by.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;

use super::{
    LastMinute,
    meters::{ListenerMeters, RouteMeters},
    record::Record,
    stages::Stages,
    traffic::{Flow, Traffic},
};

/// Those of one exchange; it may have ended before it had a route or a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    pub listener: Option<&'a ListenerMeters>,
    pub route: Option<&'a RouteMeters>,
    /// The server that was tried last.
    pub server: Option<&'a ServerMeters>,
}

/// What is counted of requests by the server that they were sent to last. Lives with the server's vitals.
#[derive(Debug, Default)]
pub struct ServerMeters {
    pub traffic: Traffic,
    pub stages: Stages,
    minute: Mutex<LastMinute>,
    /// Requests that came here on a connection that was kept, or on one made for them.
    pub reused: AtomicU64,
    pub connected: AtomicU64,
    /// Tries after the first that ended here.
    pub retries: AtomicU64,
}

impl ServerMeters {
    /// A second has passed, or so long.
    pub fn tick(&self, elapsed: Duration) {
        self.traffic.rate.tick(self.traffic.requests(), elapsed);
        self.minute.lock().tick(|| self.traffic.total.counts());
    }

    pub fn flow(&self) -> Flow {
        let counts = self.traffic.total.counts();
        let minute = self.minute.lock().quantiles(&counts);
        self.traffic.flow(minute)
    }

    pub(super) fn count(&self, record: &Record<'_>) {
        self.traffic.count(record);
        self.stages.note(&record.timers);
        if let Some(connect) = record.timers.connect {
            let counter = if connect.is_zero() {
                &self.reused
            } else {
                &self.connected
            };
            counter.fetch_add(1, Relaxed);
        }
        if record.retries > 0 {
            self.retries.fetch_add(u64::from(record.retries), Relaxed);
        }
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
