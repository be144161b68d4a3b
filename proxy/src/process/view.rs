//! The running edge as the admin endpoint shows it.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use http::HeaderMap;

use super::{Edge, certificates};
use crate::{
    admin::{
        Action, ActionStatus, AdminView, Entry, EventView, ListenerView, ProcessView, Reload,
        RouteView, StatsView,
        haproxy::{self, Wanted},
    },
    balance::{self, Operator, Reached, Upstream},
    listen::Listener,
    observe::{
        CertificateView, Certificates, CheckView, Exposition, Format, QueueView, Scene, ServerView,
        UpstreamMeters, UpstreamView, events, process,
    },
    snapshot::Snapshot,
    tls::{Face, Next},
};

/// The most limited clients that are shown.
const MOST_LIMITED: usize = 20;
/// The last events that are shown.
const RECENT_EVENTS: usize = 50;

#[async_trait]
impl AdminView for Edge {
    async fn enter(&self, peer: IpAddr, sent: &HeaderMap) -> Entry {
        self.admit(peer, sent).await
    }

    async fn act(self: Arc<Self>, action: Action, by: Operator) -> ActionStatus {
        self.obey(action, by).await
    }

    fn readiness(&self) -> Result<(), &'static str> {
        if self.is_draining() {
            Err("draining")
        } else {
            Ok(())
        }
    }

    fn metrics(&self, format: Format, wanted: &Wanted) -> String {
        let snapshot = self.snapshot.load();
        let listeners = snapshot.listeners.iter();
        let listeners = listeners.map(|listener| (&*listener.settings.name, limit(listener)));
        let scene = Scene {
            upstreams: &self.upstreams(&snapshot),
            listeners: &listeners.collect::<Vec<_>>(),
            certificates: &*snapshot,
            limiters: &self.world.limits.views(),
        };
        let mut page = Exposition::new(format);
        self.observer.metrics.write(scene, &mut page);
        events::write(&self.events, &mut page);
        let config = &snapshot.config.metrics;
        if config.haproxy {
            haproxy::write_metrics(&self.stats(), wanted, config.max_series, &mut page);
        }
        page.finish()
    }

    fn stats(&self) -> StatsView {
        let snapshot = self.snapshot.load();
        let addresses = self.addresses();
        let listeners: Vec<_> = snapshot
            .listeners
            .iter()
            .map(|listener| row(listener, addresses.get(&*listener.settings.name)))
            .collect();
        StatsView {
            process: self.process(&snapshot, &listeners),
            listeners,
            certificates: certificates::statuses(&snapshot)
                .iter()
                .map(|status| status.row(SystemTime::now()))
                .collect(),
            limited: self.world.limits.top.shown(MOST_LIMITED, Instant::now()),
            refusals: self.observer.metrics.refusals_so_far(),
            routes: RouteView::gather(&self.observer.metrics),
            upstreams: self.upstreams(&snapshot),
            events: self
                .events
                .recent(RECENT_EVENTS)
                .iter()
                .map(EventView::from)
                .collect(),
        }
    }
}

impl Edge {
    fn process(&self, snapshot: &Snapshot, listeners: &[ListenerView]) -> ProcessView {
        let last = self.last_reload.lock().clone();
        let metrics = &self.observer.metrics;
        let now = SystemTime::now();
        let uptime = self.started.elapsed();
        let unix = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let sum = |of: fn(&ListenerView) -> u64| listeners.iter().map(of).sum::<u64>();
        let pulse = self.pulse.view();
        ProcessView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            node: process::node(),
            pid: std::process::id(),
            workers: u64::try_from(self.workers.get()).unwrap_or(u64::MAX),
            started: unix(now - uptime),
            now: unix(now),
            uptime_seconds: uptime.as_secs(),
            draining: self.is_draining(),
            generation: snapshot.generation,
            reload: Reload {
                seconds_ago: last.at.elapsed().as_secs(),
                succeeded: last.succeeded,
                message: last.message,
            },
            connections: self.connections(),
            connections_limit: sum(|listener| listener.limit),
            connections_total: sum(|listener| listener.total),
            connection_rate: pulse.connections,
            requests_total: sum(|listener| listener.flow.requests()),
            request_rate: pulse.requests,
            tls_connections: sum(|listener| if listener.tls { listener.current } else { 0 }),
            handshakes_total: sum(|listener| listener.handshakes_total),
            handshake_rate: pulse.handshakes,
            full_handshake_rate: pulse.full_handshakes,
            bytes_in: sum(|listener| listener.flow.bytes_in),
            bytes_out: sum(|listener| listener.flow.bytes_out),
            log_lines_dropped: metrics.access_log_dropped().get(),
            memory_bytes: process::resident_bytes(),
            memory_limit_bytes: metrics.memory_limit(),
            descriptors: process::open_descriptors(),
            descriptors_limit: process::descriptor_limit(),
            idle_percent: pulse.idle_percent,
            since_start: pulse.since_start,
            last_minute: pulse.last_minute,
            points: pulse.points,
        }
    }

    /// In the order of the configuration.
    fn upstreams(&self, snapshot: &Snapshot) -> Vec<UpstreamView> {
        let held = self.observer.metrics.upstreams();
        let meters: HashMap<&str, _> = held.iter().map(|meters| (meters.name(), meters)).collect();
        let now = Instant::now();
        let view = |upstream: &Arc<Upstream>| {
            let meters = meters
                .get(upstream.name().as_ref())
                .map(|meters| &***meters);
            of_upstream(upstream, meters, now)
        };
        snapshot.upstreams.iter().map(view).collect()
    }

    fn addresses(&self) -> BTreeMap<String, Vec<String>> {
        let mut addresses = BTreeMap::<_, Vec<_>>::new();
        for (listener, address) in self.listeners.lock().addresses() {
            addresses
                .entry(listener.to_string())
                .or_default()
                .push(address.to_string());
        }
        for of_one in addresses.values_mut() {
            of_one.sort();
        }
        addresses
    }
}

/// Connections that a listener lets in at a time.
fn limit(listener: &Listener) -> u64 {
    u64::try_from(listener.settings.limits.connections).unwrap_or(u64::MAX)
}

fn row(listener: &Listener, addresses: Option<&Vec<String>>) -> ListenerView {
    let settings = &listener.settings;
    let meters = &listener.meters;
    let protocols = match (settings.protocols.h2, settings.protocols.http1) {
        (true, true) => "HTTP/2 and HTTP/1.1",
        (true, false) => "HTTP/2",
        _ => "HTTP/1.1",
    };
    let limit = limit(listener);
    let [http1_requests, http2_requests] = meters.by_protocol();
    ListenerView {
        name: settings.name.to_string(),
        addresses: addresses.cloned().unwrap_or_default(),
        protocol: match settings.tls {
            Some(_) => format!("{protocols} over TLS"),
            None => protocols.to_owned(),
        },
        tls: settings.tls.is_some(),
        full: meters.current() >= limit,
        current: meters.current(),
        most: meters.most(),
        limit,
        total: meters.total(),
        refused: meters.total_refused(),
        rate: meters.rate(),
        handshakes_total: meters.handshakes.counts().total(),
        handshake_rate: meters.handshake_rate(),
        handshake_failures: meters.total_handshake_failures(),
        http1_requests,
        http2_requests,
        flow: meters.traffic.flow(),
    }
}

fn of_upstream(upstream: &Upstream, meters: Option<&UpstreamMeters>, now: Instant) -> UpstreamView {
    let servers: Vec<_> = upstream
        .servers()
        .iter()
        .map(|server| of_server(upstream, server, now))
        .collect();
    let queue = upstream.queue();
    let view = UpstreamView {
        name: upstream.name().to_string(),
        balance: "round_robin".to_owned(),
        panic: upstream.is_panicking(now),
        queue: QueueView {
            now: queue.current,
            most: queue.max,
            limit: queue.limit.map(u64::from),
            total: queue.total,
            timed_out: queue.timed_out,
        },
        in_flight: servers
            .iter()
            .map(|server| u64::from(server.in_flight))
            .sum(),
        servers,
        ..UpstreamView::default()
    };
    // One that no route leads to has none.
    let Some(meters) = meters else {
        return view;
    };
    // It is looked at once a second; what one server had, which is counted exactly, there was at least.
    let of_one = view
        .servers
        .iter()
        .map(|server| server.most_in_flight)
        .max();
    let most = meters.most.get().max(of_one.unwrap_or(0));
    UpstreamView {
        most_in_flight: most.max(view.in_flight),
        retries: meters.retries(),
        outages: meters.outages.view(),
        flow: meters.traffic.flow(),
        stages: meters.stages.view(),
        points: meters.points(),
        ..view
    }
}

fn of_server(upstream: &Upstream, server: &balance::Server, now: Instant) -> ServerView {
    let vitals = &server.vitals;
    let (failures, meters) = (&vitals.failures, &vitals.meters);
    ServerView {
        name: server.label.to_string(),
        state: server.state(now).to_string(),
        up: vitals.standing().is_up(),
        ejected: vitals.is_ejected(now),
        usable: server.takes_new(now),
        backup: server.backup,
        weight: server.effective_weight(),
        configured_weight: server.weight,
        throttle: server.throttle(now),
        in_flight: vitals.in_flight(),
        most_in_flight: vitals.most.get(),
        max_connections: server.max_connections.map(std::num::NonZeroU32::get),
        picks: vitals.picks.get(),
        successes: vitals.successes.get(),
        surplus: vitals.surplus.get(),
        failures: [
            failures.connect.get(),
            failures.reset.get(),
            failures.timeout.get(),
            failures.malformed.get(),
            failures.status.get(),
        ],
        reused: meters.reused(),
        connected: meters.connected(),
        idle_connections: vitals.idle_connections(),
        retries: meters.retries.load(Relaxed),
        ejections: vitals.ejections.get(),
        failed_resolutions: server.failed_resolutions(),
        check: of_check(upstream, server, now),
        checks: vitals.checks.get(),
        checks_failed: vitals.checks_failed.get(),
        downs: vitals.downs.get(),
        downtime_seconds: vitals.downtime(now).as_secs(),
        changed_seconds_ago: now
            .saturating_duration_since(vitals.last_change())
            .as_secs(),
        flow: meters.traffic.flow(),
        stages: meters.stages.view(),
    }
}

fn of_check(upstream: &Upstream, server: &balance::Server, now: Instant) -> Option<CheckView> {
    let (check, last) = (upstream.health()?, server.vitals.last_check()?);
    Some(CheckView {
        code: code(last.reached).to_owned(),
        status: last.status,
        text: last.text,
        took_ms: u64::try_from(last.took.as_millis()).unwrap_or(u64::MAX),
        seconds_ago: now.saturating_duration_since(last.at).as_secs(),
        rise: check.rise.get(),
        fall: check.fall.get(),
    })
}

/// As `HAProxy` calls it.
const fn code(reached: Reached) -> &'static str {
    match reached {
        Reached::Connected => "L4OK",
        Reached::Secured => "L6OK",
        Reached::Answered => "L7OK",
        Reached::NoConnection => "L4TOUT",
        Reached::Unconnected => "L4CON",
        Reached::Insecure => "L6RSP",
        Reached::NoAnswer => "L7TOUT",
        Reached::NotHttp => "L7RSP",
        Reached::BadStatus => "L7STS",
    }
}

impl Certificates for Snapshot {
    /// Of several certificates for one host, the one that ends first is the one to worry about.
    fn each_host(&self, see: &mut dyn FnMut(CertificateView<'_>)) {
        let mut hosts = BTreeMap::<&str, CertificateView<'_>>::new();
        for slot in self.certificates.slots() {
            for host in &slot.hosts {
                let view = hosts.entry(host).or_insert(CertificateView {
                    host,
                    not_after: None,
                    is_temporary: false,
                    problem: None,
                    reason: None,
                    window: None,
                    next: None,
                });
                let outlook = slot.outlook();
                if let Next::Renew(at) | Next::Retry(at) = outlook.next {
                    view.next = Some(view.next.map_or(at, |other| other.min(at)));
                }
                if view.problem.is_none() {
                    (view.problem, view.reason) = (outlook.problem, outlook.reason);
                }
                view.window = view.window.or(outlook.window);
                match slot.face(host) {
                    Some(Face::Own(shown)) => {
                        let ends = shown.facts.not_after;
                        view.not_after = Some(view.not_after.map_or(ends, |other| other.min(ends)));
                    }
                    Some(Face::Temporary(_)) => view.is_temporary = true,
                    None => {}
                }
            }
        }
        hosts.into_values().for_each(see);
    }
}
