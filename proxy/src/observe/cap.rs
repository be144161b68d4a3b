//! How many of a kind have series of their own, and how often there were more.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use prometheus::{Error, IntCounter};

use super::families::Maker;

/// `metrics.max_series`, for everything whose labels come from the configuration.
#[derive(Debug)]
pub(super) struct Cap {
    most: AtomicUsize,
    overflow: IntCounter,
}

impl Cap {
    pub(super) fn new(maker: &Maker<'_>, most: usize) -> Result<Self, Error> {
        Ok(Self {
            most: AtomicUsize::new(most),
            overflow: maker.counter(
                "simplon_metrics_overflow_total",
                "Times that a route, server, certificate or the like was counted as overflow, as there are more than metrics.max_series: when a configuration was loaded, or at a scrape.",
            )?,
        })
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Returns what was in force before.
    pub(super) fn set(&self, most: usize) -> usize {
        self.most.swap(most, Relaxed)
    }

    pub(super) fn overflowed(&self, by: usize) {
        self.overflow.inc_by(by as u64);
    }
}
