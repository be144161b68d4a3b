//! Simplon's application server: an API and a precompressed front end in one binary.
//!
//! # Layout
//!
//! * [`cli`]: the command line.
//! * [`life`]: the life of the process: start, serve, drain, end.
//! * [`address`]: TCP or Unix. [`listen`]: binds one. [`serve`](mod@serve): connections in, responses out. [`shutdown`]: signals.
//! * [`state`]: what every request may ask: the phase of the process, its data, its metrics. [`data`]: the data directory.
//! * [`api`]: everything under `/api`. [`front`]: everything else.
//! * [`metrics`]: what is counted, and the separate port that shows it ([`metrics::port`]).

pub mod address;
pub mod api;
pub mod cli;
pub mod data;
pub mod front;
pub mod life;
pub mod listen;
pub mod metrics;
pub mod serve;
pub mod shutdown;
pub mod state;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{HeaderName, SERVER};
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;

pub use serve::serve;
use state::App;

/// Everything the public port answers. The metrics are not among it.
pub fn router(app: Arc<App>) -> Router {
    api::router()
        .fallback(front::answer)
        .layer(map_response_with_state(app.clone(), sign))
        .layer(from_fn_with_state(app.clone(), metrics::measure))
        .with_state(app)
}

/// Says who answered, so that one sees through a load balancer.
async fn sign(State(app): State<Arc<App>>, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("simplon-app"));
    headers.insert(
        HeaderName::from_static("x-served-by"),
        app.served_by().clone(),
    );
    response
}
