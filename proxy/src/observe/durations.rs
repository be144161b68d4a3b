//! The histograms of requests, their stages and handshakes, and the percentiles of late, written when somebody looks.

use std::time::Duration;

use super::{
    Counts, Latency, Metrics,
    exposition::{Exposition, Family, Labels},
};

/// Milliseconds; from a cached page to a report that takes its minute. Each is a bound of [`Latency`]'s.
const BOUNDS: [f64; 15] = [
    1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0,
    30_000.0, 60_000.0,
];

/// Appends the families.
pub(super) fn write(metrics: &Metrics, page: &mut Exposition) {
    let mut duration = Family::histogram(
        "simplon_request_duration_seconds",
        "From the end of a request's header to the last byte of its response; without tunnels.",
    );
    for route in metrics.routes() {
        let labels = Labels::new(&[("route", route.route()), ("upstream", route.upstream())]);
        add(&mut duration, &labels, &route.duration);
    }
    page.add(duration);

    let mut connect = Family::histogram(
        "simplon_upstream_connect_seconds",
        "Connecting to a server; zero on a reused connection.",
    );
    let mut first_byte = Family::histogram(
        "simplon_upstream_first_byte_seconds",
        "From a request sent to a server to the first byte of its response.",
    );
    let mut queue = Family::histogram(
        "simplon_upstream_queue_seconds",
        "Waiting for a place at a server, of the requests that had to.",
    );
    for upstream in metrics.upstreams() {
        let labels = Labels::new(&[("upstream", upstream.name())]);
        let (counts, sum) = upstream.connect();
        add_counts(&mut connect, &labels, &counts, sum);
        add(&mut first_byte, &labels, &upstream.first_byte);
        add(&mut queue, &labels, &upstream.queue);
    }
    page.add(connect);
    page.add(first_byte);
    page.add(queue);

    let mut handshakes = Family::histogram(
        "simplon_tls_handshake_seconds",
        "TLS handshakes with clients that succeeded.",
    );
    for listener in metrics.all_listeners() {
        let labels = Labels::new(&[("listener", listener.name())]);
        add(&mut handshakes, &labels, &listener.handshakes);
    }
    page.add(handshakes);
    write_last_minute(metrics, page);
}

/// Those percentiles of a minute without requests are not there.
fn write_last_minute(metrics: &Metrics, page: &mut Exposition) {
    let mut of_upstreams = Family::summary(
        "simplon_upstream_latency_seconds",
        "Percentiles of simplon_request_duration_seconds of the last minute, by upstream.",
    );
    for upstream in metrics.upstreams() {
        if let Some(quantiles) = upstream.traffic.last_minute() {
            let labels = Labels::new(&[("upstream", upstream.name())]);
            of_upstreams.quantiles(&labels, quantiles);
        }
    }
    page.add(of_upstreams);

    let mut of_routes = Family::summary(
        "simplon_route_latency_seconds",
        "Percentiles of simplon_request_duration_seconds of the last minute, by route.",
    );
    for route in metrics.routes() {
        if let Some(quantiles) = route.last_minute() {
            let labels = Labels::new(&[("route", route.route()), ("upstream", route.upstream())]);
            of_routes.quantiles(&labels, quantiles);
        }
    }
    page.add(of_routes);
}

/// All buckets of one series, even if nothing was counted yet: a rate is to see the first event.
fn add(family: &mut Family, labels: &Labels, latency: &Latency) {
    add_counts(family, labels, &latency.counts(), latency.sum());
}

fn add_counts(family: &mut Family, labels: &Labels, counts: &Counts, sum: Duration) {
    let within = BOUNDS.map(|millis| {
        let bound = Duration::from_secs_f64(millis / 1000.0);
        (millis / 1000.0, counts.within(bound))
    });
    family.distribution(labels, &within, counts.total(), sum.as_secs_f64());
}
