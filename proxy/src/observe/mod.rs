//! What the proxy tells about itself: metrics, the access log, messages, events.

pub mod access_log;
pub mod certificates;
pub mod codings;
pub mod events;
pub mod issuers;
pub mod limits_store;
pub mod logging;
pub mod meters;
pub mod metrics;
pub mod panics;
pub mod process;
pub mod record;
pub mod servers;
pub mod traces;

mod blame;
mod cap;
mod combined;
mod digits;
mod durations;
mod exposition;
mod families;
mod format;
mod journal;
mod json;
mod latency;
mod limiters;
mod line;
mod outages;
mod place;
mod queue;
mod rate;
mod reasons;
mod recent;
mod rulings;
mod sampling;
mod scrape;
mod shelf;
mod sink;
mod stages;
mod tally;
mod timestamp;
mod traffic;
mod writer;

#[cfg(test)]
mod tests;

use std::{cell::RefCell, sync::Arc};

pub use self::{
    access_log::AccessLog,
    blame::Blame,
    certificates::{CertificateView, Certificates},
    codings::CodingMeters,
    events::{Event, Events},
    exposition::{Exposition, Family, Labels},
    format::Format,
    issuers::IssuerMeters,
    latency::{Buckets, Counts, Latency, Quantiles, Took},
    limiters::LimiterView,
    limits_store::{StoreCheck, StoreMeters},
    meters::{Connected, ListenerMeters, RouteMeters, UpstreamMeters},
    metrics::Metrics,
    outages::{Outages, OutagesView},
    place::{Most, Places, ServerMeters},
    rate::{Rate, RateView},
    recent::{History, LastMinute, Point},
    record::{Lane, Protocol, Record, Timers, Tls},
    rulings::{PolicyLabel, Ruling},
    scrape::Scene,
    servers::{CheckView, QueueView, ServerView, Total, UpstreamView},
    stages::{StageView, Stages, StagesView},
    traces::{Milestone, Trace, TraceMeters, Tracer},
    traffic::{Flow, Traffic},
};
use self::{combined::Combined, line::Line, sampling::Mark, tally::Tally};
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

    /// Counts a finished exchange by each of its places, and logs it as the snapshot it has seen says.
    pub fn record(&self, record: &Record<'_>, places: Places<'_>, log: &Log) {
        self.count(record, places);
        self.log(record, log);
    }

    fn count(&self, record: &Record<'_>, places: Places<'_>) {
        let tally = Tally::of(record);
        places.route.unwrap_or(&self.unrouted).count(&tally);
        if let Some(listener) = places.listener {
            listener.count(&tally);
        }
        if let Some(server) = places.server {
            server.count(&tally);
        }
        if let Some(reason) = record.refusal {
            self.metrics.refused(reason);
        }
    }

    /// The line of the access log alone, where there is one.
    pub fn log(&self, record: &Record<'_>, log: &Log) {
        if !self.access_log.is_on() {
            return;
        }
        let Some(mark) = Mark::of(record, log, || fastrand::u8(..100)) else {
            return self.metrics.access_log_sampled_out().inc();
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
