//! The page shows names, addresses and load: without users of its own it is for this machine alone.

use axum::{
    extract::Request,
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// What machines ask for from elsewhere: a scraper, a load balancer in front of us.
const FOR_OTHERS: [&str; 3] = ["/metrics", "/live", "/ready"];

/// Answers 403 to a client elsewhere that asks for anything but [`FOR_OTHERS`].
pub(super) async fn guard(request: Request, next: Next) -> Response {
    if is_for_others(request.uri().path()) {
        return next.run(request).await;
    }
    let answer =
        "the page is for clients on this machine; /metrics, /live and /ready are for all\n";
    super::guarded((StatusCode::FORBIDDEN, answer).into_response()).await
}

fn is_for_others(path: &str) -> bool {
    FOR_OTHERS.contains(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_machines_ask_for_is_for_others() {
        for path in ["/metrics", "/live", "/ready"] {
            assert!(is_for_others(path), "{path}");
        }
        for path in [
            "/",
            "/stats",
            "/stats.css",
            "/metrics/",
            "/metrics/../stats",
            "",
        ] {
            assert!(!is_for_others(path), "{path}");
        }
    }
}
