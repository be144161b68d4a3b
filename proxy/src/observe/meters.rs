//! Meters: metric handles already bound to their labels, so that a request counts without a look-up.
//!
//! Resolved when a snapshot is built and held by it. Snapshots that name the same labels share their
//! meters; when the last one goes, its series go from `/metrics`.

use std::sync::Arc;

use prometheus::{Histogram, IntCounter, IntGauge};

use super::{
    metrics::Metrics,
    reasons::Reasons,
    record::Record,
    rulings::{PolicyLabel, Ruling, Rulings},
};

/// Classes of status codes, in the order of [`RouteMeters::requests`].
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Metrics {
    /// The meters of a route. The upstream is empty for a route that answers by itself; requests that
    /// found no route are best counted under a route of their own, like `none`.
    ///
    /// Beyond 20,000 pairs all further ones are counted as `overflow`.
    pub fn route(self: &Arc<Self>, route: &str, upstream: &str) -> Arc<RouteMeters> {
        self.routes
            .share([route, upstream], |labels| RouteMeters::new(self, labels))
    }

    /// The meters of a listener.
    pub fn listener(self: &Arc<Self>, listener: &str) -> Arc<ListenerMeters> {
        self.listeners
            .share([listener], |labels| ListenerMeters::new(self, labels))
    }

    /// Client connections just now, of listeners of every generation.
    pub fn connections(&self) -> u64 {
        self.listeners
            .held()
            .iter()
            .map(|meters| meters.current())
            .sum()
    }

    /// Routes that are part of some snapshot, in order of their labels.
    pub fn routes(&self) -> Vec<Arc<RouteMeters>> {
        let mut routes = self.routes.held();
        routes.sort_by(|one, two| one.labels.cmp(&two.labels));
        routes
    }

    fn upstream(self: &Arc<Self>, upstream: &str) -> Arc<UpstreamMeters> {
        self.upstreams
            .share([upstream], |labels| UpstreamMeters::new(self, labels))
    }
}

/// What is counted of a request by its route.
#[derive(Debug)]
pub struct RouteMeters {
    metrics: Arc<Metrics>,
    /// Route and upstream.
    labels: [String; 2],
    requests: [IntCounter; 5],
    duration: Histogram,
    rulings: Rulings,
    upstream: Option<Arc<UpstreamMeters>>,
}

impl RouteMeters {
    fn new(metrics: &Arc<Metrics>, labels: [String; 2]) -> Self {
        let [route, upstream] = &labels;
        let families = &metrics.by_route;
        Self {
            requests: CLASSES.map(|class| {
                let labels = [route.as_str(), upstream, class];
                families.requests.with_label_values(&labels)
            }),
            duration: families.duration.with_label_values(&[route, upstream]),
            rulings: Rulings::default(),
            upstream: (!upstream.is_empty()).then(|| metrics.upstream(upstream)),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    pub fn route(&self) -> &str {
        let [route, _] = &self.labels;
        route
    }

    pub fn upstream(&self) -> &str {
        let [_, upstream] = &self.labels;
        upstream
    }

    /// Requests so far, by class of status: 1xx to 5xx.
    pub fn requests(&self) -> [u64; 5] {
        self.requests.each_ref().map(IntCounter::get)
    }

    /// Counts what a policy of this route decided of a request.
    pub fn ruled(&self, policy: PolicyLabel, ruling: Ruling) {
        let family = &self.metrics.by_route.verdicts;
        let labels = [self.route(), self.upstream()];
        self.rulings.count(family, labels, policy, ruling);
    }

    pub(super) fn count(&self, record: &Record<'_>) {
        let [informational, success, redirect, client, server] = &self.requests;
        let class = match record.status {
            0..200 => informational,
            200..300 => success,
            300..400 => redirect,
            400..500 => client,
            500.. => server,
        };
        class.inc();
        // How long a tunnel was open says nothing of how quick an answer was.
        if !record.upgraded {
            self.duration.observe(record.timers.total.as_secs_f64());
        }
        if let Some(upstream) = &self.upstream {
            upstream.count(record);
        }
    }
}

impl Drop for RouteMeters {
    fn drop(&mut self) {
        let [route, upstream] = &self.labels;
        let families = &self.metrics.by_route;
        self.metrics.routes.leave(&self.labels, || {
            for class in CLASSES {
                let labels = [route.as_str(), upstream, class];
                removed(families.requests.remove_label_values(&labels));
            }
            removed(families.duration.remove_label_values(&[route, upstream]));
            self.rulings.remove(&families.verdicts, [route, upstream]);
        });
    }
}

/// What is counted of a request by its upstream.
#[derive(Debug)]
pub(super) struct UpstreamMeters {
    metrics: Arc<Metrics>,
    labels: [String; 1],
    first_byte: Histogram,
    connect: Histogram,
    retries: IntCounter,
}

impl UpstreamMeters {
    fn new(metrics: &Arc<Metrics>, labels: [String; 1]) -> Self {
        let families = &metrics.by_upstream;
        Self {
            first_byte: families.first_byte.with_label_values(&labels),
            connect: families.connect.with_label_values(&labels),
            retries: families.retries.with_label_values(&labels),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    fn count(&self, record: &Record<'_>) {
        if let Some(connect) = record.timers.connect {
            self.connect.observe(connect.as_secs_f64());
        }
        if let Some(first_byte) = record.timers.first_byte {
            self.first_byte.observe(first_byte.as_secs_f64());
        }
        if record.retries > 0 {
            self.retries.inc_by(u64::from(record.retries));
        }
    }
}

impl Drop for UpstreamMeters {
    fn drop(&mut self) {
        let families = &self.metrics.by_upstream;
        let labels = &self.labels;
        self.metrics.upstreams.leave(labels, || {
            removed(families.first_byte.remove_label_values(labels));
            removed(families.connect.remove_label_values(labels));
            removed(families.retries.remove_label_values(labels));
        });
    }
}

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
    /// By [`DROPPED`].
    headers_dropped: [IntCounter; 2],
}

impl ListenerMeters {
    fn new(metrics: &Arc<Metrics>, labels: [String; 1]) -> Self {
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
        Connected(Arc::clone(self))
    }

    /// Counts a TLS handshake as under way, until the guard is dropped.
    pub fn shaking(&self) -> Shaking {
        self.shaking.inc();
        Shaking(self.shaking.clone())
    }

    /// Counts a connection that was turned away.
    pub fn refused(&self, reason: &str) {
        self.refused.count(reason);
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

/// A series that was not there needs no removal.
pub(super) fn removed(_outcome: Result<(), prometheus::Error>) {}
