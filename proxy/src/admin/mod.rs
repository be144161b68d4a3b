//! The endpoint for operators and scrapers, on a listener of its own. It shows, and lets its users operate.
//!
//! `/` leads to `/stats`, the page; `/metrics` is for Prometheus; `/live` and `/ready` are for whoever
//! starts us or sends us traffic.

mod act;
mod action;
mod certificates;
mod host;
mod html;
mod login;
mod page;
mod query;
mod serve;
mod site;
mod view;

#[cfg(test)]
mod tests;

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
            VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
        },
    },
    middleware,
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use tracing::error;

use crate::{balance::Operator, observe};

pub use self::{
    action::Action,
    certificates::{
        CertificateRow, CertificateStatus, Health, Leaf, Moment, Origin, Step, Window, ahead,
    },
    login::Entry,
    query::{ActionStatus, Format, Query},
    serve::serve,
    view::{ListenerView, ProcessView, Reload, RouteView, StatsView},
};

/// What the endpoint needs to know of the running proxy. What is no future is asked on a thread that may block.
#[async_trait]
pub trait AdminView: Send + Sync + 'static {
    /// Who it is that asks for the page: who has connected, and the fields of the request.
    async fn enter(&self, peer: IpAddr, sent: &HeaderMap) -> Entry;

    /// Does what a user asks for, and says so in the log.
    async fn act(self: Arc<Self>, action: Action, by: Operator) -> ActionStatus;

    /// Whether new traffic is welcome; if not, why, in a few words.
    fn readiness(&self) -> Result<(), &'static str>;

    /// All metrics, for scrapers.
    fn metrics(&self, format: observe::Format) -> String;

    fn stats(&self) -> StatsView;
}

type View = Arc<dyn AdminView>;

/// The endpoint's routes. Other paths answer 404, other methods than GET and HEAD 405; but forms are sent to the page.
pub fn router(view: Arc<dyn AdminView>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/stats")))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats).post(act::act))
        .route("/stats.css", get(style))
        .fallback(suffixed)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&view),
            login::guard,
        ))
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
    let format = observe::Format::asked(accept.filter_map(|value| value.to_str().ok()));
    let kind = [(CONTENT_TYPE, format.media_type()), (VARY, "accept")];
    aside(view, move |view| {
        (kind, view.metrics(format)).into_response()
    })
    .await
}

/// The paths of the page that go on after `/stats`; no others are left.
async fn suffixed(view: State<View>, request: Request) -> Response {
    let uri = request.uri();
    match (Query::of(uri, "/stats"), request.method()) {
        (None, _) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        (Some(_), &Method::GET | &Method::HEAD) => stats(view, uri.clone()).await,
        (Some(_), &Method::POST) => act::act(view, request).await,
        (Some(_), _) => {
            (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST")]).into_response()
        }
    }
}

async fn stats(State(view): State<View>, _uri: Uri) -> Response {
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
                "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; \
                 frame-ancestors 'none'",
            ),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        // With `no-referrer` the page's own forms would name no origin that could be checked.
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    response.headers_mut().extend(HEADERS);
    response
}
