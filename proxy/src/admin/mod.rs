//! The endpoint for operators and scrapers, on a listener of its own. It shows; it changes nothing.
//!
//! `/` leads to `/stats`, the page; `/metrics` is for Prometheus; `/live` and `/ready` are for whoever
//! starts us or sends us traffic.

mod certificates;
mod hold;
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
    extract::{FromRef, Request, State},
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

use self::page::{Live, Look};
use crate::observe;

pub use self::{
    certificates::{
        CertificateRow, CertificateStatus, Health, Leaf, Moment, Origin, Step, Window, ahead,
    },
    query::{ActionStatus, Format, Query},
    serve::serve,
    view::{EventView, ListenerView, ProcessView, Reload, RouteView, StatsView},
};

/// What the endpoint needs to know of the running proxy. Asked on a thread that may block.
pub trait AdminView: Send + Sync + 'static {
    /// Whether new traffic is welcome; if not, why, in a few words.
    fn readiness(&self) -> Result<(), &'static str>;

    /// All metrics, for scrapers.
    fn metrics(&self, format: observe::Format) -> String;

    fn stats(&self) -> StatsView;
}

type View = Arc<dyn AdminView>;

/// What the routes share.
#[derive(Clone)]
struct Endpoint {
    view: View,
    live: Arc<Live>,
}

impl FromRef<Endpoint> for View {
    fn from_ref(endpoint: &Endpoint) -> Self {
        Arc::clone(&endpoint.view)
    }
}

/// The page as it is with nothing ticked, filtered or changed by its looker, for a bench.
pub fn render(stats: &StatsView) -> String {
    page::draw(stats, &Look::default()).text
}

/// The endpoint's routes. Other paths answer 404, other methods than GET and HEAD 405.
pub fn router(view: Arc<dyn AdminView>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/stats")))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats", get(stats))
        .route("/stats.css", get(async || of_kind("text/css", page::STYLE)))
        .route(
            "/stats.js",
            get(async || of_kind("text/javascript", page::SCRIPT)),
        )
        .fallback(suffixed)
        .layer(middleware::map_response(guarded))
        .with_state(Endpoint {
            live: Arc::new(Live::new(Arc::clone(&view))),
            view,
        })
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

/// The paths of the page that go on after `/stats`, and those of its events; no others are left.
async fn suffixed(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let events = Query::of(request.uri(), "/stats/events");
    if events.is_none() && Query::of(request.uri(), "/stats").is_none() {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    match events {
        Some(query) => endpoint
            .live
            .stream(look(query), request.extensions().get()),
        None => stats(State(endpoint.view), request.uri().clone()).await,
    }
}

async fn stats(State(view): State<View>, uri: Uri) -> Response {
    let look = look(Query::of(&uri, "/stats").unwrap_or_default());
    aside(view, move |view| {
        Html(page::draw(&view.stats(), &look).text).into_response()
    })
    .await
}

fn look(query: Query) -> Look {
    Look {
        query,
        may_act: false,
    }
}

fn of_kind(kind: &'static str, text: &'static str) -> Response {
    let kind = [(CONTENT_TYPE, format!("{kind}; charset=utf-8"))];
    (kind, text).into_response()
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
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                 img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
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
