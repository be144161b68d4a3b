//! A named set of servers, and the choice of one for a request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use parking_lot::Mutex;

use super::{
    queue::{Picked, Queue, QueueNumbers},
    retry::{Attempt, Budget},
    round_robin::RoundRobin,
    server::{Pick, Server},
    set::{ServerSet, Tried},
    sticky::Sticky,
};
use crate::{
    admit::ReplyLimits,
    config::model::{self, Name, Passive, ProxyVersion, Retries, Timeouts, UpstreamProtocol},
    respond::Refusal,
    tls::ServerTls,
};

/// One upstream of one generation. Settings never change; what is live sits in cells that the
/// next generation adopts.
#[derive(Debug)]
pub struct Upstream {
    pub(super) spec: model::Upstream,
    servers: Box<[Server]>,
    primaries: ServerSet,
    turns: RoundRobin,
    sticky: Option<Sticky>,
    budget: Arc<Budget>,
    pub(super) queue: Arc<Queue>,
    /// Counts the generations that share the queue.
    pub(super) generation: u64,
    /// Whether the last look found too few healthy servers to choose by health.
    panicking: AtomicBool,
    /// Held while an ejection is decided.
    pub(super) ejecting: Mutex<()>,
}

impl Upstream {
    /// The very same upstream if its settings are unchanged, else a new one whose servers adopt
    /// the vitals of servers with the same address.
    ///
    /// `tls` is there if the settings want TLS, with one for each server: a server without its own
    /// would not be used. At most [`ServerSet::CAPACITY`] servers are used; the configuration allows no more.
    pub fn build(
        spec: &model::Upstream,
        tls: Option<&[Arc<ServerTls>]>,
        previous: Option<&Arc<Self>>,
        now: Instant,
    ) -> Arc<Self> {
        match previous {
            Some(previous) if previous.spec == *spec && previous.has_same_tls(tls) => {
                Arc::clone(previous)
            }
            _ => Arc::new(Self::adopt(spec, tls, previous.map(Arc::as_ref), now)),
        }
    }

    fn has_same_tls(&self, tls: Option<&[Arc<ServerTls>]>) -> bool {
        let ours = self.servers.iter().map(|server| server.tls.as_ref());
        match tls {
            None => ours.flatten().next().is_none(),
            Some(tls) => {
                let same = |(ours, new): (Option<&Arc<_>>, _)| {
                    ours.is_some_and(|ours| Arc::ptr_eq(ours, new))
                };
                self.servers.len() == tls.len() && ours.zip(tls).all(same)
            }
        }
    }

    fn adopt(
        spec: &model::Upstream,
        tls: Option<&[Arc<ServerTls>]>,
        previous: Option<&Self>,
        now: Instant,
    ) -> Self {
        let specs = spec.servers.get(..ServerSet::CAPACITY);
        let specs = specs.unwrap_or(&spec.servers);
        let server = |(index, (server, tls)): (usize, (&model::Server, Option<_>))| {
            let tier = specs.iter().filter(|other| other.backup == server.backup);
            Server::build(
                index,
                (server, tls),
                spec,
                tier.count() == 1,
                previous.and_then(|previous| previous.server_at(&server.address)),
                now,
            )
        };
        let servers: Box<[_]> = if let Some(tls) = tls {
            let secured = specs.iter().zip(tls.iter().map(Some));
            secured.enumerate().map(server).collect()
        } else {
            let plain = specs.iter().map(|spec| (spec, None));
            plain.enumerate().map(server).collect()
        };
        Self {
            spec: spec.clone(),
            primaries: members(&servers, |server| !server.backup),
            turns: RoundRobin::new(servers.len()),
            sticky: spec
                .sticky
                .as_ref()
                .and_then(|sticky| Sticky::build(sticky, &spec.name, specs)),
            servers,
            budget: previous.map_or_else(
                || Arc::new(Budget::new(now)),
                |previous| Arc::clone(&previous.budget),
            ),
            queue: previous.map_or_else(Arc::default, |previous| Arc::clone(&previous.queue)),
            generation: previous.map_or(0, |previous| previous.generation + 1),
            panicking: AtomicBool::new(previous.is_some_and(|it| it.panicking.load(Relaxed))),
            ejecting: Mutex::new(()),
        }
    }

    fn server_at(&self, address: &model::Address) -> Option<&Server> {
        let index = self
            .spec
            .servers
            .iter()
            .position(|server| server.address == *address)?;
        self.servers.get(index)
    }

    /// Tells the background tasks of this upstream from those of another generation.
    pub(super) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub fn name(&self) -> &Name {
        &self.spec.name
    }

    pub fn timeouts(&self) -> &Timeouts {
        &self.spec.timeouts
    }

    pub fn protocol(&self) -> UpstreamProtocol {
        self.spec.protocol
    }

    /// With what kind of PROXY header connections to the servers begin.
    pub fn proxy_protocol(&self) -> Option<ProxyVersion> {
        self.spec.proxy_protocol
    }

    pub fn limits(&self) -> ReplyLimits {
        ReplyLimits::from(&self.spec.limits)
    }

    pub fn retries(&self) -> &Retries {
        &self.spec.retries
    }

    pub fn health(&self) -> Option<&model::HealthCheck> {
        self.spec.health.as_ref()
    }

    pub fn passive(&self) -> &Passive {
        &self.spec.passive
    }

    /// How clients are kept on their servers, if they are.
    pub fn sticky(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

    /// What its queue does; all numbers but the limit outlive reloads.
    pub fn queue(&self) -> QueueNumbers {
        let limit = self.spec.queue.as_ref().map(|queue| queue.size.get());
        self.queue.numbers(limit)
    }

    /// Has those who wait look again. To be called after whatever may have made room, or have taken it: a server that
    /// comes up, goes down, or is ordered.
    pub fn look_again(&self) {
        self.queue.look();
    }

    /// In the order of the configuration.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The server for a request that has been at `tried` already.
    ///
    /// `kept` is the server that its client is kept on, by index. The request goes there if that server takes kept
    /// clients ([`Server::takes_kept`]), has room and has not been tried, whatever its tier and weight: as in `HAProxy`,
    /// it need not be one that others would get. Otherwise, and for all other requests, a server is chosen anew.
    ///
    /// The first of these that has an untried member is the one to choose from:
    ///
    /// 1. healthy primaries,
    /// 2. healthy backups (as in HAProxy, load alone is no reason to use them),
    /// 3. any primary with an address,
    /// 4. any backup with an address.
    ///
    /// Only servers are members that no operator has drained or put into maintenance.
    /// So an outage seen by our checks alone never becomes one for clients. Under panic, when
    /// fewer than half of the primaries and no backup are healthy, the first try goes straight to
    /// the third, as in Envoy: the few left would not stand the load of all.
    ///
    /// `Saturated` if every choice is at its `max_connections`, `NoServer` if there is none.
    pub fn pick(
        self: &Arc<Self>,
        kept: Option<usize>,
        tried: &Tried,
        now: Instant,
    ) -> Result<Pick, Refusal> {
        if tried.is_empty() {
            self.budget.deposit(now);
        }
        self.pick_if_free(kept, tried, now)
    }

    /// As [`Self::pick`]; but where the configuration has a queue, a request for which there is no place stands in line.
    /// As in `HAProxy`, one of a kept client then waits for its own server, rather than going to another.
    pub fn pick_or_wait(
        self: &Arc<Self>,
        kept: Option<usize>,
        tried: &Tried,
        now: Instant,
    ) -> Result<Picked, Refusal> {
        let Some(rule) = &self.spec.queue else {
            return self.pick(kept, tried, now).map(Picked::AtOnce);
        };
        if tried.is_empty() {
            self.budget.deposit(now);
        }
        // Nobody overtakes those in line.
        if !self.queue.is_waited_in() {
            match self.pick_if_free(kept, tried, now) {
                Err(Refusal::Saturated) => {}
                done => return done.map(Picked::AtOnce),
            }
        }
        self.queue.join(rule, self, kept, tried, now)
    }

    /// [`Self::pick`] for a request that has been counted.
    pub(super) fn pick_if_free(
        self: &Arc<Self>,
        kept: Option<usize>,
        tried: &Tried,
        now: Instant,
    ) -> Result<Pick, Refusal> {
        if let Some(server) = self.kept(kept, tried, now) {
            if let Some(pick) = Pick::take(self, server) {
                return Ok(pick);
            }
            if self.spec.queue.is_some() {
                return Err(Refusal::Saturated);
            }
        }
        self.pick_anew(tried, now)
    }

    /// [`Self::pick`] for a client that is kept nowhere.
    pub(super) fn pick_anew(
        self: &Arc<Self>,
        tried: &Tried,
        now: Instant,
    ) -> Result<Pick, Refusal> {
        let survey = self.survey(now);
        let mut refusal = Refusal::NoServer;
        for (rank, tier) in survey.tiers(tried).into_iter().enumerate() {
            if tier.is_empty() {
                continue;
            }
            if let Some(pick) = self.choose(tier, now) {
                return Ok(pick);
            }
            refusal = Refusal::Saturated;
            // Healthy primaries that are full send nobody on, but for panic, which uses all.
            if rank > 0 || !survey.panicking {
                break;
            }
        }
        Err(refusal)
    }

    /// The server of a kept client, if it may go there.
    pub(super) fn kept(&self, kept: Option<usize>, tried: &Tried, now: Instant) -> Option<&Server> {
        let server = self.servers.get(kept?)?;
        (!tried.contains(server.index) && server.takes_kept(now)).then_some(server)
    }

    /// The next of these in turn that has room.
    fn choose(self: &Arc<Self>, mut among: ServerSet, now: Instant) -> Option<Pick> {
        for index in among.iter() {
            if self.servers.get(index).is_some_and(Server::is_full) {
                among.remove(index);
            }
        }
        // Another thread may take the last place meanwhile; then the rest is asked.
        let weight = |index| {
            self.servers
                .get(index)
                .map_or(0, |it: &Server| it.share(now))
        };
        while let Some(index) = self.turns.choose(&among, weight) {
            if let Some(pick) = Pick::take(self, self.servers.get(index)?) {
                return Some(pick);
            }
            among.remove(index);
        }
        None
    }

    /// Whether there is a server that a request which has been at `tried` could still go to.
    pub fn has_untried(&self, tried: &Tried) -> bool {
        let could = |server: &Server| server.is_in_service() && server.is_resolved();
        self.servers
            .iter()
            .any(|server| could(server) && !tried.contains(server.index))
    }

    /// Whether a failed try may be followed by one on another server. Spends from the budget if so.
    pub fn again(&self, attempt: &Attempt, now: Instant) -> bool {
        let panicking = self.is_panicking(now);
        self.budget
            .again(&self.spec.retries, attempt, panicking, now)
    }

    /// Whether too few servers are healthy to choose by health.
    pub fn is_panicking(&self, now: Instant) -> bool {
        self.survey(now).panicking
    }

    fn survey(&self, now: Instant) -> Survey {
        // Whoever is not in service does not exist here: it is in no tier, and no reason for panic.
        let in_service = members(&self.servers, Server::is_in_service);
        let are = |are: fn(&Server, Instant) -> bool| {
            members(&self.servers, |server| {
                in_service.contains(server.index) && are(server, now)
            })
        };
        let healthy = are(Server::is_healthy);
        let resolved = are(|server, _| server.is_resolved());
        let primaries = self.primaries.and(&in_service);
        let survey = Survey::new(&primaries, &healthy, &resolved);
        self.note_panic(&survey, primaries.len());
        survey
    }

    fn note_panic(&self, survey: &Survey, of: usize) {
        let panicking = survey.panicking;
        // The plain load keeps the usual case from writing to a shared line.
        if self.panicking.load(Relaxed) == panicking
            || self.panicking.swap(panicking, Relaxed) == panicking
        {
            return;
        }
        let upstream = self.name();
        let healthy = survey.healthy_primaries.len();
        if panicking {
            tracing::warn!(%upstream, healthy, of, "too few healthy servers: all are used");
        } else {
            tracing::warn!(%upstream, healthy, of, "enough healthy servers: only they are used");
        }
    }
}

/// Who could take a request right now.
#[derive(Debug)]
struct Survey {
    healthy_primaries: ServerSet,
    healthy_backups: ServerSet,
    primaries: ServerSet,
    backups: ServerSet,
    panicking: bool,
}

impl Survey {
    fn new(primaries: &ServerSet, healthy: &ServerSet, resolved: &ServerSet) -> Self {
        let healthy_primaries = healthy.and(primaries);
        let healthy_backups = healthy.without(primaries);
        Self {
            panicking: 2 * healthy_primaries.len() < primaries.len() && healthy_backups.is_empty(),
            healthy_primaries,
            healthy_backups,
            primaries: resolved.and(primaries),
            backups: resolved.without(primaries),
        }
    }

    fn tiers(&self, tried: &Tried) -> [ServerSet; 4] {
        let by_health = !self.panicking || !tried.is_empty();
        let first = if by_health {
            self.healthy_primaries
        } else {
            ServerSet::EMPTY
        };
        [first, self.healthy_backups, self.primaries, self.backups].map(|tier| tier.without(tried))
    }
}

fn members(servers: &[Server], are: impl Fn(&Server) -> bool) -> ServerSet {
    let chosen = servers.iter().filter(|server| are(server));
    chosen.map(|server| server.index).collect()
}

#[cfg(test)]
mod tests;
