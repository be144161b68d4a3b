//! Connections that stand still.

use std::time::{Duration, Instant};

use super::{limited, narrow, refused};
use crate::harness::{
    Frames, H2Origin, Origin, Proxy, Reply,
    frames::{
        DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, WINDOW_UPDATE,
        headers_block, request,
    },
    until,
};

#[tokio::test]
async fn a_connection_without_a_preface_ends_and_is_counted() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&limited("header_timeout: 500ms"), &[&origin]).await;
    for (nth, begun) in [(1, &b""[..]), (2, b"PRI * HTTP/2.0\r\n")] {
        let mut frames = Frames::connect(&proxy).await;
        frames.send_bytes(begun).await.unwrap();
        assert_eq!(frames.rest().await, []);
        assert_eq!(refused(&proxy, "no_preface").await, nth);
    }
    let mut frames = Frames::connect(&proxy).await;
    let another = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    frames.send_bytes(another).await.unwrap();
    frames.rest().await;
    assert_eq!(refused(&proxy, "no_preface").await, 3);
}

#[tokio::test]
async fn a_connection_without_a_request_ends_when_it_has_been_kept_long_enough() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&limited("keepalive_timeout: 500ms"), &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    let said = frames.rest().await;
    // Who sends a request just then is told that it was not taken.
    assert!(
        said.iter()
            .any(|frame| frame.kind == GOAWAY && frame.code() == 0),
        "{said:?}"
    );

    let mut frames = Frames::begin(&proxy).await;
    frames.get(1, "/").await.unwrap();
    assert_eq!(frames.status(1).await, Some(200));
    let started = Instant::now();
    // Pings are no requests.
    while !frames.look().await {
        let _ = frames.send(PING, 0, 0, b"8 bytes.").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_connection_that_breaks_the_protocol_is_counted() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&limited(""), &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    frames.send(DATA, 0, 0, b"for nobody").await.unwrap();
    let goodbye = frames.rest().await.pop().unwrap();
    assert_eq!((goodbye.kind, goodbye.code()), (GOAWAY, 1));
    assert_eq!(refused(&proxy, "h2_error").await, 1);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&limited("body_idle_timeout: 500ms"), &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    let block = headers_block(&request("POST", "/"));
    frames.send(HEADERS, END_HEADERS, 1, &block).await.unwrap();
    frames.send(DATA, 0, 1, b"some").await.unwrap();
    assert_eq!(frames.status(1).await, Some(408));
    proxy
        .await_metric("simplon_refusals_total", &[("reason", "body_timeout")], 1)
        .await;
    frames.get(3, "/").await.unwrap();
    assert_eq!(
        frames.status(3).await,
        Some(200),
        "the connection is in order"
    );
}

#[tokio::test]
async fn a_body_that_does_not_come_for_a_server_with_http_2_is_408_by_the_longest_deadline() {
    let origin = H2Origin::start().await;
    let upstream = format!("protocol: h2c, servers: ['{origin}'], timeouts: TIMEOUTS");
    for (timeouts, least) in [
        ("{ first_byte: 200ms, idle: 200ms }", 400), // that of the body is the longest
        ("{ first_byte: 900ms, idle: 200ms }", 900),
        ("{ first_byte: 200ms, idle: 900ms }", 900),
    ] {
        let text = limited("body_idle_timeout: 400ms")
            .replace("servers: [$1]", &upstream.replace("TIMEOUTS", timeouts));
        let proxy = Proxy::with(&text, &[]).await;
        let mut frames = Frames::begin(&proxy).await;
        let block = headers_block(&request("POST", "/"));
        let started = Instant::now();
        frames.send(HEADERS, END_HEADERS, 1, &block).await.unwrap();
        frames.send(DATA, 0, 1, b"some").await.unwrap();
        assert_eq!(frames.status(1).await, Some(408), "{timeouts}");
        let took = started.elapsed().as_millis();
        assert!(
            (least..least + 3000).contains(&took),
            "{timeouts}: {took} ms"
        );
        proxy
            .await_metric("simplon_refusals_total", &[("reason", "body_timeout")], 1)
            .await;
        frames.get(3, "/").await.unwrap();
        assert_eq!(frames.status(3).await, Some(200), "{timeouts}");
    }
}

#[tokio::test]
async fn a_connection_whose_windows_stay_closed_ends() {
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; 1 << 20])).await;
    let proxy = Proxy::with(&limited("write_idle_timeout: 700ms"), &[&origin]).await;
    let mut frames = narrow(&proxy, 0).await;
    for stream in [1, 3, 5] {
        frames.get(stream, "/").await.unwrap();
    }
    let all = frames.rest().await;
    let reset = all.iter().filter(|frame| frame.kind == RST_STREAM).count();
    assert!(reset >= 2, "{all:?}");
    assert_eq!(refused(&proxy, "window_timeout").await, 1);
    proxy
        .await_metric("simplon_refusals_total", &[("reason", "window_timeout")], 3)
        .await;
    until("no server is kept waiting", async || origin.open() == 0).await;
}

#[tokio::test]
async fn a_stream_whose_window_stays_closed_is_reset_alone() {
    let origin = Origin::answering(|request| match request.target() {
        "/large" => Reply::ok(vec![b'x'; 1 << 20]),
        _ => Reply::ok("").after(Duration::from_secs(3)),
    })
    .await;
    let proxy = Proxy::with(&limited("write_idle_timeout: 700ms"), &[&origin]).await;
    let mut frames = narrow(&proxy, 0).await;
    frames.get(1, "/slow").await.unwrap();
    frames.get(3, "/large").await.unwrap();
    let reset = frames
        .next_where(|frame| frame.kind == RST_STREAM)
        .await
        .unwrap();
    assert_eq!(reset.stream, 3);
    assert_eq!(frames.status(1).await, Some(200));
    assert_eq!(refused(&proxy, "window_timeout").await, 0);
}

#[tokio::test]
async fn a_window_that_opens_byte_by_byte_does_not_put_the_end_off() {
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; 1 << 20])).await;
    let proxy = Proxy::with(&limited("write_idle_timeout: 1s"), &[&origin]).await;
    let mut frames = narrow(&proxy, 1).await;
    frames.get(1, "/").await.unwrap();
    let started = Instant::now();
    let mut bytes = 0;
    while let Some(frame) = frames.next().await {
        if frame.kind == DATA {
            bytes += frame.payload.len();
            tokio::time::sleep(Duration::from_millis(50)).await;
            // The proxy may have closed by now.
            let _ = frames.send(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).await;
        }
        if frame.kind == RST_STREAM {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{bytes} bytes");
    proxy
        .await_metric("simplon_refusals_total", &[("reason", "window_timeout")], 1)
        .await;
}

#[tokio::test]
async fn a_page_that_waits_for_its_window_does_not_hold_the_header() {
    let small = held_by_pages("x").await;
    let large = held_by_pages(&"x".repeat(16_000)).await;
    // 16 MB of header were sent, and all streams wait.
    let more = large.saturating_sub(small);
    assert!(more < 4 << 20, "{more} bytes more");
}

/// What the proxy holds for a thousand pages that wait, each in answer to a header with this value.
async fn held_by_pages(value: &str) -> u64 {
    let text = limited("write_idle_timeout: 10s").replace("$1", "'127.0.0.1:$other'");
    let proxy = Proxy::with(&text, &[]).await;
    let mut fields = request("GET", "/%2f").to_vec();
    fields.push(("x-large", value));
    let block = headers_block(&fields);
    let mut connections = Vec::new();
    for _ in 0..10 {
        connections.push(narrow(&proxy, 0).await);
    }
    let before = proxy.memory();
    for frames in &mut connections {
        for nth in 0..100 {
            let flags = END_HEADERS | END_STREAM;
            let stream = 2 * nth + 1;
            frames.send(HEADERS, flags, stream, &block).await.unwrap();
            assert_eq!(frames.status(stream).await, Some(400));
        }
    }
    proxy.memory() - before
}
