//! How the store answers by which nodes share their limits.

use std::{sync::Arc, time::Duration};

use prometheus::{
    Error, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};

use super::{Metrics, families::Maker, meters::removed};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCheck {
    Ok,
    Timeout,
    Error,
    /// Not begun, as the store was given up for the moment.
    Skipped,
}

/// Seconds; from a server on the same machine to the longest timeout there is.
const BUCKETS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0,
    5.0,
];

/// By the store's address.
#[derive(Debug)]
pub(super) struct StoreFamilies {
    up: IntGaugeVec,
    checks: IntCounterVec,
    duration: HistogramVec,
}

impl StoreFamilies {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            up: maker.gauges(
                "simplon_limits_store_up",
                "Whether limits are shared by this store just now.",
                &["store"],
            )?,
            checks: maker.counters(
                "simplon_limits_store_checks_total",
                "Requests that were to be checked at the store, by what came of it.",
                &["store", "result"],
            )?,
            duration: maker.histograms(
                "simplon_limits_store_check_seconds",
                "How long checks took that were begun, whatever came of them.",
                &["store"],
                &BUCKETS,
            )?,
        })
    }
}

/// Of one store.
#[derive(Debug)]
pub struct StoreMeters {
    metrics: Arc<Metrics>,
    labels: [String; 1],
    up: IntGauge,
    checks: [IntCounter; 4],
    duration: Histogram,
}

const RESULTS: [(StoreCheck, &str); 4] = [
    (StoreCheck::Ok, "ok"),
    (StoreCheck::Timeout, "timeout"),
    (StoreCheck::Error, "error"),
    (StoreCheck::Skipped, "skipped"),
];

impl Metrics {
    /// The meters of a store, by its address.
    pub fn store(self: &Arc<Self>, address: &str) -> Arc<StoreMeters> {
        self.share(&self.stores, [address], |labels| {
            StoreMeters::new(self, labels)
        })
    }
}

impl StoreMeters {
    fn new(metrics: &Arc<Metrics>, labels: [String; 1]) -> Self {
        let [store] = &labels;
        let families = &metrics.by_store;
        Self {
            up: families.up.with_label_values(&[store]),
            checks: RESULTS
                .map(|(_, result)| families.checks.with_label_values(&[store.as_str(), result])),
            duration: families.duration.with_label_values(&[store]),
            metrics: Arc::clone(metrics),
            labels,
        }
    }

    pub fn up(&self, is_up: bool) {
        self.up.set(i64::from(is_up));
    }

    pub fn checked(&self, how: StoreCheck) {
        let [ok, timeout, error, skipped] = &self.checks;
        let counter = match how {
            StoreCheck::Ok => ok,
            StoreCheck::Timeout => timeout,
            StoreCheck::Error => error,
            StoreCheck::Skipped => skipped,
        };
        counter.inc();
    }

    pub fn took(&self, time: Duration) {
        self.duration.observe(time.as_secs_f64());
    }
}

impl Drop for StoreMeters {
    fn drop(&mut self) {
        self.metrics.stores.leave(&self.labels, || {
            let [store] = &self.labels;
            let families = &self.metrics.by_store;
            removed(families.up.remove_label_values(&[store]));
            for (_, result) in RESULTS {
                let labels = [store.as_str(), result];
                removed(families.checks.remove_label_values(&labels));
            }
            removed(families.duration.remove_label_values(&[store]));
        });
    }
}
