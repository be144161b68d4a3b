//! What the running proxy shows of itself, gathered at one moment.
//!
//! One truth for all who look: the page, `HAProxy`'s tables and metrics, and `simplon status`, which gets it as JSON
//! through the control socket.

use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::certificates::CertificateRow;
use crate::{
    limits::Limited,
    observe::{Event, Flow, Metrics, Point, Quantiles, RateView, UpstreamView},
};

/// Everything there is to see.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StatsView {
    pub process: ProcessView,
    pub listeners: Vec<ListenerView>,
    pub certificates: Vec<CertificateRow>,
    pub upstreams: Vec<UpstreamView>,
    /// Whom limits stop most, first who is stopped most.
    pub limited: Vec<Limited>,
    /// What the proxy answered for itself so far, by label; without those that never were.
    pub refusals: Vec<(String, u64)>,
    pub routes: Vec<RouteView>,
    /// What the program said of itself of late, oldest first.
    pub events: Vec<EventView>,
}

/// Something that happened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventView {
    /// Grows with every event.
    pub number: u64,
    /// Unix time in milliseconds.
    pub at: u64,
    /// `error`, `warn` or `info`.
    pub level: String,
    pub text: String,
    /// How often in a row.
    pub count: u64,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        let at = event.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            number: event.number,
            at: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            level: event.level.as_str().to_ascii_lowercase(),
            text: event.text.clone(),
            count: event.count,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProcessView {
    pub version: String,
    /// The name of the machine.
    pub node: String,
    pub pid: u32,
    pub workers: u64,
    /// Unix time in seconds.
    pub started: u64,
    pub now: u64,
    pub uptime_seconds: u64,
    /// It ends, and takes no new connections.
    pub draining: bool,
    /// Number of the configuration in use.
    pub generation: u64,
    pub reload: Reload,
    /// From clients: just now, as many as all listeners let in, and so far.
    pub connections: u64,
    pub connections_limit: u64,
    pub connections_total: u64,
    /// Per second.
    pub connection_rate: RateView,
    pub requests_total: u64,
    pub request_rate: RateView,
    /// TLS connections just now, and handshakes so far and per second.
    pub tls_connections: u64,
    pub handshakes_total: u64,
    pub handshake_rate: RateView,
    /// Of those that resumed no session.
    pub full_handshake_rate: RateView,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Lines of the access log that were lost.
    pub log_lines_dropped: u64,
    pub memory_bytes: Option<u64>,
    pub memory_limit_bytes: Option<u64>,
    pub descriptors: Option<u64>,
    pub descriptors_limit: Option<u64>,
    /// Percent of all workers' time that they did nothing, in the last second.
    pub idle_percent: u64,
    pub since_start: Option<Quantiles>,
    pub last_minute: Option<Quantiles>,
    /// The last minutes, a point a second, oldest first.
    pub points: Vec<Point>,
}

/// The last attempt to load the configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Reload {
    pub seconds_ago: u64,
    pub succeeded: bool,
    /// What was wrong, or what changed; may be empty.
    pub message: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListenerView {
    pub name: String,
    pub addresses: Vec<String>,
    /// As an operator would say it: `HTTP/1.1`, `HTTP/2 and HTTP/1.1 over TLS`.
    pub protocol: String,
    /// Whether clients speak TLS to it.
    pub tls: bool,
    /// It is at its limit of connections.
    pub full: bool,
    /// Connections just now, the most at a time, as many as it lets in, and so far.
    pub current: u64,
    pub most: u64,
    pub limit: u64,
    pub total: u64,
    /// Connections turned away so far.
    pub refused: u64,
    /// Connections per second.
    pub rate: RateView,
    pub handshakes_total: u64,
    pub handshake_rate: RateView,
    pub handshake_failures: u64,
    /// Requests of HTTP/1 and of HTTP/2 so far.
    pub http1_requests: u64,
    pub http2_requests: u64,
    pub flow: Flow,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RouteView {
    pub route: String,
    /// Empty for a route that answers by itself.
    pub upstream: String,
    /// By class of status, 1xx to 5xx.
    pub requests: [u64; 5],
    pub since_start: Option<Quantiles>,
    pub last_minute: Option<Quantiles>,
}

impl RouteView {
    /// The routes of all snapshots in use.
    pub fn gather(metrics: &Metrics) -> Vec<Self> {
        let routes = metrics.routes();
        routes
            .iter()
            .map(|meters| Self {
                route: meters.route().to_owned(),
                upstream: meters.upstream().to_owned(),
                requests: meters.requests(),
                since_start: meters.duration.counts().quantiles(),
                last_minute: meters.last_minute(),
            })
            .collect()
    }
}
