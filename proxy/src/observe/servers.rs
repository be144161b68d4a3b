//! The state of servers, asked for when somebody looks instead of copied whenever it changes.
//!
//! So a server that left the configuration leaves no series behind, and no request pays for a gauge.

use std::{borrow::Cow, time::Duration};

use super::exposition::{Family, Labels};

/// Whoever knows the servers.
pub trait Servers: Send + Sync {
    /// Shows each server, those of one upstream together.
    fn each(&self, see: &mut dyn FnMut(ServerView<'_>));

    /// Shows each upstream.
    fn upstreams(&self, see: &mut dyn FnMut(UpstreamView<'_>));
}

/// One server as it is just now.
#[derive(Clone, Debug)]
pub struct ServerView<'a> {
    pub upstream: Cow<'a, str>,
    /// The address as configured.
    pub server: Cow<'a, str>,
    /// As `HAProxy` says it: `UP`, `DOWN`, `UP 2/3` (going down), `DOWN 1/2` (going up), `no check`.
    pub state: Cow<'a, str>,
    /// By its health checks, or because it has none.
    pub up: bool,
    /// Left out for a while because its requests failed.
    pub ejected: bool,
    pub backup: bool,
    pub weight: u32,
    /// Requests just now.
    pub in_flight: u32,
    pub max_connections: Option<u32>,
    /// Requests so far.
    pub picks: u64,
    pub successes: u64,
    /// In the order of [`FAILURES`].
    pub failures: [u64; 5],
    /// Connections given up because the server said more than it was asked for.
    pub surplus: u64,
    /// What the last health check found; empty without checks.
    pub last_check: Cow<'a, str>,
    /// How long ago the state last changed.
    pub last_change: Duration,
}

/// The kinds of [`ServerView::failures`].
pub const FAILURES: [&str; 5] = ["connect", "reset", "timeout", "malformed", "status"];

/// One upstream as it is just now.
#[derive(Clone, Debug)]
pub struct UpstreamView<'a> {
    pub upstream: Cow<'a, str>,
    /// Fewer than half of the servers are healthy, so all are used.
    pub panic: bool,
}

impl ServerView<'_> {
    pub fn into_owned(self) -> ServerView<'static> {
        ServerView {
            upstream: Cow::Owned(self.upstream.into_owned()),
            server: Cow::Owned(self.server.into_owned()),
            state: Cow::Owned(self.state.into_owned()),
            last_check: Cow::Owned(self.last_check.into_owned()),
            ..self
        }
    }
}

/// Appends the families of servers and upstreams.
pub(super) fn write(servers: &dyn Servers, text: &mut String) {
    let mut families = Families::new();
    servers.each(&mut |server| families.server(&server));
    servers.upstreams(&mut |upstream| families.upstream(&upstream));
    let Families {
        up,
        in_flight,
        picks,
        failures,
        surplus,
        ejected,
        panic,
    } = families;
    for family in [up, in_flight, picks, failures, surplus, ejected, panic] {
        family.append_to(text);
    }
}

struct Families {
    up: Family,
    in_flight: Family,
    picks: Family,
    failures: Family,
    surplus: Family,
    ejected: Family,
    panic: Family,
}

impl Families {
    fn new() -> Self {
        Self {
            up: Family::gauge(
                "simplon_server_up",
                "Whether the server is healthy by its checks, or has none.",
            ),
            in_flight: Family::gauge(
                "simplon_server_in_flight",
                "Requests at the server just now.",
            ),
            picks: Family::counter(
                "simplon_server_picks_total",
                "Times the server was chosen, retries included.",
            ),
            failures: Family::counter(
                "simplon_server_failures_total",
                "Requests that failed at the server, by kind.",
            ),
            surplus: Family::counter(
                "simplon_server_surplus_total",
                "Connections given up because the server said more than it was asked for.",
            ),
            ejected: Family::gauge(
                "simplon_server_ejected",
                "Whether the server is left out because its requests failed.",
            ),
            panic: Family::gauge(
                "simplon_upstream_panic",
                "Whether fewer than half of the servers are healthy, so that all are used.",
            ),
        }
    }

    fn server(&mut self, server: &ServerView<'_>) {
        let labels = Labels::new(&[("upstream", &server.upstream), ("server", &server.server)]);
        self.up.sample(&labels, u8::from(server.up));
        self.in_flight.sample(&labels, server.in_flight);
        self.picks.sample(&labels, server.picks);
        self.surplus.sample(&labels, server.surplus);
        self.ejected.sample(&labels, u8::from(server.ejected));
        for (kind, count) in FAILURES.iter().zip(server.failures) {
            self.failures.sample(&labels.and("kind", kind), count);
        }
    }

    fn upstream(&mut self, upstream: &UpstreamView<'_>) {
        let labels = Labels::new(&[("upstream", &upstream.upstream)]);
        self.panic.sample(&labels, u8::from(upstream.panic));
    }
}
