//! What is counted of requests by their route.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::IntCounter;

use super::{CLASSES, UpstreamMeters, removed};
use crate::observe::{
    LastMinute, Latency, Metrics, Quantiles,
    rulings::{PolicyLabel, Ruling, Rulings},
    tally::Tally,
};

/// What is counted of a request by its route.
#[derive(Debug)]
pub struct RouteMeters {
    metrics: Arc<Metrics>,
    /// Route and upstream.
    labels: [String; 2],
    requests: [IntCounter; 5],
    /// From the end of a request's header to the last byte of its response; without tunnels.
    pub duration: Latency,
    minute: Mutex<LastMinute>,
    rulings: Rulings,
    upstream: Option<Arc<UpstreamMeters>>,
}

impl RouteMeters {
    pub(super) fn new(metrics: &Arc<Metrics>, labels: [String; 2]) -> Self {
        let [route, upstream] = &labels;
        let families = &metrics.by_route;
        Self {
            requests: CLASSES.map(|class| {
                let labels = [route.as_str(), upstream, class];
                families.requests.with_label_values(&labels)
            }),
            duration: Latency::default(),
            minute: Mutex::default(),
            rulings: Rulings::default(),
            upstream: (!upstream.is_empty()).then(|| metrics.shared_upstream(upstream)),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    pub(super) fn labels(&self) -> &[String; 2] {
        &self.labels
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

    /// A second has passed.
    pub fn tick(&self) {
        self.minute.lock().tick(|| self.duration.counts());
    }

    pub fn last_minute(&self) -> Option<Quantiles> {
        self.minute.lock().quantiles(&self.duration.counts())
    }

    /// Counts what a policy of this route decided of a request.
    pub fn ruled(&self, policy: PolicyLabel, ruling: Ruling) {
        let family = &self.metrics.by_route.verdicts;
        let labels = [self.route(), self.upstream()];
        self.rulings.count(family, labels, policy, ruling);
    }

    pub(in crate::observe) fn count(&self, tally: &Tally<'_>) {
        // What is below all classes counts as the first, what is above as the last.
        let class = match tally.record.status {
            0..200 => 0,
            500.. => CLASSES.len() - 1,
            _ => tally.class,
        };
        if let Some(requests) = self.requests.get(class) {
            requests.inc();
        }
        if let Some(took) = tally.took {
            self.duration.add(took);
        }
        if let Some(upstream) = &self.upstream {
            upstream.count(tally);
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
            self.rulings.remove(&families.verdicts, [route, upstream]);
        });
    }
}
