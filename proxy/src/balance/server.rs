//! One address of an upstream, and the guard that counts a request sent to it.

use std::{
    fmt,
    net::SocketAddr,
    num::NonZeroU32,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    names::Named,
    standing::HealthState,
    upstream::Upstream,
    vitals::{Failure, Vitals},
};
use crate::{
    config::model::{self, Address, HealthCheck},
    tls::ServerTls,
};

/// One server of one upstream: settings that never change, beside vitals that do.
#[derive(Debug)]
pub struct Server {
    pub index: usize,
    /// The address as the configuration writes it; also a metric label.
    pub label: Arc<str>,
    /// As configured; see [`Self::effective_weight`].
    pub weight: u32,
    pub max_connections: Option<NonZeroU32>,
    pub backup: bool,
    /// In which it gets its share back after it was away.
    pub(super) slow_start: Option<Duration>,
    pub vitals: Arc<Vitals>,
    /// With it, nothing is ever said to the server without TLS.
    pub tls: Option<Arc<ServerTls>>,
    /// Without one the server counts as up.
    pub(super) check: Option<HealthCheck>,
    /// The only one of its tier: ejecting it would help nobody, so an ejection taken over
    /// from an earlier generation does not count either.
    pub(super) alone: bool,
    pub(super) place: Place,
}

/// Where a server is, before names become addresses.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Socket(SocketAddr),
    Unix(Arc<Path>),
    Named(Arc<Named>),
}

/// What to connect to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Socket(SocketAddr),
    Unix(Arc<Path>),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Server {
    /// `of` is the upstream that it is of, `earlier` the same server in the previous generation.
    pub(super) fn build(
        index: usize,
        (spec, tls): (&model::Server, Option<&Arc<ServerTls>>),
        of: &model::Upstream,
        alone: bool,
        earlier: Option<&Server>,
        now: Instant,
    ) -> Self {
        Self {
            index,
            label: spec.address.to_string().into(),
            weight: spec.weight.max(1),
            max_connections: spec.max_connections,
            backup: spec.backup,
            vitals: earlier.map_or_else(
                || Arc::new(Vitals::new(now)),
                |earlier| Arc::clone(&earlier.vitals),
            ),
            tls: tls.cloned(),
            slow_start: of.slow_start,
            check: of.health.clone(),
            alone,
            place: earlier
                .map_or_else(|| Place::of(&spec.address), |earlier| earlier.place.clone()),
        }
    }

    /// Up by its checks, not ejected, and with an address to connect to; whatever operators have ordered.
    pub fn is_healthy(&self, now: Instant) -> bool {
        self.is_up() && self.is_resolved() && !self.is_ejected(now)
    }

    /// May be chosen for a request of a client that does not stick to it.
    pub fn takes_new(&self, now: Instant) -> bool {
        self.is_in_service() && self.is_healthy(now)
    }

    /// May be chosen for a request of a client that sticks to it.
    pub fn takes_kept(&self, now: Instant) -> bool {
        !self.vitals.ordered().is_maint() && self.is_healthy(now)
    }

    /// No operator has ordered new requests away, neither by `drain` or `maint` nor by a weight of 0.
    pub fn is_in_service(&self) -> bool {
        self.vitals.ordered().takes_new()
    }

    /// Its share just now: the operator's, or else the configured one.
    pub fn effective_weight(&self) -> u32 {
        self.vitals.ordered().weight(self.weight)
    }

    /// As an operator sees it. What keeps requests away is named first, and an operator's word before all.
    pub fn state(&self, now: Instant) -> HealthState {
        let ordered = self.vitals.ordered();
        if ordered.is_maint() {
            return HealthState::Maint;
        }
        if !ordered.takes_new() {
            return HealthState::Drain;
        }
        if !self.is_resolved() {
            return HealthState::Unresolved;
        }
        let by_checks = match &self.check {
            Some(check) => self.vitals.standing().shown(check),
            None => HealthState::NoCheck,
        };
        if self.is_up() && self.is_ejected(now) {
            return HealthState::Ejected;
        }
        by_checks
    }

    pub(super) fn is_up(&self) -> bool {
        self.check.is_none() || self.vitals.standing().is_up()
    }

    pub(super) fn is_ejected(&self, now: Instant) -> bool {
        !self.alone && self.vitals.is_ejected(now)
    }

    /// At its `max_connections`.
    pub(super) fn is_full(&self) -> bool {
        self.max_connections
            .is_some_and(|limit| self.vitals.in_flight() >= limit.get())
    }

    /// Look-ups of its name that failed so far.
    pub fn failed_resolutions(&self) -> u64 {
        match &self.place {
            Place::Socket(_) | Place::Unix(_) => 0,
            Place::Named(name) => name.failures(),
        }
    }

    pub(super) fn is_resolved(&self) -> bool {
        match &self.place {
            Place::Socket(_) | Place::Unix(_) => true,
            Place::Named(name) => name.is_resolved(),
        }
    }
}

impl Place {
    /// Where to connect next; the addresses of a name take turns.
    pub(super) fn target(&self) -> Option<Target> {
        match self {
            Self::Socket(address) => Some(Target::Socket(*address)),
            Self::Unix(path) => Some(Target::Unix(Arc::clone(path))),
            Self::Named(name) => name.next().map(Target::Socket),
        }
    }

    fn of(address: &Address) -> Self {
        match address {
            Address::Socket(address) => Self::Socket(*address),
            Address::Unix(path) => Self::Unix(path.as_path().into()),
            Address::Named { host, port } => Self::Named(Arc::new(Named::new(host, *port))),
        }
    }
}

/// A server chosen for one request. Counted in flight there until dropped; then the place goes to a request that waits.
#[derive(Debug)]
pub struct Pick {
    upstream: Arc<Upstream>,
    /// Of a server of this very upstream, so that it always finds one.
    index: usize,
    target: Target,
}

impl Pick {
    /// Takes a place at a server of this upstream; `None` if it is full or lost its address meanwhile.
    pub(super) fn take(upstream: &Arc<Upstream>, server: &Server) -> Option<Self> {
        let target = server.place.target()?;
        if !server.vitals.enter(server.max_connections) {
            return None;
        }
        server.vitals.picks.add();
        Some(Self {
            upstream: Arc::clone(upstream),
            index: server.index,
            target,
        })
    }

    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    pub fn server(&self) -> &Server {
        &self.upstream.servers()[self.index]
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The server answered, and not with trouble of its own.
    pub fn succeeded(&self, now: Instant) {
        self.upstream.succeeded(self.server(), now);
    }

    /// The server did not answer, or answered with trouble of its own. May get it ejected.
    pub fn failed(&self, failure: Failure, now: Instant) {
        self.upstream.failed(self.server(), failure, now);
    }
}

impl Drop for Pick {
    fn drop(&mut self) {
        let server = self.server();
        server.vitals.leave();
        self.upstream.queue.freed(server);
    }
}
