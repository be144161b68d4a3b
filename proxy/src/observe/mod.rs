//! What the proxy tells about itself: metrics, the access log, messages, events.

pub mod access_log;
pub mod certificates;
pub mod codings;
pub mod events;
pub mod issuers;
pub mod limiters;
pub mod limits_store;
pub mod logging;
pub mod meters;
pub mod metrics;
pub mod panics;
pub mod record;
pub mod servers;

mod combined;
mod digits;
mod exposition;
mod families;
mod journal;
mod json;
mod line;
mod process;
mod queue;
mod reasons;
mod rulings;
mod sampling;
mod shelf;
mod sink;
mod timestamp;
mod writer;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, sync::Arc};

pub use self::{
    access_log::AccessLog,
    certificates::{CertificateView, Certificates},
    codings::CodingMeters,
    events::{Event, Events},
    issuers::IssuerMeters,
    limiters::LimiterView,
    limits_store::{StoreCheck, StoreMeters},
    meters::{Connected, ListenerMeters, RouteMeters},
    metrics::Metrics,
    record::{Protocol, Record, Timers, Tls},
    rulings::{PolicyLabel, Ruling},
    servers::{ServerView, Servers, UpstreamView},
};
use self::{combined::Combined, line::Line, sampling::Mark};
use crate::config::model::{Log, LogFormat};

/// Takes note of finished exchanges; the one place that does.
#[derive(Clone, Debug)]
pub struct Observer {
    pub metrics: Arc<Metrics>,
    pub access_log: Arc<AccessLog>,
    /// For what was answered before a route was found.
    unrouted: Arc<RouteMeters>,
}

thread_local! {
    /// Lines under construction; kept, so that a request allocates nothing for its own.
    static JSON: RefCell<Line> = RefCell::new(Line::new());
    static COMBINED: RefCell<Combined> = RefCell::new(Combined::new());
}

impl Observer {
    pub fn new(metrics: Arc<Metrics>, access_log: AccessLog) -> Self {
        Self {
            unrouted: metrics.route("none", ""),
            access_log: Arc::new(access_log),
            metrics,
        }
    }

    /// Counts a finished exchange, by its route if it has one, and logs it as the snapshot it has seen says.
    pub fn record(&self, record: &Record<'_>, meters: Option<&RouteMeters>, log: &Log) {
        meters.unwrap_or(&self.unrouted).count(record);
        if let Some(reason) = record.refusal {
            self.metrics.refused(reason);
        }
        if !self.access_log.is_on() {
            return;
        }
        let Some(mark) = Mark::of(record, log, || fastrand::u8(..100)) else {
            return self.metrics.access_log_sampled_out();
        };
        match log.format {
            LogFormat::Json => {
                JSON.with_borrow_mut(|line| self.access_log.write(line.format(record, mark)));
            }
            LogFormat::Combined => {
                COMBINED.with_borrow_mut(|line| self.access_log.write(line.format(record)));
            }
        }
    }
}
