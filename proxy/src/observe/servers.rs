//! Upstreams and servers as whoever looks is shown them.

use serde::{Deserialize, Serialize};

use super::{outages::OutagesView, recent::Point, stages::StagesView, traffic::Flow};

/// One upstream as it is just now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UpstreamView {
    pub name: String,
    /// How a server is chosen, as the configuration says it.
    pub balance: String,
    /// Fewer than half of the servers are healthy, so all are used.
    pub panic: bool,
    /// Requests at its servers just now, and the most at a time.
    pub in_flight: u64,
    pub most_in_flight: u64,
    pub retries: u64,
    pub queue: QueueView,
    /// When no server was left.
    pub outages: OutagesView,
    pub flow: Flow,
    pub stages: StagesView,
    /// The last minutes, a point a second, oldest first.
    pub points: Vec<Point>,
    pub servers: Vec<ServerView>,
}

/// What the servers of an upstream come to together.
#[derive(Clone, Copy, Debug)]
pub struct Total {
    /// Servers that new requests may be sent to, and backups among them.
    pub active: u64,
    pub backups: u64,
    /// There is one, or nobody has named any. That panic uses all makes none of them good.
    pub is_up: bool,
    /// Of those that share the requests: as with `HAProxy`, backups have weight only while no other server is left.
    pub weight: u64,
    pub configured_weight: u64,
    /// Without a limit at each server there is none for all.
    pub max_connections: Option<u64>,
    pub picks: u64,
    pub reused: u64,
    pub connected: u64,
}

impl UpstreamView {
    pub fn total(&self) -> Total {
        let usable = |backup: bool| {
            let those = self.servers.iter();
            those.filter(move |server| server.usable && server.backup == backup)
        };
        let (active, backups) = (usable(false).count() as u64, usable(true).count() as u64);
        let shared = |of: fn(&ServerView) -> u32| {
            let weights = usable(active == 0).map(of);
            weights.map(u64::from).sum()
        };
        let all = |of: fn(&ServerView) -> u64| self.servers.iter().map(of).sum();
        let limits = self.servers.iter().map(|server| server.max_connections);
        let limits: Option<u64> = limits.map(|limit| limit.map(u64::from)).sum();
        Total {
            active,
            backups,
            is_up: active + backups > 0 || self.servers.is_empty(),
            weight: shared(|server| server.weight),
            configured_weight: shared(|server| server.configured_weight),
            max_connections: limits.filter(|_| !self.servers.is_empty()),
            picks: all(|server| server.picks),
            reused: all(|server| server.reused),
            connected: all(|server| server.connected),
        }
    }
}

/// Requests that wait for a place at a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueView {
    pub now: u64,
    pub most: u64,
    /// None: nothing may wait.
    pub limit: Option<u64>,
    /// So far: those that waited, and those that waited in vain.
    pub total: u64,
    pub timed_out: u64,
}

/// One server as it is just now.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts, each true or not by itself"
)]
pub struct ServerView {
    /// The address as configured.
    pub name: String,
    /// As `HAProxy` says it: `UP`, `DOWN`, `UP 2/3` (going down), `DOWN 1/2` (going up), `no check`, `DRAIN`, `MAINT`.
    pub state: String,
    /// By its health checks, or because it has none.
    pub up: bool,
    /// Left out for a while because its requests failed.
    pub ejected: bool,
    /// New requests may be sent to it.
    pub usable: bool,
    pub backup: bool,
    /// In force, and as configured.
    pub weight: u32,
    pub configured_weight: u32,
    /// Percent of its weight that it has while it starts slowly.
    pub throttle: Option<u8>,
    /// Requests just now, and the most at a time.
    pub in_flight: u32,
    pub most_in_flight: u64,
    pub max_connections: Option<u32>,
    /// Times it was chosen so far.
    pub picks: u64,
    pub successes: u64,
    /// In the order of [`FAILURES`].
    pub failures: [u64; 5],
    /// Connections given up because the server said more than it was asked for.
    pub surplus: u64,
    /// Requests on a connection that was kept, and on one made for them.
    pub reused: u64,
    pub connected: u64,
    /// Connections of HTTP/1 that wait for their next request just now.
    pub idle_connections: u32,
    pub retries: u64,
    pub ejections: u64,
    /// Look-ups of its name that failed so far.
    pub failed_resolutions: u64,
    /// None without checks, and before the first.
    pub check: Option<CheckView>,
    /// Checks so far, those that failed, and times they took the server down.
    pub checks: u64,
    pub checks_failed: u64,
    pub downs: u64,
    pub downtime_seconds: u64,
    /// Since the state changed last.
    pub changed_seconds_ago: u64,
    pub flow: Flow,
    pub stages: StagesView,
}

/// What the last health check found, and how they count.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CheckView {
    /// As `HAProxy` says it: `L7OK`, `L4CON` and so on.
    pub code: String,
    /// Of an HTTP answer.
    pub status: Option<u16>,
    /// In plain words.
    pub text: String,
    pub took_ms: u64,
    pub seconds_ago: u64,
    /// Successes that take a server up, failures that take it down.
    pub rise: u32,
    pub fall: u32,
}

/// The kinds of [`ServerView::failures`].
pub const FAILURES: [&str; 5] = ["connect", "reset", "timeout", "malformed", "status"];
