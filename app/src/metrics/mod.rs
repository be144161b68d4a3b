//! What is counted. Handles are bound to their labels once, at the start.

pub mod port;
mod route_class;

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{
    Encoder, Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder,
};

use crate::state::App;
use route_class::{ROUTES, RouteClass};

/// Upper bounds of the duration's buckets, in seconds: from an answer out of memory to the longest delay.
const BUCKETS_S: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// The classes of status as the label `status` names them.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The meters of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: [[IntCounter; STATUSES.len()]; ROUTES.len()],
    durations: [Histogram; ROUTES.len()],
    in_flight: IntGauge,
}

impl Metrics {
    /// Fails only if two meters bear the same name, which a test would show.
    pub fn new() -> Result<Self, Error> {
        let requests = Opts::new(
            "simplon_app_requests_total",
            "Requests answered, by kind and status class.",
        );
        let requests = IntCounterVec::new(requests, &["route", "status"])?;
        let durations = HistogramOpts::new(
            "simplon_app_request_duration_seconds",
            "Time from the end of a request's header to the start of its response, by kind.",
        );
        let durations = HistogramVec::new(durations.buckets(BUCKETS_S.to_vec()), &["route"])?;
        let in_flight = IntGauge::new(
            "simplon_app_requests_in_flight",
            "Requests being answered now.",
        )?;
        let build = Opts::new(
            "simplon_app_build_info",
            "Always 1; the label tells what runs.",
        );
        let build = IntGauge::with_opts(build.const_label("version", env!("CARGO_PKG_VERSION")))?;
        build.set(1);

        let registry = Registry::new();
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(durations.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(build))?;
        Ok(Self {
            registry,
            requests: ROUTES
                .map(|route| STATUSES.map(|status| requests.with_label_values(&[route, status]))),
            durations: ROUTES.map(|route| durations.with_label_values(&[route])),
            in_flight,
        })
    }

    fn record(&self, class: RouteClass, status: StatusCode, seconds: f64) {
        let route = class as usize;
        // A status outside 100 to 599 belongs to no class; none of ours is.
        let status = usize::from(status.as_u16() / 100).wrapping_sub(1);
        if let Some(counter) = self.requests[route].get(status) {
            counter.inc();
        }
        self.durations[route].observe(seconds);
    }

    /// The text format of Prometheus.
    fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// One request in flight; its drop un-counts it, also when the client leaves first.
struct InFlight<'a>(&'a IntGauge);

impl<'a> InFlight<'a> {
    fn count(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts and times every request of the public port.
pub async fn measure(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let _in_flight = InFlight::count(&app.metrics.in_flight);
    let begin = Instant::now();
    let uri = request.uri().clone(); // shares its bytes, copies nothing
    let response = next.run(request).await;
    let class = RouteClass::of(uri.path(), response.status());
    app.metrics
        .record(class, response.status(), begin.elapsed().as_secs_f64());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_under_its_status_class() {
        let metrics = Metrics::new().unwrap();
        for (status, class) in [(101, 0), (200, 1), (304, 2), (499, 3), (599, 4)] {
            let counter = &metrics.requests[RouteClass::Front as usize][class];
            let before = counter.get();
            metrics.record(
                RouteClass::Front,
                StatusCode::from_u16(status).unwrap(),
                0.001,
            );
            assert_eq!(counter.get(), before + 1, "{status}");
        }
        metrics.record(RouteClass::Front, StatusCode::from_u16(999).unwrap(), 0.001); // must not panic
        assert_eq!(
            metrics.durations[RouteClass::Front as usize].get_sample_count(),
            6
        );
    }

    #[test]
    fn a_request_in_flight_is_un_counted_when_it_is_dropped() {
        let metrics = Metrics::new().unwrap();
        let request = InFlight::count(&metrics.in_flight);
        assert_eq!(metrics.in_flight.get(), 1);
        drop(request);
        assert_eq!(metrics.in_flight.get(), 0);
    }

    #[test]
    fn every_series_is_there_before_the_first_request() {
        let text = String::from_utf8(Metrics::new().unwrap().text().unwrap()).unwrap();
        for route in ROUTES {
            for status in STATUSES {
                let series = format!(
                    "simplon_app_requests_total{{route=\"{route}\",status=\"{status}\"}} 0"
                );
                assert!(text.contains(&series), "{series}");
            }
        }
        assert!(text.contains("simplon_app_build_info{version="));
    }
}
