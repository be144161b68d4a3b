//! The running edge as the admin endpoint shows it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use super::{Edge, certificates};
use crate::{
    admin::{AdminView, ListenerRow, ProcessView, Reload, RouteRow, StatsView, UpstreamRows},
    balance::{self, Upstream},
    listen::Listener,
    observe::{CertificateView, Certificates, ServerView, Servers, UpstreamView, events, limiters},
    snapshot::Snapshot,
    tls::{Face, Next},
};

/// The most limited clients that are shown.
const MOST_LIMITED: usize = 20;

impl AdminView for Edge {
    fn readiness(&self) -> Result<(), &'static str> {
        if self.is_draining() {
            Err("draining")
        } else {
            Ok(())
        }
    }

    fn metrics(&self) -> String {
        let shown = Shown(self.snapshot.load());
        let mut text = self.observer.metrics.text(&shown, &shown);
        limiters::write(self.world.limits.views(), &mut text);
        events::write(&self.events, &mut text);
        text
    }

    fn stats(&self) -> StatsView {
        let snapshot = self.snapshot.load();
        let last = self.last_reload.lock().clone();
        let addresses = self.addresses();
        StatsView {
            process: ProcessView {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                pid: std::process::id(),
                uptime: self.started.elapsed(),
                generation: snapshot.generation,
                reload: Reload {
                    ago: last.at.elapsed(),
                    succeeded: last.succeeded,
                    message: last.message,
                },
                connections: self.connections(),
            },
            listeners: snapshot
                .listeners
                .iter()
                .map(|listener| row(listener, addresses.get(&*listener.settings.name)))
                .collect(),
            certificates: certificates::statuses(&snapshot)
                .iter()
                .map(|status| status.row(SystemTime::now()))
                .collect(),
            limited: self.world.limits.top.shown(MOST_LIMITED, Instant::now()),
            routes: RouteRow::gather(&self.observer.metrics),
            upstreams: UpstreamRows::gather(&Shown(snapshot)),
        }
    }
}

impl Edge {
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

fn row(listener: &Listener, addresses: Option<&Vec<String>>) -> ListenerRow {
    let settings = &listener.settings;
    let protocols = match (settings.protocols.h2, settings.protocols.http1) {
        (true, true) => "HTTP/2 and HTTP/1.1",
        (true, false) => "HTTP/2",
        _ => "HTTP/1.1",
    };
    ListenerRow {
        name: settings.name.to_string(),
        addresses: addresses.cloned().unwrap_or_default(),
        protocol: match settings.tls {
            Some(_) => format!("{protocols} over TLS"),
            None => protocols.to_owned(),
        },
        current: listener.meters.current(),
        total: listener.meters.total(),
        refused: listener.meters.total_refused(),
    }
}

/// The servers and certificates of one snapshot.
struct Shown(Arc<Snapshot>);

impl Servers for Shown {
    fn each(&self, see: &mut dyn FnMut(ServerView<'_>)) {
        let now = Instant::now();
        for upstream in self.0.upstreams.iter() {
            for server in upstream.servers() {
                see(view(upstream, server, now));
            }
        }
    }

    fn upstreams(&self, see: &mut dyn FnMut(UpstreamView<'_>)) {
        let now = Instant::now();
        for upstream in self.0.upstreams.iter() {
            see(UpstreamView {
                upstream: upstream.name().as_ref().into(),
                panic: upstream.is_panicking(now),
            });
        }
    }
}

impl Certificates for Shown {
    /// Of several certificates for one host, the one that ends first is the one to worry about.
    fn each_host(&self, see: &mut dyn FnMut(CertificateView<'_>)) {
        let mut hosts = BTreeMap::<&str, CertificateView<'_>>::new();
        for slot in self.0.certificates.slots() {
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

fn view<'a>(upstream: &'a Upstream, server: &'a balance::Server, now: Instant) -> ServerView<'a> {
    let vitals = &server.vitals;
    let failures = &vitals.failures;
    ServerView {
        upstream: upstream.name().as_ref().into(),
        server: server.label.as_ref().into(),
        state: server.state(now).to_string().into(),
        up: vitals.standing().is_up(),
        ejected: vitals.is_ejected(now),
        backup: server.backup,
        weight: server.weight,
        in_flight: vitals.in_flight(),
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
        last_check: vitals
            .last_check()
            .map(|check| check.text)
            .unwrap_or_default()
            .into(),
        last_change: now.saturating_duration_since(vitals.last_change()),
    }
}
