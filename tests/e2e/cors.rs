//! CORS: preflights that end at the edge, and answers that pages of other origins may read.

mod browser;

use http::{HeaderMap, Request};

use crate::harness::{Client, Message, Origin, Proxy, Reply};

const APP: &str = "https://app.example.ch";

/// `/api` takes no OPTIONS; nobody listens where `/gone` leads; `/own` has no policy.
const SITE: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate, limits: { body_size: 10 } }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams:
      web: { servers: [$1] }
      gone: { servers: ['127.0.0.1:$other'] }
    defaults:
      cors: { origins: [https://app.example.ch, 'https://*.example.org'], expose: X-Total, credentials: true }
    routes:
      - { path: /api, methods: [GET, PUT], upstream: web }
      - { path: /api, methods: [DELETE], upstream: web, cors: false }
      - { path: /gone, upstream: gone }
      - { path: /fixed, respond: { body: fixed } }
      - { path: /limited, upstream: web, rate_limit: { rate: 1/h } }
      - { path: /own, upstream: web, cors: false }
      - { path: /most, upstream: web }
      - { path: /most, methods: [DELETE], upstream: web, cors: false }
      - { path: /open, upstream: web, cors: { origins: '*', headers: [X-A], max_age: 0s } }
    ";

/// A server with a CORS of its own.
async fn opinionated() -> Origin {
    Origin::answering(|_| {
        Reply::ok("web")
            .with("Access-Control-Allow-Origin: *")
            .with("Access-Control-Allow-Credentials: true")
            .with("Access-Control-Expose-Headers: Set-Cookie")
            .with("Vary: Accept-Encoding")
    })
    .await
}

async fn site(origin: &Origin) -> Proxy {
    Proxy::with(SITE, &[origin]).await
}

/// The preflight of a page of `origin` that wants to use `method`.
async fn preflight(client: &mut Client, path: &str, origin: &str, method: &str) -> Message {
    let lines = [
        "host: localhost".to_owned(),
        format!("origin: {origin}"),
        format!("access-control-request-method: {method}"),
        "access-control-request-headers: authorization,x-a".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    client.ask("OPTIONS", path, &lines, b"").await
}

async fn ask(client: &mut Client, path: &str, origin: &str) -> Message {
    let origin = format!("origin: {origin}");
    client
        .ask("GET", path, &["host: localhost", &origin], b"")
        .await
}

/// What a message says of CORS, sorted.
fn said(message: &Message) -> Vec<String> {
    let fields = message.fields.iter();
    let of_cors = fields.filter(|(name, _)| name.starts_with("access-control-"));
    let mut lines: Vec<_> = of_cors
        .map(|(name, value)| format!("{}: {value}", &name["access-control-".len()..]))
        .collect();
    lines.sort();
    lines
}

const TOLD: [&str; 5] = [
    "allow-credentials: true",
    "allow-headers: authorization,x-a",
    "allow-methods: PUT",
    "allow-origin: https://app.example.ch",
    "max-age: 600",
];
const MAY_READ: [&str; 3] = [
    "allow-credentials: true",
    "allow-origin: https://app.example.ch",
    "expose-headers: X-Total",
];

#[tokio::test]
async fn a_preflight_ends_at_the_edge_even_where_the_route_takes_no_options() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    for mut client in [proxy.client().await, proxy.tls_client("localhost").await] {
        for path in ["/api", "/api/x?y", "/gone", "/fixed"] {
            let answer = preflight(&mut client, path, APP, "PUT").await;
            assert_eq!(answer.status(), 204, "{path}");
            assert_eq!(said(&answer), TOLD, "{path}");
            let vary = "Origin, Access-Control-Request-Headers";
            assert_eq!(answer.field("vary"), Some(vary));
            assert!(!answer.has("content-length") && !answer.has("allow"));
        }
    }
    assert!(origin.requests().is_empty());
    let line = proxy.logged(|line| line["method"] == "OPTIONS").await;
    assert_eq!(
        (&line["policy"], &line["status"]),
        (&"cors".into(), &204.into())
    );
    let labels = [
        ("policy", "cors"),
        ("verdict", "answered"),
        ("upstream", "gone"),
    ];
    proxy
        .await_metric("simplon_policy_verdicts_total", &labels, 2)
        .await;
}

#[tokio::test]
async fn a_preflight_by_http_2_is_answered_in_the_same_way() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let request = Request::options("https://localhost/api")
        .header("origin", APP)
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "authorization,x-a");
    let http2 = proxy.h2_client("localhost").await;
    let answer = http2.ask(request.body(()).unwrap(), b"").await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let told = |fields: &HeaderMap, name: &str| fields[name].to_str().unwrap().to_owned();
    assert_eq!(told(&answer.fields, "access-control-allow-origin"), APP);
    assert_eq!(told(&answer.fields, "access-control-max-age"), "600");
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_route_that_takes_what_follows() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    // The route for DELETE has no policy, and none takes OPTIONS or POST.
    for method in ["DELETE", "POST"] {
        let answer = preflight(&mut client, "/api", APP, method).await;
        assert_eq!(answer.status(), 405, "{method}");
        assert_eq!(answer.field("allow"), Some("GET, HEAD, PUT, DELETE"));
    }
    let nowhere = preflight(&mut client, "/nowhere", APP, "GET").await;
    assert_eq!(nowhere.status(), 404);
    assert!(origin.requests().is_empty());
    // The route that takes all else does not speak for the one that takes this.
    let answer = preflight(&mut client, "/most", APP, "DELETE").await;
    assert_eq!((answer.status(), answer.text()), (200, "web"));
    assert!(!answer.has("access-control-allow-methods"));
    assert_eq!(origin.only_request().method(), "OPTIONS");
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    // Without the policy it is a request like any other.
    let answer = preflight(&mut client, "/own", APP, "PUT").await;
    assert_eq!((answer.status(), answer.text()), (200, "web"));
    assert_eq!(origin.only_request().method(), "OPTIONS");
}

#[tokio::test]
async fn options_that_is_no_preflight_is_for_the_server() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    let origin_line = format!("origin: {APP}");
    let lines: [&[&str]; 3] = [
        &[],
        &[&origin_line],
        &["access-control-request-method: PUT"],
    ];
    for lines in lines {
        let answer = client.ask("OPTIONS", "/open", lines, b"").await;
        assert_eq!((answer.status(), answer.text()), (200, "web"), "{lines:?}");
        let answer = client.ask("OPTIONS", "/api", lines, b"").await;
        assert_eq!(answer.status(), 405, "{lines:?}");
    }
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn a_stranger_is_told_nothing_and_served_all_the_same() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    for stranger in [
        "https://evil.example.net",
        "https://app.example.ch.evil.net",
        "https://example.org",
        "http://app.example.ch",
        "null",
    ] {
        let answer = preflight(&mut client, "/api", stranger, "PUT").await;
        assert_eq!(answer.status(), 204, "{stranger}");
        assert!(said(&answer).is_empty(), "{answer:?}");
        assert!(answer.field("vary").unwrap().starts_with("Origin"));
        let answer = ask(&mut client, "/api", stranger).await;
        assert_eq!((answer.status(), answer.text()), (200, "web"));
        assert!(said(&answer).is_empty(), "{answer:?}");
        assert_eq!(answer.field("vary"), Some("Accept-Encoding, Origin"));
    }
    let nobody = client.get("/api").await;
    assert!(said(&nobody).is_empty(), "{nobody:?}");
    assert_eq!(nobody.field("vary"), Some("Accept-Encoding, Origin"));
}

#[tokio::test]
async fn every_answer_on_a_route_can_be_read_by_the_page_refusals_among_them() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    for (path, status, vary) in [
        ("/api", 200, "Accept-Encoding, Origin"),
        ("/gone", 502, "Origin"),
        ("/fixed", 200, "Origin"),
    ] {
        let mut client = proxy.tls_client("localhost").await;
        let answer = ask(&mut client, path, APP).await;
        assert_eq!(answer.status(), status, "{path}");
        let lower: Vec<_> = MAY_READ.iter().map(|line| line.to_lowercase()).collect();
        assert_eq!(said(&answer), lower, "{path}");
        assert_eq!(answer.field("vary"), Some(vary), "{path}");
    }
    // One that comes late: the body grows beyond its limit on the way.
    let mut client = proxy.tls_client("localhost").await;
    let origin_line = format!("origin: {APP}");
    let lines = [
        "host: localhost",
        &origin_line,
        "transfer-encoding: chunked",
    ];
    let body = b"15\r\ntwenty bytes, no less\r\n0\r\n\r\n";
    let answer = client.ask("PUT", "/api", &lines, body).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.field("access-control-allow-origin"), Some(APP));
}

#[tokio::test]
async fn what_is_open_to_anyone_is_the_same_for_all() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    let answer = ask(&mut client, "/open", "https://anyone.test").await;
    assert_eq!(said(&answer), ["allow-origin: *"]);
    assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
    assert_eq!(said(&client.get("/open").await), ["allow-origin: *"]);
    let answer = preflight(&mut client, "/open", "https://anyone.test", "PUT").await;
    assert_eq!(
        said(&answer),
        [
            "allow-headers: x-a",
            "allow-methods: PUT",
            "allow-origin: *",
            "max-age: 0",
        ]
    );
    assert!(!answer.has("vary"));
}

#[tokio::test]
async fn a_preflight_is_not_limited_and_who_is_limited_can_read_it() {
    let origin = opinionated().await;
    let proxy = site(&origin).await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        let answer = preflight(&mut client, "/limited", APP, "PUT").await;
        assert_eq!(answer.status(), 204);
    }
    for status in [200, 429] {
        let answer = ask(&mut client, "/limited", APP).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.field("access-control-allow-origin"), Some(APP));
        assert!(answer.has("ratelimit"), "{answer:?}");
    }
    let answer = preflight(&mut client, "/limited", APP, "PUT").await;
    assert_eq!(answer.status(), 204);
}
