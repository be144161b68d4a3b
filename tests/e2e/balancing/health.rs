//! Active checks and passive ejection.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::harness::{Origin, Proxy, Reply, until};

/// An origin that fails its checks, or everything, while the flag is up.
async fn fickle(name: &'static str, sick: &Arc<AtomicBool>, only_checks: bool) -> Origin {
    let sick = Arc::clone(sick);
    Origin::answering(move |request| {
        let concerned = !only_checks || request.target() == "/health";
        if concerned && sick.load(Ordering::Relaxed) {
            Reply::new(503, "sick")
        } else {
            Reply::ok(name)
        }
    })
    .await
}

async fn stats(proxy: &Proxy) -> String {
    let page = proxy.admin("/stats;csv").await;
    page.map(|page| page.text().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn a_check_takes_a_server_out_and_brings_it_back_as_haproxy_counts() {
    let sick = Arc::new(AtomicBool::new(false));
    let (a, b) = (fickle("a", &sick, true).await, Origin::saying("b").await);
    let text = "
        upstreams:
          web:
            servers: [$1, $2]
            health: { path: /health, interval: 200ms, rise: 2, fall: 3 }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    let labels = [("upstream", "web"), ("server", &*a.to_string())];
    until("both are checked", async || {
        a.count("/health") > 0 && b.count("/health") > 0
    })
    .await;
    assert!(!stats(&proxy).await.contains("DOWN"));

    sick.store(true, Ordering::Relaxed);
    until("it goes down", async || {
        stats(&proxy).await.contains("UP 2/3")
    })
    .await;
    assert_eq!(proxy.metric("simplon_server_up", &labels).await, Some(1));
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    assert!(stats(&proxy).await.contains("DOWN"));
    proxy.errors().await_line("server is down").await;
    let mut client = proxy.client().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "b");
    }

    sick.store(false, Ordering::Relaxed);
    until("it comes back", async || {
        stats(&proxy).await.contains("DOWN 1/2")
    })
    .await;
    proxy.await_metric("simplon_server_up", &labels, 1).await;
    until("it is used again", async || {
        client.get("/").await.text() == "a"
    })
    .await;
}

#[tokio::test]
async fn a_tcp_check_is_content_with_a_connection() {
    let mut a = Origin::answering(|_| Reply::new(500, "a")).await;
    let b = Origin::saying("b").await;
    let text = "
        upstreams:
          web: { servers: [$1, $2], health: { tcp: true, interval: 100ms, rise: 1, fall: 2 } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    let labels = [("upstream", "web"), ("server", &*a.to_string())];
    until("it is checked", async || a.connections() > 2).await;
    assert_eq!(proxy.metric("simplon_server_up", &labels).await, Some(1));
    a.stop().await;
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    let mut client = proxy.client().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "b");
    }
}

#[tokio::test]
async fn a_server_whose_requests_fail_is_ejected_and_returns_by_time() {
    let sick = Arc::new(AtomicBool::new(true));
    let (a, b) = (fickle("a", &sick, false).await, Origin::saying("b").await);
    let text = "
        upstreams:
          web: { servers: [$1, $2], passive: { failures: 3, window: 10s, eject: 700ms } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    let labels = [("upstream", "web"), ("server", &*a.to_string())];
    let mut client = proxy.client().await;
    let mut failed = 0;
    for _ in 0..12 {
        failed += usize::from(client.get("/").await.status() == 503);
    }
    assert_eq!(failed, 3);
    assert_eq!(
        proxy.metric("simplon_server_ejected", &labels).await,
        Some(1)
    );
    sick.store(false, Ordering::Relaxed);
    until("it is used again", async || {
        client.get("/").await.text() == "a"
    })
    .await;
    assert_eq!(
        proxy.metric("simplon_server_ejected", &labels).await,
        Some(0)
    );
}

#[tokio::test]
async fn the_last_server_is_never_ejected() {
    let sick = Arc::new(AtomicBool::new(true));
    let only = fickle("only", &sick, false).await;
    let text = "
        upstreams: { web: { servers: [$1], passive: { failures: 1, eject: 1h } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&only]).await;
    let mut client = proxy.client().await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.text(), "sick");
    }
    sick.store(false, Ordering::Relaxed);
    assert_eq!(client.get("/").await.text(), "only");
}

#[tokio::test]
async fn when_every_check_fails_all_servers_are_used_and_the_metric_says_so() {
    let sick = Arc::new(AtomicBool::new(true));
    let (a, b) = (
        fickle("a", &sick, true).await,
        fickle("b", &sick, true).await,
    );
    let text = "
        upstreams:
          web: { servers: [$1, $2], health: { path: /health, interval: 100ms, fall: 1 } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    for origin in [&a, &b] {
        let labels = [("upstream", "web"), ("server", &*origin.to_string())];
        proxy.await_metric("simplon_server_up", &labels, 0).await;
    }
    let mut client = proxy.client().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert!(a.count("/") > 0 && b.count("/") > 0);
    assert_eq!(
        proxy
            .metric("simplon_upstream_panic", &[("upstream", "web")])
            .await,
        Some(1)
    );
    proxy.errors().await_line("too few healthy servers").await;
}
