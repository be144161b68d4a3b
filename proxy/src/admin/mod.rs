//! The endpoint for operators and scrapers, on a listener of its own. It shows; it changes nothing.
//!
//! `/` leads to `/stats`, the page; `/metrics` is for Prometheus; `/live` and `/ready` are for whoever
//! starts us or sends us traffic.

mod certificates;
mod host;
mod html;
mod local;
mod page;
mod serve;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{
            ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
            X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use tracing::error;

use crate::observe::Format;

pub use self::{
    certificates::{
        CertificateRow, CertificateStatus, Health, Leaf, Moment, Origin, Step, Window, ahead,
    },
    serve::serve,
    view::{ListenerView, ProcessView, Reload, RouteView, StatsView},
};

/// What the endpoint needs to know of the running proxy. Asked on a thread that may block.
pub trait AdminView: Send + Sync + 'static {
    /// Whether new traffic is welcome; if not, why, in a few words.
    fn readiness(&self) -> Result<(), &'static str>;

    /// All metrics, for scrapers.
    fn metrics(&self, format: Format) -> String;

    fn stats(&self) -> StatsView;
}

type View = Arc<dyn AdminView>;

/// The endpoint's routes. Other paths answer 404, other methods than GET and HEAD 405.
pub fn router(view: Arc<dyn AdminView>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/stats")))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats))
        .route("/stats.css", get(style))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
        .layer(middleware::map_response(guarded))
        .with_state(view)
}

async fn ready(State(view): State<View>) -> Response {
    match view.readiness() {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}

/// In the format that the scraper likes best.
async fn metrics(State(view): State<View>, headers: HeaderMap) -> Response {
    let accept = headers.get_all(ACCEPT).iter();
    let format = Format::asked(accept.filter_map(|value| value.to_str().ok()));
    let kind = [(CONTENT_TYPE, format.media_type()), (VARY, "accept")];
    aside(view, move |view| {
        (kind, view.metrics(format)).into_response()
    })
    .await
}

async fn stats(State(view): State<View>) -> Response {
    aside(view, |view| {
        Html(page::render(&view.stats())).into_response()
    })
    .await
}

async fn style() -> Response {
    let kind = [(CONTENT_TYPE, "text/css; charset=utf-8")];
    (kind, page::STYLE).into_response()
}

/// Off the threads that move traffic: thousands of series take their milliseconds.
async fn aside(
    view: View,
    answer: impl FnOnce(&dyn AdminView) -> Response + Send + 'static,
) -> Response {
    let answered = tokio::task::spawn_blocking(move || answer(&*view)).await;
    answered.unwrap_or_else(|fault| {
        error!(%fault, "the admin endpoint could not answer");
        (StatusCode::INTERNAL_SERVER_ERROR, "internal error\n").into_response()
    })
}

/// Nothing here is to be kept, framed, guessed at, or to load or send anything elsewhere.
async fn guarded(mut response: Response) -> Response {
    const HEADERS: [(HeaderName, HeaderValue); 5] = [
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(
                "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; \
                 frame-ancestors 'none'",
            ),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    response.headers_mut().extend(HEADERS);
    response
}
