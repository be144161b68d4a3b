//! Looks at all counters once a second, for rates, plots and percentiles of late: requests pay nothing for these.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::Weak,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval};

use super::Edge;
use crate::observe::{Counts, History, LastMinute, Metrics, Point, Quantiles, Rate, RateView};

const EVERY: Duration = Duration::from_secs(1);

/// The process as a whole of late.
#[derive(Debug, Default)]
pub(super) struct Pulse(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    connections: Rate,
    requests: Rate,
    handshakes: Rate,
    full_handshakes: Rate,
    history: History,
    minute: LastMinute,
    counts: Counts,
    cpu: Duration,
    idle_percent: u64,
}

/// What is shown of it.
pub(super) struct PulseView {
    pub(super) connections: RateView,
    pub(super) requests: RateView,
    pub(super) handshakes: RateView,
    pub(super) full_handshakes: RateView,
    pub(super) idle_percent: u64,
    pub(super) since_start: Option<Quantiles>,
    pub(super) last_minute: Option<Quantiles>,
    pub(super) points: Vec<Point>,
}

pub(super) async fn tend(edge: Weak<Edge>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        ticks.tick().await;
        let Some(edge) = edge.upgrade() else {
            return;
        };
        let now = Instant::now();
        let elapsed = now.saturating_duration_since(last);
        if elapsed < EVERY / 2 {
            continue; // the first tick is at once
        }
        last = now;
        edge.pulse
            .beat(&edge.observer.metrics, edge.workers, elapsed);
        edge.beat(elapsed);
    }
}

impl Edge {
    /// For every place with counters of its own.
    fn beat(&self, elapsed: Duration) {
        let metrics = &self.observer.metrics;
        for listener in metrics.all_listeners() {
            listener.tick(elapsed);
        }
        for route in metrics.routes() {
            route.tick();
        }
        let snapshot = self.snapshot.load();
        let now = Instant::now();
        let mut seen = HashMap::new();
        for upstream in snapshot.upstreams.iter() {
            let (mut in_flight, mut is_up) = (0, false);
            for server in upstream.servers() {
                in_flight += u64::from(server.vitals.in_flight());
                is_up |= server.takes_new(now);
                server.vitals.meters.tick(elapsed);
            }
            seen.insert(&**upstream.name(), (in_flight, is_up));
        }
        // Also those of earlier snapshots that are still held, and the one that all beyond the limit share.
        for meters in metrics.upstreams() {
            let found = seen.get(meters.name()).copied();
            let (in_flight, is_up) = found.unwrap_or((0, true));
            meters.tick(in_flight, elapsed);
            meters.outages.tick(is_up, elapsed);
        }
    }
}

impl Pulse {
    fn beat(&self, metrics: &Metrics, workers: NonZeroUsize, elapsed: Duration) {
        let (mut connections, mut requests, mut errors) = (0, 0, 0);
        let (mut handshakes, mut full_handshakes) = (0, 0);
        let mut counts = Counts::default();
        for listener in metrics.all_listeners() {
            connections += listener.total();
            requests += listener.traffic.requests();
            errors += listener.traffic.errors();
            handshakes += listener.handshakes.counts().total();
            full_handshakes += listener.full_handshakes();
            counts.add(&listener.traffic.total.counts());
        }
        let mut state = self.0.lock();
        state.connections.tick(connections, elapsed);
        state.requests.tick(requests, elapsed);
        state.handshakes.tick(handshakes, elapsed);
        state.full_handshakes.tick(full_handshakes, elapsed);
        state.history.tick(requests, errors, || counts.clone());
        state.minute.tick(|| counts.clone());
        state.counts = counts;
        let cpu = cpu();
        let busy = cpu.saturating_sub(state.cpu).as_millis();
        let workers = u128::try_from(workers.get()).unwrap_or(1);
        let all = (elapsed.as_millis() * workers).max(1);
        state.idle_percent = 100 - u64::try_from((busy * 100 / all).min(100)).unwrap_or(100);
        state.cpu = cpu;
    }

    pub(super) fn view(&self) -> PulseView {
        let state = self.0.lock();
        PulseView {
            connections: state.connections.view(),
            requests: state.requests.view(),
            handshakes: state.handshakes.view(),
            full_handshakes: state.full_handshakes.view(),
            idle_percent: state.idle_percent,
            since_start: state.counts.quantiles(),
            last_minute: state.minute.quantiles(&state.counts),
            points: state.history.points().collect(),
        }
    }
}

/// Of all threads so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
