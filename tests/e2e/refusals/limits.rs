//! The limits of a listener, each met.

use std::time::{Duration, Instant};

use crate::harness::{Origin, Proxy, Reply, until};

async fn limited(limits: &str, origin: &Origin) -> Proxy {
    let text = format!(
        "
        listeners: {{ http: {{ bind: 127.0.0.1:$http, limits: {{ {limits} }} }} }}
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes: [{{ upstream: web }}]
        "
    );
    Proxy::with(&text, &[origin]).await
}

async fn refusals(proxy: &Proxy, label: &str) -> u64 {
    proxy
        .metric("simplon_refusals_total", &[("reason", label)])
        .await
        .unwrap()
}

async fn turned_away(proxy: &Proxy, reason: &str) -> u64 {
    let labels = [("listener", "http"), ("reason", reason)];
    proxy
        .metric("simplon_connections_refused_total", &labels)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_client_with_too_many_connections_gets_429() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("connections_per_client: 2", &origin).await;
    let (mut first, mut second) = (proxy.client().await, proxy.client().await);
    assert_eq!(first.get("/").await.status(), 200);
    assert_eq!(second.get("/").await.status(), 200);
    let mut third = proxy.client().await;
    let page = third.response().await;
    assert_eq!(page.status(), 429);
    assert!(page.has("retry-after"));
    third.expect_end().await;
    assert_eq!(refusals(&proxy, "too_many_connections").await, 1);
    assert_eq!(turned_away(&proxy, "client").await, 1);
    drop(first);
    until("its seat is free again", async || {
        let mut next = proxy.client().await;
        let answer = next.try_ask("GET", "/", &[], b"").await;
        answer.is_ok_and(|answer| answer.status() == 200)
    })
    .await;
    assert_eq!(second.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_listener_at_its_limit_closes_at_once() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("connections: 1", &origin).await;
    let mut first = proxy.client().await;
    assert_eq!(first.get("/").await.status(), 200);
    proxy.client().await.expect_end().await;
    assert_eq!(turned_away(&proxy, "full").await, 1);
    assert_eq!(first.get("/").await.status(), 200);
    assert_eq!(
        proxy
            .metric("simplon_connections", &[("listener", "http")])
            .await,
        Some(1)
    );
}

#[tokio::test]
async fn a_head_that_is_not_complete_in_time_is_408() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("header_timeout: 500ms", &origin).await;
    for is_second in [false, true] {
        let mut client = proxy.client().await;
        if is_second {
            assert_eq!(client.get("/").await.status(), 200);
        }
        let started = Instant::now();
        client.send("GET / HTTP/1.1\r\nhost: test\r\n").await;
        // A byte now and then puts nothing off.
        let dripping = async {
            for _ in 0..100 {
                let _ = client.wire.try_send("x").await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                if started.elapsed() > Duration::from_millis(800) {
                    break;
                }
            }
        };
        dripping.await;
        let page = client.response().await;
        assert_eq!(page.status(), 408);
        client.expect_end().await;
        let line = proxy
            .logged(|line| line["request_id"] == page.request_id())
            .await;
        assert_eq!(line["refusal"], "header_timeout");
    }
    assert_eq!(refusals(&proxy, "header_timeout").await, 2);
}

#[tokio::test]
async fn the_408_comes_at_the_deadline() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("header_timeout: 500ms", &origin).await;
    let mut client = proxy.client().await;
    let started = Instant::now();
    client.send("GET / HTTP/1.1\r\nhost: te").await;
    assert_eq!(client.response().await.status(), 408);
    let took = started.elapsed();
    assert!((450..3000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_client_that_connects_and_says_nothing_is_closed_on() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("header_timeout: 300ms", &origin).await;
    let mut client = proxy.client().await;
    let started = Instant::now();
    client.expect_end().await;
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_keepalive_timeout() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("keepalive_timeout: 400ms", &origin).await;
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status(), 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(client.get("/").await.status(), 200);
    let started = Instant::now();
    client.expect_end().await;
    let took = started.elapsed();
    assert!((350..3000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_connection_carries_so_many_requests_and_the_last_says_close() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("requests_per_connection: 3", &origin).await;
    let mut client = proxy.client().await;
    for nth in 1..=3 {
        let answer = client.get("/").await;
        assert_eq!(answer.text(), "hello");
        assert_eq!(
            answer.field("connection") == Some("close"),
            nth == 3,
            "{nth}"
        );
    }
    client.expect_end().await;
}

#[tokio::test]
async fn a_body_of_announced_length_over_the_limit_is_413_and_never_reaches_a_server() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("body_size: 1KiB", &origin).await;
    let fits = proxy
        .client()
        .await
        .ask("POST", "/", &[], &[b'x'; 1024])
        .await;
    assert_eq!(fits.status(), 200);
    let page = proxy
        .client()
        .await
        .ask("POST", "/", &[], &[b'x'; 1025])
        .await;
    assert_eq!(page.status(), 413);
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_413_as_soon_as_it_is() {
    let origin = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = limited("body_size: 1KiB", &origin).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for _ in 0..3 {
        let _ = client.wire.send_chunk(&[b'x'; 500]).await;
    }
    let page = client.response().await;
    assert_eq!(page.status(), 413);
    assert_eq!(origin.requests().len(), 0);
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["refusal"], "body_too_large");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_408() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("body_idle_timeout: 300ms", &origin).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\nsome")
        .await;
    assert_eq!(client.response().await.status(), 408);
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["refusal"], "body_timeout");
}

#[tokio::test]
async fn a_client_that_stops_reading_is_cut_off() {
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; 30 << 20])).await;
    let proxy = limited("write_idle_timeout: 300ms", &origin).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    until("it is cut off", async || {
        turned_away(&proxy, "write_timeout").await > 0
    })
    .await;
    let labels = [("upstream", "web"), ("server", &*origin.to_string())];
    proxy
        .await_metric("simplon_server_in_flight", &labels, 0)
        .await;
}

#[tokio::test]
async fn a_head_over_its_limits_is_414_or_431() {
    let origin = Origin::saying("hello").await;
    let proxy = limited(
        "uri_size: 100, header_size: 2KiB, header_count: 10",
        &origin,
    )
    .await;
    let long = |count| format!("/{}", "x".repeat(count));
    let field = format!("x-long: {}", "y".repeat(2100));
    for (target, lines, status) in [
        (long(99), vec![], 200),
        (long(100), vec![], 414),
        ("/".to_owned(), vec!["a: b"; 9], 200),
        ("/".to_owned(), vec!["a: b"; 10], 431),
        ("/".to_owned(), vec![&*field], 431),
    ] {
        let answer = proxy.client().await.ask("GET", &target, &lines, b"").await;
        assert_eq!(answer.status(), status, "{target:.9} {}", lines.len());
    }
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn an_endless_head_is_431_and_closed() {
    let origin = Origin::saying("hello").await;
    let proxy = limited("header_size: 2KiB", &origin).await;
    let mut client = proxy.client().await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nhost: test\r\nx: {}",
            "y".repeat(10_000)
        ))
        .await;
    assert_eq!(client.response().await.status(), 431);
    client.expect_end().await;
}
