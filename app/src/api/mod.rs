//! Everything under `/api`: health, echo, and a plain answer for what is not there.

pub mod echo;
pub mod health;
pub mod problem;

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get};

use crate::state::App;
use problem::Problem;

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/api/health/live", get(health::live))
        .route("/api/health/ready", get(health::ready))
        .route("/api/health/startup", get(health::startup))
        .route("/api/echo", any(echo::echo))
        .route("/api", any(unknown))
        .route("/api/", any(unknown))
        .route("/api/{*path}", any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(map_response(harden))
}

async fn unknown(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        format!("there is nothing at {}", uri.path()),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}", uri.path()),
    )
}

/// An answer of the API holds for this moment only, and is never taken for anything but what it says it is.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
