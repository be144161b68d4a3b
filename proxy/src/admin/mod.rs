//! The endpoint for operators and scrapers, on a listener of its own. It shows, and lets its users operate.
//!
//! `/` leads to `/stats`, the page; `/metrics` is for Prometheus; `/live` and `/ready` are for whoever
//! starts us or sends us traffic.

mod act;
mod action;
mod certificates;
pub mod haproxy;
mod hold;
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

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
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
use tokio::sync::Semaphore;
use tracing::error;

use self::{
    haproxy::Wanted,
    page::{Live, Look},
};
use crate::{balance::Operator, observe};

pub use self::{
    action::Action,
    certificates::{
        CertificateRow, CertificateStatus, Health, Leaf, Moment, Origin, Step, Window, ahead,
    },
    login::Entry,
    query::{ActionStatus, Format, Query},
    serve::serve,
    view::{EventView, ListenerView, ProcessView, Reload, RouteView, StatsView},
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

    /// All metrics, for scrapers. Of those under `HAProxy`'s names the ones that are wanted.
    fn metrics(&self, format: observe::Format, wanted: &Wanted) -> String;

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

/// The endpoint's routes. Other paths answer 404, other methods than GET and HEAD 405; but forms are sent to the page.
pub fn router(view: Arc<dyn AdminView>) -> Router {
    Router::new()
        .route("/", get(async || Redirect::temporary("/stats")))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/stats.css", get(async || of_kind("text/css", page::STYLE)))
        .route(
            "/stats.js",
            get(async || of_kind("text/javascript", page::SCRIPT)),
        )
        .fallback(paged)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&view),
            login::guard,
        ))
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

/// The page and its events, whose paths may go on with suffixes; no others are left.
async fn paged(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (uri, method) = (request.uri(), request.method());
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let user = request.extensions().get::<Operator>();
    if let Some(query) = Query::of(uri, "/stats/events") {
        if !is_read {
            return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
        }
        let hold = request.extensions().get();
        return endpoint.live.stream(look(query, user), hold);
    }
    match Query::of(uri, "/stats") {
        Some(query) if is_read => show(endpoint.view, look(query, user)).await,
        Some(_) if method == Method::POST => act::act(endpoint.view, request).await,
        Some(_) => (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST")]).into_response(),
        None => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

/// As a page, or as `HAProxy`'s table.
async fn show(view: View, look: Look) -> Response {
    const CSV: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; charset=utf-8")];
    const JSON: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "application/json")];
    aside(view, move |view| {
        let view = view.stats();
        match look.query.format {
            Format::Page => Html(page::draw(&view, &look).text).into_response(),
            Format::Csv => (CSV, haproxy::csv(&view, &look.query)).into_response(),
            Format::Json => (JSON, haproxy::json(view, look.query)).into_response(),
        }
    })
    .await
}

/// Controls are for those who have logged in.
fn look(query: Query, user: Option<&Operator>) -> Look {
    Look {
        query,
        may_act: user.is_some(),
    }
}

fn of_kind(kind: &'static str, text: &'static str) -> Response {
    let kind = [(CONTENT_TYPE, format!("{kind}; charset=utf-8"))];
    (kind, text).into_response()
}

/// Answers that are made at a time. Whoever leaves does not end the work, so seats alone would be no limit.
const AT_WORK: usize = 4;

/// Off the threads that move traffic: thousands of series take their milliseconds.
async fn aside(
    view: View,
    answer: impl FnOnce(&dyn AdminView) -> Response + Send + 'static,
) -> Response {
    static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_WORK)));
    let place = Arc::clone(&PLACES).acquire_owned().await;
    let work = move || {
        let _place = place;
        answer(&*view)
    };
    let answered = tokio::task::spawn_blocking(work).await;
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
