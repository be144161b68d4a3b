//! Who is waited for, for how long, and who is held responsible.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::harness::{Origin, Proxy, in_time, shake_hands, until};

const TLS: &str = "
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ upstream: web }]
        ";

/// The failures of the one server, of every kind.
async fn failures(proxy: &Proxy, origin: &Origin) -> u64 {
    let server = origin.to_string();
    let mut sum = 0;
    for kind in ["connect", "reset", "timeout", "status"] {
        let labels = [("upstream", "web"), ("server", &*server), ("kind", kind)];
        sum += proxy
            .metric("simplon_server_failures_total", &labels)
            .await
            .unwrap();
    }
    sum
}

#[tokio::test]
async fn a_stalled_upload_is_the_clients_fault() {
    let origin = Origin::saying("hello").await;
    let text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http, limits: {{ body_idle_timeout: 600ms }} }}
          https: {{ bind: 127.0.0.1:$https, tls: modern, limits: {{ body_idle_timeout: 600ms }} }}
        upstreams: {{ web: {{ servers: [$1], timeouts: {{ first_byte: 200ms, idle: 200ms }} }} }}
        {TLS}"
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    let started = Instant::now();
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\npart")
        .await;
    assert_eq!(client.response().await.status(), 408);
    assert!(started.elapsed() >= Duration::from_millis(590));

    let http2 = proxy.h2_client("localhost").await;
    let request = Request::post("https://localhost/").body(()).unwrap();
    let (response, mut body) = http2.begin(request).await;
    body.send_data(Bytes::from_static(b"part"), false).unwrap();
    let response = in_time("an answer", response).await.unwrap();
    assert_eq!(response.status(), 408);
    assert_eq!(failures(&proxy, &origin).await, 0);
}

#[tokio::test]
async fn a_client_that_reads_slowly_is_not_the_servers_fault() {
    const LENGTH: usize = 24 << 20;
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {LENGTH}\r\n\r\n"
        ))
        .await;
        let _ = wire.try_send(vec![b'x'; LENGTH]).await;
        Some(wire)
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1], timeouts: { first_byte: 3s, idle: 300ms } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(1500)).await; // five times what a server may take
    let answer = client.response().await;
    assert_eq!(answer.body.len(), LENGTH);
    assert_eq!(failures(&proxy, &origin).await, 0);
}

#[tokio::test]
async fn a_retried_body_counts_once() {
    let resetting = || {
        Origin::scripted(|head, mut wire| async move {
            let _ = wire.read_request_body(&head).await;
            wire.reset();
            None
        })
    };
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let text = "
        listeners: { http: { bind: 127.0.0.1:$http, limits: { body_size: 64KiB } } }
        upstreams: { web: { servers: [$1, $2] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&bad, &good]).await;
    let body = vec![b'x'; 40 << 10];
    let mut client = proxy.client().await;
    for _ in 0..2 {
        let answer = client.ask("PUT", "/", &[], &body).await;
        assert_eq!((answer.status(), answer.text()), (200, "good"));
    }
    let line = proxy.logged(|line| line["retries"] == 1).await;
    assert_eq!(line["bytes_in"], body.len());
}

#[tokio::test]
async fn an_upgrade_keeps_its_deadline_though_an_ordinary_connection_is_at_hand() {
    let origin = Origin::scripted(|head, mut wire| async move {
        if head.has("upgrade") {
            let _kept = wire;
            return std::future::pending().await;
        }
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            .await;
        Some(wire)
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1], timeouts: { first_byte: 400ms } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    assert_eq!(proxy.get("/").await.text(), "hi");
    let mut client = proxy.client().await;
    let lines = ["connection: upgrade", "upgrade: websocket"];
    let answer = client.ask("GET", "/", &lines, b"").await;
    assert_eq!(answer.status(), 504);
}

#[tokio::test]
async fn a_preface_that_does_not_come_ends_the_connection() {
    let text = format!(
        "
        listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: modern, limits: {{ header_timeout: 300ms }} }} }}
        upstreams: {{ web: {{ servers: [127.0.0.1:9] }} }}
        {TLS}"
    );
    let proxy = Proxy::with(&text, &[]).await;
    for beginning in ["", "P", "PRI * HTTP/2.0\r\n"] {
        let stream = shake_hands(proxy.https(), "localhost", &["h2"], &proxy.trust()).await;
        let mut stream = stream.unwrap();
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let ended = in_time("the connection ends", stream.read_to_end(&mut rest)).await;
        assert!(ended.is_err() || rest.is_empty(), "{beginning:?}");
    }
}

#[tokio::test]
async fn an_idle_http_2_client_does_not_hold_up_the_drain() {
    let origin = Origin::saying("hello").await;
    let text = format!(
        "
        listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: modern }} }}
        upstreams: {{ web: {{ servers: [$1] }} }}
        drain_timeout: 1m
        {TLS}"
    );
    let mut proxy = Proxy::with(&text, &[&origin]).await;
    // A client that shook hands and will answer no PING.
    let stream = shake_hands(proxy.https(), "localhost", &["h2"], &proxy.trust()).await;
    let mut stream = stream.unwrap();
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    let mut settings = [0; 9];
    stream.read_exact(&mut settings).await.unwrap();
    proxy.signal(Signal::TERM);
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn what_a_removed_listener_carries_ends_with_the_drain_timeout() {
    let origin = Origin::silent().await;
    let text = "
        listeners:
          http: { bind: 127.0.0.1:$http }
          other: { bind: 127.0.0.1:$other }
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        drain_timeout: 300ms
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = crate::harness::Client::connect(proxy.other()).await;
    client
        .send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    origin.await_count("/slow", 1).await;
    proxy.rewrite(&text.replace("other: { bind: 127.0.0.1:$other }", ""));
    proxy.reload().await;
    client.expect_end().await;
    proxy
        .await_metric("simplon_connections", &[("listener", "http")], 0)
        .await;
}

#[tokio::test]
async fn an_answer_under_way_at_the_drain_announces_the_end() {
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    let origin = Origin::scripted(move |_, mut wire| {
        let opened = Arc::clone(&opened);
        async move {
            opened.notified().await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
                .await;
            Some(wire)
        }
    })
    .await;
    let mut proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    until("the server is asked", async || origin.connections() == 1).await;
    proxy.signal(Signal::TERM);
    proxy.errors().await_line("draining").await;
    gate.notify_one();
    let answer = client.response().await;
    assert_eq!(
        (answer.text(), answer.field("connection")),
        ("hi", Some("close"))
    );
    assert_eq!(proxy.ended().await.code(), Some(0));
}

#[tokio::test]
async fn connect_is_not_for_this_proxy_by_http_2_either() {
    let origin = Origin::saying("hello").await;
    let text = format!(
        "
        listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: modern }} }}
        upstreams: {{ web: {{ servers: [$1] }} }}
        {TLS}"
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    let http2 = proxy.h2_client("localhost").await;
    let request = Request::connect("localhost:443").body(()).unwrap();
    assert_eq!(http2.ask(request, b"").await.status, 405);
    let labels = [("reason", "method_not_allowed")];
    proxy
        .await_metric("simplon_refusals_total", &labels, 1)
        .await;
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_control_path_that_names_a_file_leaves_the_file_alone() {
    let place = tempfile::tempdir().unwrap();
    let precious = place.path().join("precious");
    std::fs::write(&precious, "mine").unwrap();
    let file = place.path().join("simplon.yaml");
    let text = format!(
        "listeners: {{ http: {{ bind: 127.0.0.1:0 }} }}\nadmin: {{ bind: 127.0.0.1:0 }}\n\
         routes: [{{ respond: {{ body: hi }} }}]\ncontrol: {}\n",
        precious.display()
    );
    std::fs::write(&file, text).unwrap();
    let ended = crate::harness::simplon(&format!("run -c {}", file.display())).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("no socket"), "{}", ended.errors);
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
}

#[tokio::test]
async fn check_leaves_the_state_directory_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("simplon.yaml");
    let text = "
        listeners: { https: { bind: 127.0.0.1:0, tls: modern } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ respond: { body: hi } }]
        state: state
        ";
    std::fs::write(&file, text).unwrap();
    let ended = crate::harness::simplon(&format!("check -c {}", file.display())).await;
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    assert!(!place.path().join("state").exists());
}

#[tokio::test]
async fn a_slow_but_steady_reader_is_not_cut_off() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            64 << 20
        ))
        .await;
        let _ = wire.try_send(vec![b'x'; 64 << 20]).await;
        Some(wire)
    })
    .await;
    let text = "
        listeners: { http: { bind: 127.0.0.1:$http, limits: { write_idle_timeout: 700ms } } }
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    // 1.3 MB a second for 3 s: far less than the buffers between us hold, and steady.
    for _ in 0..30 {
        client.wire.read_exactly(128 << 10).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let cut_off = [("listener", "http"), ("reason", "write_timeout")];
    let family = "simplon_connections_refused_total";
    assert_eq!(proxy.metric(family, &cut_off).await, Some(0));
}
