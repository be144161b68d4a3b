//! What the stats page shows, gathered at one moment.

use std::time::Duration;

use super::certificates::CertificateRow;
use crate::{
    limits::Limited,
    observe::{Metrics, ServerView, Servers},
};

/// Everything on the page.
#[derive(Clone, Debug)]
pub struct StatsView {
    pub process: ProcessView,
    pub listeners: Vec<ListenerRow>,
    pub certificates: Vec<CertificateRow>,
    pub upstreams: Vec<UpstreamRows>,
    /// Whom limits stop most, first who is stopped most.
    pub limited: Vec<Limited>,
    pub routes: Vec<RouteRow>,
}

#[derive(Clone, Debug)]
pub struct ProcessView {
    pub version: String,
    pub pid: u32,
    pub uptime: Duration,
    /// Number of the configuration in use.
    pub generation: u64,
    pub reload: Reload,
    /// From clients, just now.
    pub connections: u64,
}

/// The last attempt to load the configuration.
#[derive(Clone, Debug)]
pub struct Reload {
    pub ago: Duration,
    pub succeeded: bool,
    /// What was wrong, or what changed; may be empty.
    pub message: String,
}

#[derive(Clone, Debug)]
pub struct ListenerRow {
    pub name: String,
    pub addresses: Vec<String>,
    /// As an operator would say it: `HTTP/1.1`, `HTTP/2 and HTTP/1.1 over TLS`.
    pub protocol: String,
    /// Connections just now.
    pub current: u64,
    /// Connections let in so far.
    pub total: u64,
    /// Connections turned away so far.
    pub refused: u64,
}

/// An upstream with its servers.
#[derive(Clone, Debug)]
pub struct UpstreamRows {
    pub name: String,
    /// Fewer than half of the servers are healthy, so all are used.
    pub panic: bool,
    pub servers: Vec<ServerView<'static>>,
}

#[derive(Clone, Debug)]
pub struct RouteRow {
    pub route: String,
    /// Empty for a route that answers by itself.
    pub upstream: String,
    /// By class of status, 1xx to 5xx.
    pub requests: [u64; 5],
}

impl UpstreamRows {
    /// The upstreams, each with its servers.
    pub fn gather(servers: &dyn Servers) -> Vec<Self> {
        let mut gathered: Vec<Self> = Vec::new();
        servers.upstreams(&mut |upstream| {
            gathered.push(Self {
                name: upstream.upstream.into_owned(),
                panic: upstream.panic,
                servers: Vec::new(),
            });
        });
        servers.each(&mut |server| {
            // Servers come upstream by upstream, mostly in the same order.
            if let Some(rows) = gathered
                .iter_mut()
                .find(|rows| rows.name == server.upstream)
            {
                rows.servers.push(server.into_owned());
            }
        });
        gathered
    }
}

impl RouteRow {
    /// The routes of all snapshots in use.
    pub fn gather(metrics: &Metrics) -> Vec<Self> {
        let routes = metrics.routes();
        routes
            .iter()
            .map(|meters| Self {
                route: meters.route().to_owned(),
                upstream: meters.upstream().to_owned(),
                requests: meters.requests(),
            })
            .collect()
    }
}
