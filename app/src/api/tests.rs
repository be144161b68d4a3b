//! What the API answers, asked through the whole router.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::state::Phase;

async fn send(phase: Phase, method: Method, path: &str, body: impl Into<Body>) -> Response {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(body.into())
        .unwrap();
    crate::router(App::in_phase(phase))
        .oneshot(request)
        .await
        .unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap()
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_and_never_the_page() {
    for path in [
        "/api",
        "/api/",
        "/api/none",
        "/api//echo",
        "/api/health",
        "/api/echo/",
        "/api/app.css",
    ] {
        let response = send(Phase::Serving, Method::GET, path, ()).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/problem+json",
            "{path}"
        );
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store", "{path}");
        let expected = json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": format!("there is nothing at {path}"),
        });
        assert_eq!(json(response).await, expected);
    }
}

#[tokio::test]
async fn health_is_only_for_reading() {
    let response = send(Phase::Serving, Method::POST, "/api/health/live", ()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()[ALLOW], "GET,HEAD");
    assert_eq!(
        json(response).await["detail"],
        "/api/health/live does not take POST"
    );
}

#[tokio::test]
async fn every_response_says_who_answered() {
    for path in [
        "/",
        "/gone.js",
        "/api/echo",
        "/api/none",
        "/api/health/live",
    ] {
        let response = send(Phase::Serving, Method::GET, path, ()).await;
        assert_eq!(response.headers()["server"], "simplon-app", "{path}");
        assert_eq!(
            response.headers()["x-served-by"],
            "127.0.0.1:9001",
            "{path}"
        );
        assert_eq!(
            response.headers()["x-content-type-options"],
            "nosniff",
            "{path}"
        );
    }
}

#[tokio::test]
async fn echo_tells_what_arrived() {
    let request = Request::builder()
        .method("PATCH")
        .uri("/api/echo?a=1&a=2")
        .header("x-twice", "one")
        .header("x-twice", "two")
        .body(Body::from("grüezi"))
        .unwrap();
    let response = crate::router(App::in_phase(Phase::Serving))
        .oneshot(request)
        .await
        .unwrap();
    let expected = json!({
        "method": "PATCH", "path": "/api/echo", "query": "a=1&a=2", "headers": [["x-twice", "one"], ["x-twice", "two"]],
        "peer": null, "body_length": 7, "body": "grüezi",
    });
    assert_eq!(json(response).await, expected);
}

#[tokio::test]
async fn echo_shows_a_body_of_text_up_to_its_limit() {
    let shown = 64 << 10;
    let cases = [
        (vec![b'x'; shown], true),
        (vec![b'x'; shown + 1], false),
        (vec![b'x'; 1 << 20], false),
        (vec![0xff, 0xfe], false),
        (Vec::new(), true),
    ];
    for (body, is_shown) in cases {
        let length = body.len();
        let echo = json(send(Phase::Serving, Method::POST, "/api/echo", body).await).await;
        assert_eq!(echo["body_length"], length);
        assert_eq!(echo["body"].is_string(), is_shown, "{length} bytes");
    }
}

#[tokio::test]
async fn a_body_over_one_mebibyte_is_refused() {
    let response = send(
        Phase::Serving,
        Method::POST,
        "/api/echo",
        vec![b'x'; (1 << 20) + 1],
    )
    .await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(
        json(response).await["detail"],
        "a body is at most 1048576 bytes"
    );
}

#[tokio::test(start_paused = true)]
async fn echo_misbehaves_as_it_is_told_and_no_further() {
    let cases = [
        ("status=503", 503, 0),
        ("status=204", 204, 0),
        ("status=304", 304, 0),
        ("status=599&delay_ms=10000", 599, 10_000),
        ("delay_ms=250", 200, 250),
        ("delay_ms=10001", 400, 0),
        ("delay_ms=-1", 400, 0),
        ("delay_ms=99999999999999999999", 400, 0),
        ("status=199", 400, 0),
        ("status=600", 400, 0),
        ("status=teapot", 400, 0),
    ];
    for (query, status, delay_ms) in cases {
        let begin = tokio::time::Instant::now();
        let response = send(
            Phase::Serving,
            Method::GET,
            &format!("/api/echo?{query}"),
            (),
        )
        .await;
        assert_eq!(response.status().as_u16(), status, "{query}");
        let took_ms = begin.elapsed().as_millis();
        assert!(
            (delay_ms..delay_ms + 10).contains(&took_ms),
            "{query} took {took_ms} ms"
        );
    }
}
