//! What clients and operators are told of limits.

use http::Request;

use super::{fields, statuses, verdicts};
use crate::harness::{Origin, Proxy, Reply};

/// A route of each kind, each with the same limit. Nobody listens where `/gone` leads.
const SITE: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams:
      web: { servers: [$1] }
      gone: { servers: ['127.0.0.1:$other'] }
    routes:
      - { path: /web, upstream: web, rate_limit: { rate: 2/h } }
      - { path: /gone, upstream: gone, rate_limit: { rate: 2/h } }
      - { path: /fixed, respond: { body: fixed }, rate_limit: { rate: 2/h } }
      - { path: /moved, redirect: { to: /fixed }, rate_limit: { rate: 2/h } }
    ";

const POLICY: &str = "\"default\";q=2;w=3600";

#[tokio::test]
async fn every_response_of_a_route_tells_how_much_is_left() {
    let origin = Origin::saying("web").await;
    for way in ["plain", "tls", "h2"] {
        let proxy = Proxy::with(SITE, &[&origin]).await;
        for (path, status) in [
            ("/web", 200),
            ("/gone", 502),
            ("/fixed", 200),
            ("/moved", 308),
        ] {
            let mut found = Vec::new();
            for _ in 0..3 {
                found.push(ask(&proxy, way, path).await);
            }
            let [first, second, third] = &found[..] else {
                panic!("three were asked");
            };
            assert_eq!(
                (first.0, second.0, third.0),
                (status, status, 429),
                "{way} {path}"
            );
            for (_, policy, field, _) in &found {
                assert_eq!(policy, POLICY, "{way} {path}");
                assert!(field.starts_with("\"default\";r="), "{way} {path} {field}");
            }
            assert_eq!(first.2, "\"default\";r=1;t=1800", "{way} {path}");
            assert!(second.2.starts_with("\"default\";r=0;t="), "{way} {path}");
            let wait: u32 = third.3.as_ref().unwrap().parse().unwrap();
            assert!((1..=1800).contains(&wait), "{way} {path}: {wait}");
            assert_eq!((&first.3, &second.3), (&None, &None), "{way} {path}");
        }
    }
}

/// Status, both fields and `Retry-After`.
async fn ask(proxy: &Proxy, way: &str, path: &str) -> (u16, String, String, Option<String>) {
    if way == "h2" {
        let client = proxy.h2_client("localhost").await;
        let request = Request::get(format!("https://localhost{path}"));
        let answer = client.ask(request.body(()).unwrap(), b"").await;
        let field = |name: &str| Some(answer.fields.get(name)?.to_str().unwrap().to_owned());
        let [policy, limit] = ["ratelimit-policy", "ratelimit"].map(|name| field(name).unwrap());
        return (answer.status, policy, limit, field("retry-after"));
    }
    let mut client = match way {
        "tls" => proxy.tls_client("localhost").await,
        _ => proxy.client().await,
    };
    let answer = client.ask("GET", path, &["host: localhost"], b"").await;
    let [policy, limit] = fields(&answer).map(|lines| {
        assert_eq!(lines.len(), 1);
        lines[0].to_owned()
    });
    let retry = answer.field("retry-after").map(str::to_owned);
    (answer.status(), policy, limit, retry)
}

#[tokio::test]
async fn a_refused_client_gets_a_page_and_keeps_its_connection() {
    let origin = Origin::saying("web").await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = proxy.client().await;
    let accept = ["accept: application/json"];
    for _ in 0..2 {
        client.ask("GET", "/web", &accept, b"").await;
    }
    let refused = client.ask("GET", "/web", &accept, b"").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(
        refused.field("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(refused.json()["title"], "Too Many Requests");
    assert_eq!(
        client.get("/fixed").await.text(),
        "fixed",
        "another limit, the same connection"
    );
    assert_eq!(origin.count("/web"), 2, "the server hears nothing of it");

    let line = proxy.logged(|line| line["status"] == 429).await;
    assert_eq!(line["policy"], "rate_limit");
    assert_eq!(line["refusal"], "rate_limited");
    let refused = [("reason", "rate_limited")];
    assert_eq!(
        proxy.metric("simplon_refusals_total", &refused).await,
        Some(1)
    );
}

#[tokio::test]
async fn verdicts_are_counted_and_the_most_limited_are_shown() {
    let origin = Origin::saying("web").await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web, rate_limit: { rate: 2/h, name: page, max_keys: 500 } }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    assert_eq!(
        statuses(&proxy, "/", &[], 7).await,
        [200, 200, 429, 429, 429, 429, 429]
    );
    assert_eq!(verdicts(&proxy, "rate_limit", "passed").await, 2);
    assert_eq!(verdicts(&proxy, "rate_limit", "refused").await, 5);
    let labels = [("policy", "rate_limit"), ("limit", "*/: page")];
    for (name, value) in [
        ("simplon_limiter_keys", 1),
        ("simplon_limiter_capacity", 500),
        ("simplon_limiter_evictions_total", 0),
    ] {
        assert_eq!(proxy.metric(name, &labels).await, Some(value), "{name}");
    }
    let page = proxy.admin("/stats").await.unwrap();
    let row = "<th scope=\"row\">127.0.0.1</th><td>*/: page <small>rate_limit</small><td class=\"number\">5";
    assert!(page.text().contains(row), "{}", page.text());
}

#[tokio::test]
async fn what_a_server_says_of_its_own_limits_stands_beside_ours() {
    let origin = Origin::answering(|_| {
        Reply::ok("web")
            .with("RateLimit-Policy: \"own\";q=9;w=1")
            .with("RateLimit: \"own\";r=8;t=1")
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web, rate_limit: { rate: 2/h } }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let answer = proxy.get("/").await;
    let [policies, limits] = fields(&answer);
    assert_eq!(policies, ["\"own\";q=9;w=1", POLICY]);
    assert_eq!(limits, ["\"own\";r=8;t=1", "\"default\";r=1;t=1800"]);
}

#[tokio::test]
async fn several_limits_are_all_told_and_the_first_that_is_reached_refuses() {
    let text = "
        routes:
          - respond: { body: here }
            rate_limit:
              - { rate: 5/h, burst: 2, name: burst }
              - { rate: 9/d, by: route }
        ";
    let proxy = Proxy::with(text, &[]).await;
    let answer = proxy.get("/").await;
    let [policies, limits] = fields(&answer);
    assert_eq!(policies, ["\"burst\";q=2;w=1440, \"2\";q=9;w=86400"]);
    assert_eq!(limits, ["\"burst\";r=1;t=720, \"2\";r=8;t=9600"]);
    assert_eq!(proxy.get("/").await.status(), 200);
    let refused = proxy.get("/").await;
    assert_eq!(refused.status(), 429);
    let [policies, limits] = fields(&refused);
    assert_eq!(policies, ["\"burst\";q=2;w=1440, \"2\";q=9;w=86400"]);
    assert!(
        limits[0].starts_with("\"burst\";r=0;") && !limits[0].contains(','),
        "{limits:?}"
    );
}

#[tokio::test]
async fn a_limit_that_observes_stops_nobody_and_tells_the_operator() {
    let text = "
        routes:
          - path: /
            respond: { body: here }
            rate_limit: { rate: 1/h, mode: observe }
        ";
    let proxy = Proxy::with(text, &[]).await;
    assert_eq!(statuses(&proxy, "/", &[], 3).await, [200, 200, 200]);
    assert_eq!(verdicts(&proxy, "rate_limit", "passed").await, 1);
    assert_eq!(verdicts(&proxy, "rate_limit", "observed").await, 2);
    let line = proxy
        .logged(|line| line["observed"].is_string() || line["observed"].is_array())
        .await;
    assert!(
        line["observed"].to_string().contains("rate_limit"),
        "{line}"
    );
    assert!(line["policy"].is_null(), "{line}");
    let page = proxy.admin("/stats").await.unwrap();
    assert!(page.text().contains("<small>rate_limit</small>"));
}

#[tokio::test]
async fn the_secret_that_a_limit_goes_by_is_shown_nowhere() {
    let text = "
        routes: [{ respond: { body: here }, rate_limit: { rate: 1/h, by: 'header:x-api-key' } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let key = ["x-api-key: secret"];
    assert_eq!(statuses(&proxy, "/", &key, 2).await, [200, 429]);
    proxy.logged(|line| line["status"] == 429).await;
    let page = proxy.admin("/stats").await.unwrap();
    assert!(page.text().contains("sha256:2bb80d53"), "{}", page.text());
    let metrics = proxy.admin("/metrics").await.unwrap();
    let shown = [page.text(), metrics.text()];
    assert!(shown.iter().all(|text| !text.contains("secret")));
    assert!(!proxy.output().has("secret") && !proxy.errors().has("secret"));
}
