//! What is counted of requests by their upstream.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus::IntCounter;

use super::removed;
use crate::observe::{
    Counts, History, Latency, Metrics, Most, Outages, Point, Stages, Traffic,
    place::{CONNECTED, REUSED},
    tally::Tally,
};

/// What is counted of requests by their upstream, whatever server they came to, if any.
#[derive(Debug)]
pub struct UpstreamMeters {
    metrics: Arc<Metrics>,
    labels: [String; 1],
    /// Connecting to a server, of those requests that had to: that the others did not is counted anyway.
    connect: Latency,
    /// From a request sent to a server to the first byte of its response.
    pub first_byte: Latency,
    /// Waiting for a place at a server, of those that had to.
    pub queue: Latency,
    retries: IntCounter,
    pub traffic: Traffic,
    pub stages: Stages,
    /// Requests at its servers at a time.
    pub most: Most,
    pub outages: Outages,
    /// Filled by the one task that looks once a second.
    history: Mutex<History>,
}

impl UpstreamMeters {
    pub(super) fn new(metrics: &Arc<Metrics>, labels: [String; 1]) -> Self {
        let families = &metrics.by_upstream;
        Self {
            connect: Latency::default(),
            first_byte: Latency::default(),
            queue: Latency::default(),
            retries: families.retries.with_label_values(&labels),
            traffic: Traffic::default(),
            stages: Stages::default(),
            most: Most::default(),
            outages: Outages::default(),
            history: Mutex::default(),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    pub fn name(&self) -> &str {
        let [name] = &self.labels;
        name
    }

    /// Requests sent again to another server.
    pub fn retries(&self) -> u64 {
        self.retries.get()
    }

    pub(super) fn count(&self, tally: &Tally<'_>) {
        let timers = &tally.record.timers;
        let kind = match timers.connect {
            Some(Duration::ZERO) => REUSED,
            Some(took) => {
                self.connect.observe(took);
                CONNECTED
            }
            None => 0,
        };
        self.traffic.count(tally, kind);
        if let Some(took) = timers.first_byte {
            self.stages.note(timers);
            self.first_byte.observe(took);
        }
        if let Some(took) = timers.queue
            && !took.is_zero()
        {
            self.queue.observe(took);
        }
        if tally.record.retries > 0 {
            self.retries.inc_by(u64::from(tally.record.retries));
        }
    }

    /// Connecting to a server, and how long it took together; zero on a reused connection.
    pub(in crate::observe) fn connect(&self) -> (Counts, Duration) {
        let mut counts = self.connect.counts();
        counts.add_instant(self.traffic.by_kind()[REUSED]);
        (counts, self.connect.sum())
    }

    /// A second has passed, or so long; `in_flight` requests are at the servers.
    pub fn tick(&self, in_flight: u64, elapsed: Duration) {
        let traffic = &self.traffic;
        traffic.tick(elapsed);
        self.most.note(in_flight);
        let (requests, errors) = (traffic.requests(), traffic.errors());
        let mut history = self.history.lock();
        history.tick(requests, errors, || traffic.total.counts());
    }

    /// The last minutes, a point a second.
    pub fn points(&self) -> Vec<Point> {
        self.history.lock().points().collect()
    }
}

impl Drop for UpstreamMeters {
    fn drop(&mut self) {
        let families = &self.metrics.by_upstream;
        let labels = &self.labels;
        self.metrics.upstreams.leave(labels, || {
            removed(families.retries.remove_label_values(labels));
        });
    }
}
