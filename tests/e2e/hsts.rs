//! HSTS: which responses tell browsers to come by TLS alone.

use http::{HeaderMap, Request};

use crate::harness::{Client, Message, Origin, Proxy, Reply};

const FIELD: &str = "strict-transport-security";
const YEAR: &str = "max-age=31536000";

/// Routes of each kind, reachable by TLS and by plain HTTP. Nobody listens where `/gone` leads.
const SITE: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams:
      web: { servers: [$1] }
      gone: { servers: ['127.0.0.1:$other'] }
    defaults: { hsts: true }
    routes:
      - { host: localhost, path: /web, upstream: web }
      - { host: localhost, path: /gone, upstream: gone }
      - { host: localhost, path: /fixed, respond: { body: fixed } }
      - { host: localhost, path: /moved, redirect: { to: /fixed } }
      - { host: localhost, path: /all, upstream: web, hsts: { max_age: 730d, include_subdomains: true, preload: true } }
      - { host: localhost, path: /over, respond: { status: 204 }, hsts: { max_age: 0s } }
      - { host: localhost, path: /off, upstream: web, hsts: false }
    ";

/// What each path answers, and what a browser is told by it over TLS.
const ANSWERS: [(&str, u16, &[&str]); 8] = [
    ("/web", 200, &[YEAR]),
    ("/gone", 502, &[YEAR]),
    ("/fixed", 200, &[YEAR]),
    ("/moved", 308, &[YEAR]),
    (
        "/all",
        200,
        &["max-age=63072000; includeSubDomains; preload"],
    ),
    ("/over", 204, &["max-age=0"]),
    ("/off", 200, &["max-age=1", "max-age=2"]), // the server's own, as they came
    ("/nowhere", 404, &[]),                     // no route, so no policy
];

/// A server that makes promises of its own.
async fn promising() -> Origin {
    Origin::answering(|_| {
        Reply::ok("web")
            .with("Strict-Transport-Security: max-age=1")
            .with("strict-transport-security: max-age=2")
    })
    .await
}

fn in_http2(fields: &HeaderMap) -> Vec<&str> {
    let all = fields.get_all(FIELD).iter();
    all.map(|value| value.to_str().unwrap()).collect()
}

async fn told(client: &mut Client, method: &str, path: &str) -> Message {
    client.ask(method, path, &["host: localhost"], b"").await
}

#[tokio::test]
async fn over_tls_every_response_of_a_route_has_its_one_field() {
    let origin = promising().await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let http2 = proxy.h2_client("localhost").await;
    for (path, status, expected) in ANSWERS {
        for method in ["GET", "HEAD"] {
            let mut http1 = proxy.tls_client("localhost").await;
            let answer = told(&mut http1, method, path).await;
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(answer.all(FIELD), expected, "{method} {path}");

            let request = Request::builder()
                .method(method)
                .uri(format!("https://localhost{path}"));
            let answer = http2.ask(request.body(()).unwrap(), b"").await;
            assert_eq!(answer.status, status, "{path}");
            assert_eq!(in_http2(&answer.fields), expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn over_plain_http_no_route_with_the_policy_makes_the_promise() {
    let origin = promising().await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    for (path, status, _) in ANSWERS {
        let answer = told(&mut proxy.client().await, "GET", path).await;
        assert_eq!(answer.status(), status, "{path}");
        // Without the policy what a server says is its own affair.
        let servers: &[&str] = match path {
            "/off" => &["max-age=1", "max-age=2"],
            _ => &[],
        };
        assert_eq!(answer.all(FIELD), servers, "{path}");
    }
}

#[tokio::test]
async fn a_redirect_to_https_makes_no_promise_and_leads_to_one() {
    let text = "
        listeners:
          https: { bind: 127.0.0.1:$https, tls: modern }
          http: { bind: 127.0.0.1:$http, redirect: https }
        certificates: [{ hosts: [localhost], self_signed: true }]
        defaults: { hsts: true }
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let answer = told(&mut proxy.client().await, "GET", "/").await;
    assert_eq!(answer.status(), 308);
    assert!(!answer.has(FIELD), "{answer:?}");
    let there = format!("https://localhost:{}/", proxy.https());
    assert_eq!(answer.field("location"), Some(there.as_str()));
    let answer = told(&mut proxy.tls_client("localhost").await, "GET", "/").await;
    assert_eq!(answer.field(FIELD), Some(YEAR));
}

#[tokio::test]
async fn a_request_refused_before_its_route_is_known_is_promised_nothing() {
    let origin = promising().await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = proxy.tls_client("localhost").await;
    let elsewhere = client.ask("GET", "/web", &["host: other.test"], b"").await;
    assert_eq!(elsewhere.status(), 421);
    assert!(!elsewhere.has(FIELD), "{elsewhere:?}");
    let answer = told(&mut client, "GET", "/a%2fb").await;
    assert_eq!(answer.status(), 400);
    assert!(!answer.has(FIELD), "{answer:?}");
}

#[tokio::test]
async fn a_body_refused_on_its_way_is_answered_with_the_promise() {
    let origin = promising().await;
    let limited = SITE.replace(
        "tls: intermediate }",
        "tls: intermediate, limits: { body_size: 10 } }",
    );
    let proxy = Proxy::with(&limited, &[&origin]).await;
    let chunked = ["host: localhost", "transfer-encoding: chunked"];
    let mut client = proxy.tls_client("localhost").await;
    let body = b"15\r\ntwenty bytes, no less\r\n0\r\n\r\n";
    let answer = client.ask("POST", "/web", &chunked, body).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.field(FIELD), Some(YEAR));
}

#[tokio::test]
async fn a_reload_takes_the_promise_back() {
    let origin = promising().await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = proxy.tls_client("localhost").await;
    let before = told(&mut client, "GET", "/web").await;
    assert_eq!(before.field(FIELD), Some(YEAR));
    proxy.rewrite(&SITE.replace(
        "defaults: { hsts: true }",
        "defaults: { hsts: { max_age: 0s } }",
    ));
    proxy.reload().await;
    let mut client = proxy.tls_client("localhost").await;
    let after = told(&mut client, "GET", "/web").await;
    assert_eq!(after.field(FIELD), Some("max-age=0"));
}
