//! Requests that wait for a place at a server.

use std::time::Duration;

use rustix::process::Signal;

use crate::harness::{Client, Origin, Proxy, Reply, until};

/// One server with one place, and a queue as `$queue` says.
fn text(queue: &str) -> String {
    format!(
        "
        upstreams: {{ web: {{ servers: [{{ address: $1, max_connections: 1 }}], queue: {queue} }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

/// Takes so long for `/slow`, and no time for anything else.
async fn slow(delay: Duration) -> Origin {
    Origin::answering(move |request| match request.target() {
        "/slow" => Reply::ok("slow").after(delay),
        _ => Reply::ok("quick"),
    })
    .await
}

/// A client whose request is under way.
async fn asking(proxy: &Proxy, path: &str) -> Client {
    let mut client = proxy.client().await;
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n");
    client.send(request).await;
    client
}

/// A client whose request has taken the one place.
async fn served(proxy: &Proxy, origin: &Origin) -> Client {
    let client = asking(proxy, "/slow").await;
    origin.await_count("/slow", 1).await;
    client
}

#[tokio::test]
async fn what_finds_every_server_full_waits_its_turn_and_is_answered() {
    let origin = slow(Duration::from_millis(700)).await;
    let proxy = Proxy::with(&text("{ size: 10, timeout: 10s }"), &[&origin]).await;
    let mut first = served(&proxy, &origin).await;
    let mut waiting = Vec::new();
    for nth in 1..=3 {
        waiting.push(asking(&proxy, &format!("/{nth}")).await);
        tokio::time::sleep(Duration::from_millis(50)).await; // so that they come in this order
    }
    assert_eq!(origin.requests().len(), 1);
    assert_eq!(first.response().await.text(), "slow");
    for client in &mut waiting {
        assert_eq!(client.response().await.text(), "quick");
    }
    let targets: Vec<_> = origin
        .requests()
        .iter()
        .map(|it| it.target().to_owned())
        .collect();
    assert_eq!(targets, ["/slow", "/1", "/2", "/3"]);
    let line = proxy.logged(|line| line["path"] == "/1").await;
    assert_eq!(line["status"], 200);
    assert!(line["t_queue_ms"].as_f64().unwrap() > 200.0, "{line}");
    let line = proxy.logged(|line| line["path"] == "/slow").await;
    assert!(line["t_queue_ms"].as_f64().unwrap() < 200.0, "{line}");
}

#[tokio::test]
async fn who_waits_for_too_long_and_who_finds_the_queue_full_gets_503() {
    let origin = slow(Duration::from_secs(5)).await;
    let proxy = Proxy::with(&text("{ size: 1, timeout: 600ms }"), &[&origin]).await;
    let _first = served(&proxy, &origin).await;
    let mut late = asking(&proxy, "/late").await;
    tokio::time::sleep(Duration::from_millis(150)).await; // until it stands in line
    let full = proxy.get("/full").await;
    assert_eq!(full.status(), 503);
    assert!(full.has("retry-after"));
    let late = late.response().await;
    assert_eq!(late.status(), 503);
    assert!(late.has("retry-after"));
    for (path, refusal) in [("/late", "queue_timeout"), ("/full", "queue_full")] {
        let line = proxy.logged(|line| line["path"] == path).await;
        assert_eq!(line["refusal"], refusal);
        assert_eq!(origin.count(path), 0);
    }
    let line = proxy.logged(|line| line["path"] == "/late").await;
    assert!(line["t_queue_ms"].as_f64().unwrap() >= 600.0, "{line}");
}

#[tokio::test]
async fn what_a_retry_has_waited_before_counts() {
    // One has a place after a second, and is of no use; the other has none.
    let broken = Origin::scripted(|request, mut wire| async move {
        if request.target() == "/one" {
            tokio::time::sleep(Duration::from_secs(1)).await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .await;
        }
        None
    })
    .await;
    let full = Origin::answering(|_| Reply::ok("slow").after(Duration::from_secs(10))).await;
    let text = "
        upstreams:
          web:
            servers: [{ address: $1, max_connections: 1 }, { address: $2, max_connections: 1 }]
            queue: { timeout: 2s }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&broken, &full]).await;
    let _held = [asking(&proxy, "/one").await, asking(&proxy, "/one").await];
    broken.await_count("/one", 1).await;
    full.await_count("/one", 1).await;
    let failed = proxy.get("/waits").await;
    assert_eq!((failed.status(), broken.count("/waits")), (502, 1));
    let line = proxy.logged(|line| line["path"] == "/waits").await;
    let waited = line["t_queue_ms"].as_f64().unwrap();
    assert!((1900.0..2600.0).contains(&waited), "{line}");
}

#[tokio::test]
async fn a_client_that_leaves_the_queue_makes_room_in_it() {
    let origin = slow(Duration::from_millis(1500)).await;
    let proxy = Proxy::with(&text("{ size: 1, timeout: 10s }"), &[&origin]).await;
    let mut first = served(&proxy, &origin).await;
    let gone = asking(&proxy, "/gone").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    drop(gone);
    let line = proxy.logged(|line| line["path"] == "/gone").await;
    assert_eq!(
        (&line["refusal"], &line["status"]),
        (&"client_gone".into(), &499.into())
    );
    let mut next = asking(&proxy, "/next").await;
    assert_eq!(first.response().await.text(), "slow");
    assert_eq!(next.response().await.text(), "quick");
    assert_eq!(origin.count("/gone"), 0);
}

#[tokio::test]
async fn a_server_that_comes_up_takes_those_who_wait() {
    let full = slow(Duration::from_secs(8)).await;
    let mut other = Origin::saying("other").await;
    other.stop().await;
    let text = "
        upstreams:
          web:
            servers: [{ address: $1, max_connections: 1 }, { address: $2, max_connections: 5 }]
            queue: { timeout: 10s }
            health: { tcp: true, interval: 100ms, rise: 1, fall: 1 }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&full, &other]).await;
    let labels = [("upstream", "web"), ("server", &*other.to_string())];
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    let _first = served(&proxy, &full).await;
    let mut waiting = [asking(&proxy, "/a").await, asking(&proxy, "/b").await];
    tokio::time::sleep(Duration::from_millis(150)).await;
    other.start_again().await;
    for client in &mut waiting {
        assert_eq!(client.response().await.text(), "other");
    }
}

#[tokio::test]
async fn a_kept_client_waits_for_its_own_server() {
    let own = slow(Duration::from_millis(800)).await;
    let other = Origin::saying("other").await;
    let text = "
        upstreams:
          web:
            servers: [{ address: $1, max_connections: 1 }, $2]
            sticky: { cookie: simplon }
            queue: {}
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&own, &other]).await;
    let mut client = proxy.client().await;
    let mut first = client.get("/").await;
    if first.text() == "other" {
        first = client.get("/").await;
    }
    let cookie = first
        .field("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let line = format!("cookie: {cookie}");
    let busy = format!("GET /slow HTTP/1.1\r\nhost: test\r\n{line}\r\n\r\n");
    client.send(busy).await;
    own.await_count("/slow", 1).await;
    let mut again = proxy.client().await;
    let request = format!("GET /again HTTP/1.1\r\nhost: test\r\n{line}\r\n\r\n");
    again.send(request).await;
    // Others do not wait.
    assert_eq!(proxy.get("/").await.text(), "other");
    let answer = again.response().await;
    assert_eq!(answer.text(), "quick");
    assert!(!answer.has("set-cookie"));
    assert_eq!(client.response().await.text(), "slow");
}

#[tokio::test]
async fn those_who_wait_outlive_a_reload() {
    let origin = slow(Duration::from_millis(1200)).await;
    let before = text("{ size: 10, timeout: 10s }");
    let proxy = Proxy::with(&before, &[&origin]).await;
    let mut first = served(&proxy, &origin).await;
    let mut old = asking(&proxy, "/old").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    proxy.rewrite(&before.replace("size: 10", "size: 20"));
    proxy.reload().await;
    let mut new = asking(&proxy, "/new").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert_eq!(origin.requests().len(), 1, "both wait in one line");
    assert_eq!(first.response().await.text(), "slow");
    assert_eq!(old.response().await.text(), "quick");
    assert_eq!(new.response().await.text(), "quick");
}

#[tokio::test]
async fn the_end_of_a_drain_is_the_end_of_the_wait() {
    let origin = slow(Duration::from_secs(30)).await;
    let text = format!(
        "{}\n        drain_timeout: 500ms",
        text("{ timeout: 1m }").trim_end()
    );
    let mut proxy = Proxy::with(&text, &[&origin]).await;
    let _first = served(&proxy, &origin).await;
    let mut waiting = asking(&proxy, "/waiting").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    proxy.signal(Signal::TERM);
    proxy.ended().await;
    waiting.expect_end().await;
    assert_eq!(origin.count("/waiting"), 0);
}

#[tokio::test]
async fn many_clients_at_one_place_are_all_served() {
    let origin = Origin::saying("served").await;
    let proxy = Proxy::with(&text("{ size: 100, timeout: 10s }"), &[&origin]).await;
    let load = crate::harness::Load::on(&proxy, 16);
    load.await_more(400).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    let labels = [("upstream", "web"), ("server", &*origin.to_string())];
    until("all are gone", async || {
        proxy.metric("simplon_server_in_flight", &labels).await == Some(0)
    })
    .await;
}
