//! How the process ends: drained, in a hurry, or stopped; and what becomes of its logs.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Client, Load, Origin, Proxy, Reply, until};

const TO_FIRST: &str = "
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

async fn slow(time: Duration) -> Origin {
    Origin::answering(move |request| match request.target() {
        "/slow" => Reply::ok("slow").after(time),
        _ => Reply::ok("quick"),
    })
    .await
}

/// A client with a request at the origin that is not answered yet.
async fn waiting(proxy: &Proxy, origin: &Origin) -> Client {
    let mut client = proxy.client().await;
    client
        .send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    origin.await_count("/slow", 1).await;
    client
}

#[tokio::test]
async fn term_lets_requests_in_flight_finish_and_ends_with_0_soon_after() {
    let origin = slow(Duration::from_millis(600)).await;
    let mut proxy = Proxy::with(TO_FIRST, &[&origin]).await;
    let mut idle = proxy.client().await;
    assert_eq!(idle.get("/").await.text(), "quick");
    let mut busy = waiting(&proxy, &origin).await;
    proxy.signal(Signal::TERM);
    idle.expect_end().await;
    until("nobody listens", async || {
        Client::try_connect(proxy.http()).await.is_err()
    })
    .await;
    assert!(proxy.is_running());
    let answer = busy.response().await;
    let answered = Instant::now();
    assert_eq!(answer.text(), "slow");
    busy.expect_end().await;
    assert_eq!(proxy.ended().await.code(), Some(0));
    assert!(
        answered.elapsed() < Duration::from_secs(2),
        "{:?}",
        answered.elapsed()
    );
    let log = proxy.access_log();
    assert!(
        log.iter()
            .any(|line| line["path"] == "/slow" && line["status"] == 200),
        "{log:?}"
    );
}

#[tokio::test]
async fn ready_is_red_before_the_listeners_close() {
    let origin = Origin::saying("hello").await;
    let text = format!("{TO_FIRST}\n    drain_delay: 700ms");
    let mut proxy = Proxy::with(&text, &[&origin]).await;
    assert!(proxy.is_ready().await);
    proxy.signal(Signal::TERM);
    until("it is not ready", async || !proxy.is_ready().await).await;
    let ready = proxy.admin("/ready").await.unwrap();
    assert_eq!((ready.status(), ready.text()), (503, "draining\n"));
    assert_eq!(proxy.admin("/live").await.unwrap().status(), 200);
    // New connections are still served, for who has not looked yet.
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn no_request_is_lost_while_a_balancer_looks_away_in_time() {
    let origin = Origin::saying("hello").await;
    let text = format!("{TO_FIRST}\n    drain_delay: 500ms");
    let mut proxy = Proxy::with(&text, &[&origin]).await;
    let load = Load::on(&proxy, 4);
    load.await_more(20).await;
    proxy.signal(Signal::TERM);
    until("it is not ready", async || !proxy.is_ready().await).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_http_2_connection_is_told_to_go_and_its_streams_finish() {
    let origin = slow(Duration::from_millis(500)).await;
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let mut proxy = Proxy::with(text, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    let in_flight = client.start("/slow").await;
    origin.await_count("/slow", 1).await;
    proxy.signal(Signal::TERM);
    let response = crate::harness::in_time("the stream finishes", in_flight)
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_term_ends_at_once() {
    let origin = slow(Duration::from_secs(3600)).await;
    let mut proxy = Proxy::with(TO_FIRST, &[&origin]).await;
    let mut busy = waiting(&proxy, &origin).await;
    proxy.signal(Signal::TERM);
    proxy.errors().await_line("draining").await;
    assert!(proxy.is_running());
    let asked = Instant::now();
    proxy.signal(Signal::TERM);
    proxy.ended().await;
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
    busy.expect_end().await;
}

#[tokio::test]
async fn int_stops_at_once() {
    let origin = slow(Duration::from_secs(3600)).await;
    let mut proxy = Proxy::with(TO_FIRST, &[&origin]).await;
    let _busy = waiting(&proxy, &origin).await;
    let asked = Instant::now();
    proxy.signal(Signal::INT);
    proxy.ended().await;
    assert!(
        asked.elapsed() < Duration::from_secs(4),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test]
async fn what_takes_longer_than_the_drain_timeout_is_cut_off() {
    let origin = slow(Duration::from_secs(3600)).await;
    let text = format!("{TO_FIRST}\n    drain_timeout: 400ms");
    let mut proxy = Proxy::with(&text, &[&origin]).await;
    let mut busy = waiting(&proxy, &origin).await;
    let asked = Instant::now();
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.ended().await.code(), Some(0));
    let took = asked.elapsed();
    assert!((350..5000).contains(&took.as_millis()), "{took:?}");
    busy.expect_end().await;
    assert!(proxy.errors().has("the drain timeout is over"));
}

#[tokio::test]
async fn a_slow_head_does_not_hold_up_the_drain_for_ever() {
    let origin = Origin::saying("hello").await;
    let text = "
        listeners: { http: { bind: 127.0.0.1:$http, limits: { header_timeout: 500ms } } }
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let mut proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhos").await;
    let metric = [("listener", "http")];
    proxy.await_metric("simplon_connections", &metric, 1).await;
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn usr1_opens_the_access_log_again_under_its_name() {
    let text = "
        log: { access: file $dir/access.log }
        routes: [{ respond: { body: hi } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let log = proxy.directory().join("access.log");
    let moved = proxy.directory().join("access.log.1");
    let has = |path: &std::path::Path, words: &str| {
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(words))
    };
    proxy.get("/before").await;
    until("the first line is written", async || has(&log, "/before")).await;
    std::fs::rename(&log, &moved).unwrap();
    proxy.signal(Signal::USR1);
    until("the file is there again", async || log.exists()).await;
    proxy.get("/after").await;
    until("the second line is written", async || has(&log, "/after")).await;
    assert!(has(&moved, "/before") && !has(&moved, "/after"));
}
