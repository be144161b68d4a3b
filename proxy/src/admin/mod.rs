//! The endpoint for operators and scrapers, on a listener of its own. It shows; it changes nothing.
//!
//! `/` leads to `/stats`, the page; `/metrics` is for Prometheus; `/live` and `/ready` are for whoever
//! starts us or sends us traffic.

mod certificates;
pub mod haproxy;
mod host;
mod html;
mod local;
mod page;
mod query;
mod serve;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
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

use self::haproxy::Wanted;
use crate::observe;

pub use self::{
    certificates::{
        CertificateRow, CertificateStatus, Health, Leaf, Moment, Origin, Step, Window, ahead,
    },
    query::{ActionStatus, Format, Query},
    serve::serve,
    view::{ListenerView, ProcessView, Reload, RouteView, StatsView},
};

/// What the endpoint needs to know of the running proxy. Asked on a thread that may block.
pub trait AdminView: Send + Sync + 'static {
    /// Whether new traffic is welcome; if not, why, in a few words.
    fn readiness(&self) -> Result<(), &'static str>;

    /// All metrics, for scrapers. Of those under `HAProxy`'s names the ones that are wanted.
    fn metrics(&self, format: observe::Format, wanted: &Wanted) -> String;

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
        .fallback(suffixed)
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
async fn metrics(State(view): State<View>, headers: HeaderMap, uri: Uri) -> Response {
    let accept = headers.get_all(ACCEPT).iter();
    let format = observe::Format::asked(accept.filter_map(|value| value.to_str().ok()));
    let kind = [(CONTENT_TYPE, format.media_type()), (VARY, "accept")];
    let wanted = Wanted::of(uri.query().unwrap_or_default());
    aside(view, move |view| {
        (kind, view.metrics(format, &wanted)).into_response()
    })
    .await
}

/// The paths of the page that go on after `/stats`; no others are left.
async fn suffixed(view: State<View>, method: Method, uri: Uri) -> Response {
    match (Query::of(&uri, "/stats"), method) {
        (None, _) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        (Some(_), Method::GET | Method::HEAD) => stats(view, uri).await,
        (Some(_), _) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

async fn stats(State(view): State<View>, uri: Uri) -> Response {
    const CSV: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    const JSON: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
    let query = Query::of(&uri, "/stats").unwrap_or_default();
    aside(view, move |view| {
        let view = view.stats();
        match query.format {
            Format::Page => Html(page::render(&view)).into_response(),
            Format::Csv => (CSV, haproxy::csv(&view, &query)).into_response(),
            Format::Json => (JSON, haproxy::json(view, query)).into_response(),
        }
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
