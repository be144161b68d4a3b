//! What is counted of connections and requests by their listener.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use prometheus::{IntCounter, IntGauge};

use super::removed;
use crate::observe::{
    Latency, Metrics, Most, Protocol, Rate, RateView, Traffic, reasons::Reasons, tally::Tally,
};

/// Why a header may be dropped.
const DROPPED: [&str; 2] = ["underscore", "claim"];

/// What is counted of connections by their listener.
#[derive(Debug)]
pub struct ListenerMeters {
    metrics: Arc<Metrics>,
    labels: [String; 1],
    current: IntGauge,
    total: IntCounter,
    shaking: IntGauge,
    refused: Reasons,
    handshake_failures: IntCounter,
    challenges: IntCounter,
    /// TLS handshakes with clients that succeeded.
    pub handshakes: Latency,
    /// Those of them that resumed a session.
    resumed: AtomicU64,
    /// Connections per second, and handshakes.
    rate: Rate,
    handshake_rate: Rate,
    most: Most,
    pub traffic: Traffic,
    /// By [`DROPPED`].
    headers_dropped: [IntCounter; 2],
}

impl ListenerMeters {
    pub(super) fn new(metrics: &Arc<Metrics>, labels: [String; 1]) -> Self {
        let [listener] = &labels;
        let families = &metrics.by_listener;
        Self {
            current: families.current.with_label_values(&labels),
            total: families.total.with_label_values(&labels),
            shaking: families.shaking.with_label_values(&labels),
            refused: Reasons::new(metrics.connection_reasons, |reason| {
                families.refused.with_label_values(&[listener, reason])
            }),
            handshake_failures: families.handshake_failures.with_label_values(&labels),
            challenges: families.challenges.with_label_values(&labels),
            handshakes: Latency::default(),
            resumed: AtomicU64::new(0),
            rate: Rate::default(),
            handshake_rate: Rate::default(),
            most: Most::default(),
            traffic: Traffic::default(),
            headers_dropped: DROPPED.map(|reason| {
                families
                    .headers_dropped
                    .with_label_values(&[listener, reason])
            }),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    /// Counts a connection that was let in, until the guard is dropped.
    pub fn connected(self: &Arc<Self>) -> Connected {
        self.current.inc();
        self.total.inc();
        self.most.note(self.current());
        Connected(Arc::clone(self))
    }

    /// Counts a TLS handshake as under way, until the guard is dropped.
    pub fn shaking(&self) -> Shaking {
        self.shaking.inc();
        Shaking(self.shaking.clone())
    }

    pub fn name(&self) -> &str {
        let [name] = &self.labels;
        name
    }

    pub(in crate::observe) fn count(&self, tally: &Tally<'_>) {
        let kind = match tally.record.protocol {
            Protocol::Http10 | Protocol::Http11 => 0,
            Protocol::Http2 => 1,
        };
        self.traffic.count(tally, kind);
    }

    /// A second has passed, or so long.
    pub fn tick(&self, elapsed: Duration) {
        self.rate.tick(self.total.get(), elapsed);
        self.handshake_rate
            .tick(self.handshakes.counts().total(), elapsed);
        self.traffic.tick(elapsed);
    }

    /// Connections per second.
    pub fn rate(&self) -> RateView {
        self.rate.view()
    }

    /// Counts a handshake that succeeded.
    pub fn shook_hands(&self, took: Duration, has_resumed: bool) {
        self.handshakes.observe(took);
        if has_resumed {
            self.resumed.fetch_add(1, Relaxed);
        }
    }

    /// Handshakes so far that resumed no session.
    pub fn full_handshakes(&self) -> u64 {
        let resumed = self.resumed.load(Relaxed);
        self.handshakes.counts().total().saturating_sub(resumed)
    }

    /// TLS handshakes per second.
    pub fn handshake_rate(&self) -> RateView {
        self.handshake_rate.view()
    }

    /// The most connections there were at a time.
    pub fn most(&self) -> u64 {
        self.most.get()
    }

    /// Requests of HTTP/1 and of HTTP/2 so far.
    pub fn by_protocol(&self) -> [u64; 2] {
        let [http1, http2, _] = self.traffic.by_kind();
        [http1, http2]
    }

    /// Counts a connection that was turned away.
    pub fn refused(&self, reason: &str) {
        self.refused.count(reason);
    }

    /// Counts a request that was turned away before there was an exchange.
    pub fn refused_request(&self, reason: &str) {
        self.metrics.refused(reason);
    }

    pub fn handshake_failed(&self) {
        self.handshake_failures.inc();
    }

    /// Counts a handshake that a CA was answered in.
    pub fn challenged(&self) {
        self.challenges.inc();
    }

    /// Counts headers that a request came with and no server was shown: for an `_`, and for what they claim.
    pub fn headers_dropped(&self, underscores: u64, claims: u64) {
        let [underscore, claim] = &self.headers_dropped;
        underscore.inc_by(underscores);
        claim.inc_by(claims);
    }

    /// TLS handshakes that failed so far.
    pub fn total_handshake_failures(&self) -> u64 {
        self.handshake_failures.get()
    }

    /// Connections just now.
    pub fn current(&self) -> u64 {
        u64::try_from(self.current.get()).unwrap_or_default()
    }

    /// Connections let in so far.
    pub fn total(&self) -> u64 {
        self.total.get()
    }

    /// Connections turned away so far, for any reason.
    pub fn total_refused(&self) -> u64 {
        self.refused.total()
    }
}

impl Drop for ListenerMeters {
    fn drop(&mut self) {
        let families = &self.metrics.by_listener;
        let labels = &self.labels;
        let [listener] = labels;
        self.metrics.listeners.leave(labels, || {
            removed(families.current.remove_label_values(labels));
            removed(families.total.remove_label_values(labels));
            removed(families.shaking.remove_label_values(labels));
            removed(families.handshake_failures.remove_label_values(labels));
            removed(families.challenges.remove_label_values(labels));
            for reason in DROPPED {
                let labels = [listener.as_str(), reason];
                removed(families.headers_dropped.remove_label_values(&labels));
            }
            for reason in self.refused.labels() {
                let labels = [listener.as_str(), reason];
                removed(families.refused.remove_label_values(&labels));
            }
        });
    }
}

/// A connection that is counted. Dropping it counts it out.
#[derive(Debug)]
pub struct Connected(Arc<ListenerMeters>);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.current.dec();
    }
}

/// A handshake that is counted. Dropping it counts it out.
#[derive(Debug)]
pub struct Shaking(IntGauge);

impl Drop for Shaking {
    fn drop(&mut self) {
        self.0.dec();
    }
}
