//! Weights, backups and limits.

use std::{collections::HashMap, time::Duration};

use crate::harness::{Load, Origin, Proxy, Reply, free_port, until};

#[tokio::test]
async fn weight_five_to_one_spreads_without_bursts() {
    let (heavy, light) = (Origin::saying("5").await, Origin::saying("1").await);
    let text = "
        upstreams: { web: { servers: [{ address: $1, weight: 5 }, $2] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&heavy, &light]).await;
    let mut client = proxy.client().await;
    let mut order = String::new();
    for _ in 0..60 {
        order.push_str(client.get("/").await.text());
    }
    assert_eq!(order.matches('1').count(), 10, "{order}");
    assert!(!order.contains("11"), "{order}");
    assert!(!order.contains("555555"), "{order}");
}

#[tokio::test]
async fn equal_servers_take_turns() {
    let (a, b, c) = (
        Origin::saying("a").await,
        Origin::saying("b").await,
        Origin::saying("c").await,
    );
    let proxy = Proxy::in_front_of(&[&a, &b, &c]).await;
    let mut client = proxy.client().await;
    let mut counts = HashMap::new();
    for _ in 0..30 {
        *counts
            .entry(client.get("/").await.text().to_owned())
            .or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == 10), "{counts:?}");
}

#[tokio::test]
async fn a_backup_serves_only_while_the_primaries_are_down() {
    let mut primary = Origin::saying("primary").await;
    let backup = Origin::saying("backup").await;
    let text = "
        upstreams:
          web:
            servers: [$1, { address: $2, backup: true }]
            health: { path: /health, interval: 100ms, rise: 1, fall: 1 }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&primary, &backup]).await;
    let labels = [("upstream", "web"), ("server", &*primary.to_string())];
    let mut client = proxy.client().await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "primary");
    }
    primary.stop().await;
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "backup");
    }
    primary.start_again().await;
    proxy.await_metric("simplon_server_up", &labels, 1).await;
    for _ in 0..6 {
        assert_eq!(client.get("/").await.text(), "primary");
    }
}

#[tokio::test]
async fn a_server_at_max_connections_makes_503_with_retry_after() {
    let slow = Origin::answering(|_| Reply::ok("slow").after(Duration::from_millis(400))).await;
    let text = "
        upstreams: { web: { servers: [{ address: $1, max_connections: 1 }] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&slow]).await;
    let mut first = proxy.client().await;
    first
        .send("GET /first HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    let labels = [("upstream", "web"), ("server", &*slow.to_string())];
    proxy
        .await_metric("simplon_server_in_flight", &labels, 1)
        .await;
    let refused = proxy.get("/second").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.has("retry-after"));
    assert_eq!(first.response().await.text(), "slow");
    assert_eq!(slow.count("/second"), 0);
    assert_eq!(first.get("/third").await.status(), 200);
    let line = proxy.logged(|line| line["path"] == "/second").await;
    assert_eq!(line["refusal"], "saturated");
}

#[tokio::test]
async fn a_server_that_is_full_leaves_the_rest_to_the_others() {
    let slow = Origin::answering(|_| Reply::ok("slow").after(Duration::from_millis(500))).await;
    let quick = Origin::saying("quick").await;
    let text = "
        upstreams: { web: { servers: [{ address: $1, max_connections: 1 }, $2] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&slow, &quick]).await;
    let mut first = proxy.client().await;
    first.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    slow.await_count("/", 1).await;
    let mut client = proxy.client().await;
    for _ in 0..5 {
        assert_eq!(client.get("/").await.text(), "quick");
    }
    assert_eq!(first.response().await.text(), "slow");
}

#[tokio::test]
async fn a_server_nobody_listens_for_is_502() {
    let text = format!(
        "
        upstreams: {{ web: {{ servers: [127.0.0.1:{}] }} }}
        routes: [{{ upstream: web }}]
        ",
        free_port()
    );
    let proxy = Proxy::with(&text, &[]).await;
    let answer = proxy.get("/").await;
    assert_eq!(answer.status(), 502);
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["refusal"], "connect_failed");
}

#[tokio::test]
async fn a_unix_socket_is_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let origin = Origin::saying_on(directory.path().join("app.sock"), "from a socket").await;
    let text = "
        upstreams: { web: { servers: ['$1'] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "from a socket");
    }
    assert_eq!(origin.connections(), 1);
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["server"], origin.to_string());
}

#[tokio::test]
async fn a_host_name_is_a_server() {
    let origin = Origin::saying("by name").await;
    let text = format!(
        "
        upstreams: {{ web: {{ servers: ['localhost:{}'] }} }}
        routes: [{{ upstream: web }}]
        ",
        origin.port()
    );
    let proxy = Proxy::with(&text, &[]).await;
    // The name is resolved while the proxy runs; until then there is no server.
    until("the name is resolved", async || {
        proxy.get("/").await.status() == 200
    })
    .await;
    assert_eq!(proxy.get("/").await.text(), "by name");
}

#[tokio::test]
async fn connections_to_a_server_are_kept_and_shared_by_the_clients_of_a_worker() {
    let origin = Origin::saying("kept").await;
    let text = "
        workers: 1
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    for nth in 1..=5 {
        assert_eq!(proxy.get("/").await.text(), "kept");
        // An exchange is logged after its connection is given back.
        until("it is logged", async || proxy.access_log().len() == nth).await;
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_server_that_is_killed_costs_no_client_an_error() {
    let mut mortal = Origin::saying("mortal").await;
    let other = Origin::saying("other").await;
    let proxy = Proxy::in_front_of(&[&mortal, &other]).await;
    let load = Load::on(&proxy, 8);
    load.await_more(100).await;
    mortal.stop().await;
    load.await_more(200).await;
    mortal.start_again().await;
    load.await_more(100).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    assert!(mortal.count("/load") > 0 && other.count("/load") > 0);
}
