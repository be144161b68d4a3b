//! Which request meets which route.

use std::fmt::Write as _;

use crate::harness::{Message, Origin, Proxy, Reply};

const ROUTES: &str = "
    upstreams:
      any: { servers: [$1] }
      api: { servers: [$2] }
      deep: { servers: [$3] }
      exact: { servers: [$4] }
      host: { servers: [$5] }
      suffix: { servers: [$6] }
      shop: { servers: [$7] }
    routes:
      - { upstream: any }
      - { path: /api, upstream: api }
      - { path: /api/v1/deep, upstream: deep }
      - { path: /api/v1, upstream: host }
      - { exact: /api/v1, upstream: exact }
      - { exact: /only, upstream: exact }
      - { host: example.ch, upstream: host }
      - { host: [example.ch, example.com], path: /shop, upstream: shop, strip_prefix: true }
      - { host: '*.example.ch', upstream: suffix }
      - { host: '*.deep.example.ch', path: /api, upstream: deep }
      - { path: /read, methods: [GET], upstream: api }
      - { path: /write, methods: [POST, PUT], upstream: api }
      - { path: /write, methods: DELETE, upstream: deep }
      - { path: /old, redirect: { to: /new } }
      - { path: /elsewhere, redirect: { to: 'https://example.com/x', status: 302 } }
      - { path: /teapot, respond: { status: 418, body: short and stout } }
      - { host: lean.test, path: /here, upstream: host }
    ";

/// An origin that says who it is and what it was asked for.
async fn named(name: &'static str) -> Origin {
    Origin::answering(move |request| Reply::ok(format!("{name} {}", request.target()))).await
}

async fn proxy() -> (Proxy, Vec<Origin>) {
    let mut origins = Vec::new();
    for name in ["any", "api", "deep", "exact", "host", "suffix", "shop"] {
        origins.push(named(name).await);
    }
    let proxy = Proxy::with(ROUTES, &origins.iter().collect::<Vec<_>>()).await;
    (proxy, origins)
}

/// Who answered and what it was asked for, or the status of the proxy's own answer.
fn outcome(answer: &Message) -> String {
    match answer.status() {
        200 => answer.text().to_owned(),
        status => status.to_string(),
    }
}

#[tokio::test]
async fn every_request_meets_the_most_specific_route() {
    let (proxy, _origins) = proxy().await;
    let mut client = proxy.client().await;
    for (method, host, target, expected) in [
        // Any host.
        ("GET", "x.test", "/", "any /"),
        ("GET", "x.test", "/a/b?c=d", "any /a/b?c=d"),
        ("GET", "x.test", "/?q", "any /?q"),
        // Whole segments; the longest prefix; an exact path before a prefix.
        ("GET", "x.test", "/api", "api /api"),
        ("GET", "x.test", "/api/", "api /api/"),
        ("GET", "x.test", "/api/x", "api /api/x"),
        ("GET", "x.test", "/apix", "any /apix"),
        ("GET", "x.test", "/API", "any /API"),
        ("GET", "x.test", "/api/v1", "exact /api/v1"),
        ("GET", "x.test", "/api/v1?x", "exact /api/v1?x"),
        ("GET", "x.test", "/api/v1/", "host /api/v1/"),
        ("GET", "x.test", "/api/v1/x", "host /api/v1/x"),
        ("GET", "x.test", "/api/v1/deep", "deep /api/v1/deep"),
        ("GET", "x.test", "/api/v1/deeper", "host /api/v1/deeper"),
        ("GET", "x.test", "/api/v2", "api /api/v2"),
        ("GET", "x.test", "/only", "exact /only"),
        ("GET", "x.test", "/only/more", "any /only/more"),
        // Hosts: exact before suffix before any, whatever their case, dot and port.
        ("GET", "example.ch", "/", "host /"),
        ("GET", "EXAMPLE.ch", "/", "host /"),
        ("GET", "example.ch.", "/", "host /"),
        ("GET", "example.ch:8080", "/", "host /"),
        ("GET", "Example.CH.:80", "/x", "host /x"),
        ("GET", "example.ch", "/api", "host /api"),
        ("GET", "www.example.ch", "/", "suffix /"),
        ("GET", "a.b.example.ch", "/", "suffix /"),
        ("GET", "badexample.ch", "/", "any /"),
        ("GET", "a.deep.example.ch", "/api", "deep /api"),
        ("GET", "a.deep.example.ch", "/", "suffix /"),
        ("GET", "[::1]:80", "/", "any /"),
        ("GET", "127.0.0.1", "/", "any /"),
        // A host without a matching path passes the question on.
        ("GET", "lean.test", "/here", "host /here"),
        ("GET", "lean.test", "/there", "any /there"),
        // A prefix taken off.
        ("GET", "example.ch", "/shop", "shop /"),
        ("GET", "example.com", "/shop/", "shop /"),
        ("GET", "example.com", "/shop/a?b=/shop", "shop /a?b=/shop"),
        ("GET", "example.com", "/shopping", "any /shopping"),
        // Methods.
        ("GET", "x.test", "/read", "api /read"),
        ("POST", "x.test", "/read", "405"),
        ("POST", "x.test", "/write", "api /write"),
        ("DELETE", "x.test", "/write", "deep /write"),
        ("GET", "x.test", "/write", "405"),
        ("BREW", "x.test", "/write", "405"),
        // Answers of the proxy's own.
        ("GET", "x.test", "/teapot", "418"),
        ("GET", "x.test", "/old/x", "308"),
        ("GET", "x.test", "/elsewhere", "302"),
    ] {
        let line = format!("host: {host}");
        let answer = client.ask(method, target, &[&line], b"").await;
        assert_eq!(outcome(&answer), expected, "{method} {host} {target}");
    }
}

#[tokio::test]
async fn a_path_is_normalised_once_and_the_server_sees_the_normal_form() {
    let (proxy, _origins) = proxy().await;
    for (target, expected) in [
        ("/a/../b", "any /b"),
        ("/a/./b", "any /a/b"),
        ("/x/../api", "api /api"),
        ("/api/../x", "any /x"),
        ("/api/v1/..", "api /api/"),
        ("//api", "api /api"),
        ("/api//v1", "exact /api/v1"),
        ("///", "any /"),
        ("/%61pi", "api /api"),
        ("/%61/%7e", "any /a/~"),
        ("/a/%2e%2e/api", "api /api"),
        ("/caf%c3%a9", "any /caf%C3%A9"),
        ("/a%20b", "any /a%20b"),
        ("/x?next=/a/../b//%2f", "any /x?next=/a/../b//%2f"),
        ("/%2561pi", "any /%2561pi"),
        ("/api%2fv1", "400"),
        ("/api%2Fv1", "400"),
        ("/a%5cb", "400"),
        ("/a\\b", "400"),
        ("/a%00", "400"),
        ("/a%0d%0ab", "400"),
        ("/%", "400"),
        ("/%4", "400"),
        ("/%zz", "400"),
        ("/..", "400"),
        ("/a/../../b", "400"),
        ("/a/..;/b", "400"),
        ("http://x.test/api/../y", "any /y"),
        ("http://x.test", "any /"),
    ] {
        let answer = proxy
            .client()
            .await
            .ask("GET", target, &["host: x.test"], b"")
            .await;
        assert_eq!(outcome(&answer), expected, "{target}");
    }
}

#[tokio::test]
async fn a_path_without_a_route_is_404() {
    let origin = named("only").await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ host: example.ch, path: /api, upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    for (host, target, status) in [
        ("example.ch", "/api", 200),
        ("example.ch", "/", 404),
        ("example.ch", "/apix", 404),
        ("www.example.ch", "/api", 404),
        ("test", "/api", 404),
    ] {
        let answer = client
            .ask("GET", target, &[&format!("host: {host}")], b"")
            .await;
        assert_eq!(answer.status(), status, "{host}{target}");
    }
}

#[tokio::test]
async fn a_method_the_path_does_not_take_is_405_and_allow_names_those_it_takes() {
    let (proxy, _origins) = proxy().await;
    let mut client = proxy.client().await;
    let answer = client.ask("POST", "/read", &[], b"").await;
    assert_eq!(answer.status(), 405);
    assert_eq!(answer.field("allow"), Some("GET, HEAD"));
    let answer = client.ask("GET", "/write", &[], b"").await;
    let mut allowed: Vec<&str> = answer.field("allow").unwrap().split(", ").collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "POST", "PUT"]);
}

#[tokio::test]
async fn a_route_for_get_takes_head_too() {
    let (proxy, origins) = proxy().await;
    let mut client = proxy.client().await;
    assert_eq!(client.ask("HEAD", "/read", &[], b"").await.status(), 200);
    assert_eq!(origins[1].only_request().method(), "HEAD");
}

#[tokio::test]
async fn a_route_answers_or_redirects_by_itself() {
    let (proxy, origins) = proxy().await;
    let mut client = proxy.client().await;
    let teapot = client.get("/teapot/x").await;
    assert_eq!((teapot.status(), teapot.text()), (418, "short and stout"));
    let old = client.get("/old").await;
    assert_eq!((old.status(), old.field("location")), (308, Some("/new")));
    let elsewhere = client.get("/elsewhere").await;
    assert_eq!(elsewhere.status(), 302);
    assert_eq!(elsewhere.field("location"), Some("https://example.com/x"));
    assert!(origins.iter().all(|origin| origin.connections() == 0));
}

#[tokio::test]
async fn ten_thousand_routes_work() {
    let origin = named("web").await;
    let mut text = "upstreams: { web: { servers: [$1] } }\nroutes:\n".to_owned();
    for nth in 0..10_000 {
        writeln!(
            text,
            "  - {{ host: h{nth}.test, path: /p{nth}, upstream: web }}"
        )
        .unwrap();
    }
    let proxy = Proxy::with(&text, &[&origin]).await;
    let mut client = proxy.client().await;
    for nth in [0, 1, 4_999, 9_999] {
        let host = format!("host: h{nth}.test");
        let answer = client
            .ask("GET", &format!("/p{nth}/x"), &[&host], b"")
            .await;
        assert_eq!(answer.text(), format!("web /p{nth}/x"));
        let other = format!("/p{}", nth + 1);
        assert_eq!(client.ask("GET", &other, &[&host], b"").await.status(), 404);
    }
}

#[tokio::test]
async fn a_listener_redirects_to_https_with_host_path_query_and_port() {
    let text = "
        listeners:
          http: { bind: 127.0.0.1:$http, redirect: https }
          https: { bind: 127.0.0.1:$https, tls: intermediate }
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let https = proxy.https();
    let mut client = proxy.client().await;
    for (host, target, expected) in [
        ("localhost", "/", format!("https://localhost:{https}/")),
        (
            "Localhost:8080",
            "/a/../b?c=d&e",
            format!("https://localhost:{https}/b?c=d&e"),
        ),
        (
            "other.test",
            "//x.test/y",
            format!("https://other.test:{https}/x.test/y"),
        ),
    ] {
        let answer = client
            .ask("GET", target, &[&format!("host: {host}")], b"")
            .await;
        assert_eq!(answer.status(), 308);
        assert_eq!(answer.field("location"), Some(expected.as_str()));
    }
    let answer = proxy
        .tls_client("localhost")
        .await
        .ask("GET", "/", &["host: localhost"], b"")
        .await;
    assert_eq!(answer.text(), "secure");
}
