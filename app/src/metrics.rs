//! What is counted, and the port that shows it. Handles are bound to their labels once, at the start.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{
    Encoder, Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    Opts, Registry, TextEncoder,
};

use crate::state::App;

/// Upper bounds of the duration's buckets, in seconds: from an answer out of memory to the longest delay.
const BUCKETS_S: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0,
];

/// What kind of request it was; few, so that a client cannot invent time series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RouteClass {
    ApiHealth,
    ApiEcho,
    Front,
    NotFound,
}

const ROUTES: [&str; 4] = ["api_health", "api_echo", "front", "not_found"];
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl RouteClass {
    fn of(path: &str, status: StatusCode) -> Self {
        match path {
            // Here the status is the client's wish.
            "/api/echo" => Self::ApiEcho,
            _ if status == StatusCode::NOT_FOUND => Self::NotFound,
            path if path.starts_with("/api/health/") => Self::ApiHealth,
            _ => Self::Front,
        }
    }
}

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

/// Everything the metrics port answers.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/metrics", get(show)).with_state(app)
}

async fn show(State(app): State<Arc<App>>) -> Response {
    match app.metrics.text() {
        Ok(text) => (
            [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            text,
        )
            .into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_by_its_kind_and_status_class() {
        let cases = [
            ("/api/health/live", 200, RouteClass::ApiHealth),
            ("/api/health/ready", 503, RouteClass::ApiHealth),
            ("/api/health/none", 404, RouteClass::NotFound),
            ("/api/echo", 200, RouteClass::ApiEcho),
            ("/api/echo", 404, RouteClass::ApiEcho),
            ("/api/echo/", 404, RouteClass::NotFound),
            ("/api", 404, RouteClass::NotFound),
            ("/", 200, RouteClass::Front),
            ("/patients", 304, RouteClass::Front),
            ("/", 405, RouteClass::Front),
            ("/gone.js", 404, RouteClass::NotFound),
        ];
        let metrics = Metrics::new().unwrap();
        for (path, status, class) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(RouteClass::of(path, status), class, "{path} {status}");
            let counter = &metrics.requests[class as usize][usize::from(status.as_u16() / 100 - 1)];
            let before = counter.get();
            metrics.record(class, status, 0.001);
            assert_eq!(counter.get(), before + 1, "{path} {status}");
        }
        metrics.record(RouteClass::Front, StatusCode::from_u16(999).unwrap(), 0.001); // must not panic
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
