//! Maintenance: who gets the page, and how it comes and goes.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::task::JoinSet;

use crate::harness::{Client, Origin, Proxy, until};

use super::{ask, site, whole};

const SITE: &str = "
upstreams: { web: { servers: [$1] } }
trusted_proxies: [127.0.0.1]
defaults: { maintenance: true }
routes:
  - { upstream: web }
  - { path: /open, upstream: web, maintenance: false }
  - { path: /fixed, respond: { body: fixed } }
  - { path: /moved, redirect: { to: /there } }
  - { path: /said, upstream: web, maintenance: { status: 500, body: 'Back <soon>.', retry_after: 0s } }
  - { path: /page, upstream: web, maintenance: { file: back.html, retry_after: 1h } }
  - { path: /json, upstream: web, maintenance: { file: back.json } }
  - { path: /team, upstream: web, maintenance: { allow: [192.0.2.0/24, '2001:db8::/32'] } }
";
const FILES: [(&str, &str); 2] = [
    (
        "back.html",
        "<title>{status} {reason}</title>{host} {request_id}",
    ),
    ("back.json", "{\"status\":{status}}"),
];

#[tokio::test]
async fn everyone_gets_the_page_and_no_server_is_asked() {
    let origin = Origin::saying("web").await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    let names = ["retry-after", "cache-control", "content-type"];
    let html = "text/html; charset=utf-8";
    for (path, status, retry_after, media, body) in [
        (
            "/",
            503,
            Some("300"),
            html,
            "<h1>503 Service Unavailable</h1>",
        ),
        ("/fixed", 503, Some("300"), html, "being worked on"),
        ("/moved", 503, Some("300"), html, "being worked on"),
        ("/said", 500, None, html, "<p>Back &#60;soon&#62;.</p>"),
        (
            "/page",
            503,
            Some("3600"),
            html,
            "<title>503 Service Unavailable</title>localhost ",
        ),
        (
            "/json",
            503,
            Some("300"),
            "application/json",
            "{\"status\":503}",
        ),
        ("/team", 503, Some("300"), html, "being worked on"),
    ] {
        let mut client = proxy.client().await;
        let answer = client.ask("GET", path, &["host: localhost"], b"").await;
        let fields = names.map(|name| answer.field(name));
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(
            fields,
            [retry_after, Some("no-store"), Some(media)],
            "{path}"
        );
        assert!(answer.text().contains(body), "{path}: {}", answer.text());
        assert!(path != "/page" || answer.text().ends_with(answer.request_id()));
        // The connection goes on.
        assert_eq!(client.get("/open").await.text(), "web");
        let head = ask(&proxy, "HEAD", path, &[], &names).await;
        assert_eq!((head.status, &*head.body), (status, ""), "{path}");
    }
    assert_eq!(origin.requests().len(), 7);
    let line = proxy.logged(|line| line["path"] == "/said").await;
    assert_eq!(
        (&line["policy"], &line["refusal"]),
        (&"maintenance".into(), &serde_json::Value::Null)
    );
    let labels = [
        ("policy", "maintenance"),
        ("verdict", "answered"),
        ("route", "*/said"),
    ];
    proxy
        .await_metric("simplon_policy_verdicts_total", &labels, 4)
        .await;
}

#[tokio::test]
async fn who_prefers_json_gets_a_problem_or_the_operators_json() {
    let origin = Origin::saying("web").await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    let accept = ["accept: application/json"];
    for (path, media, member, value) in [
        (
            "/",
            "application/problem+json",
            "title",
            "Service Unavailable",
        ),
        (
            "/said",
            "application/problem+json",
            "detail",
            "Back <soon>.",
        ),
        (
            "/page",
            "application/problem+json",
            "title",
            "Service Unavailable",
        ),
    ] {
        let mut client = proxy.client().await;
        let answer = client.ask("GET", path, &accept, b"").await;
        assert_eq!(answer.field("content-type"), Some(media), "{path}");
        assert_eq!(answer.json()[member], value, "{path}");
    }
    let seen = ask(&proxy, "GET", "/json", &accept, &["content-type"]).await;
    assert_eq!(seen.fields, [Some("application/json".to_owned())]);
}

#[tokio::test]
async fn those_who_work_on_it_see_the_site() {
    let origin = Origin::saying("web").await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    for (client, status) in [
        ("192.0.2.9", 200),
        ("2001:db8::9", 200),
        ("198.51.100.9", 503),
        ("192.0.2.9, 198.51.100.9", 503),
    ] {
        let line = format!("x-forwarded-for: {client}");
        let seen = ask(&proxy, "GET", "/team", &[&line], &[]).await;
        assert_eq!(seen.status, status, "{client}");
    }
}

/// Keeps asking on one connection; every answer has to be the site's or the page.
async fn keep_asking(mut client: Client, stop: Arc<AtomicBool>, seen: [Arc<AtomicUsize>; 2]) {
    while !stop.load(Ordering::Relaxed) {
        let answer = client.try_ask("GET", "/", &[], b"").await.unwrap();
        match answer.status() {
            200 => assert_eq!(answer.text(), "web"),
            503 => assert!(answer.text().contains("being worked on"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        let nth = usize::from(answer.status() == 503);
        seen[nth].fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn reloads_turn_it_on_and_off_and_no_request_fails() {
    let origin = Origin::saying("web").await;
    let off = SITE.replace("maintenance: true", "maintenance: false");
    let proxy: Proxy = site(&off, &FILES, &[&origin]).await;
    let stop = Arc::new(AtomicBool::new(false));
    let seen = [Arc::default(), Arc::default()];
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        let asking = keep_asking(proxy.client().await, Arc::clone(&stop), seen.clone());
        clients.spawn(asking);
    }
    for nth in 0..10 {
        for (text, of) in [(SITE, 1), (&*off, 0)] {
            proxy.rewrite(&whole(text));
            proxy.reload().await;
            let before = seen[of].load(Ordering::Relaxed);
            let what = format!("reload {nth} is felt");
            until(&what, async || seen[of].load(Ordering::Relaxed) > before).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
}
