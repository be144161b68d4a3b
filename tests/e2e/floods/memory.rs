//! What one connection can make the proxy hold.

use std::{sync::Arc, time::Duration};

use super::{limited, narrow};
use crate::harness::{
    Origin, Proxy, Reply,
    frames::{
        DATA, END_HEADERS, END_STREAM, HEADERS, WINDOW_UPDATE, frame, headers_block, request,
    },
};

/// As `listen/stream/frames.rs` works it out, with a fifth for what an allocator keeps.
const BOUND: u64 = 32 << 20;

#[tokio::test]
async fn one_connection_holds_no_more_than_its_bound() {
    // Once with windows that are closed, once with windows so wide that all waits for the socket.
    for window in [0, 100 << 20] {
        let origin = Origin::answering(|_| Reply::ok(vec![b'x'; 4 << 20])).await;
        let proxy = Proxy::with(&limited("write_idle_timeout: 20s"), &[&origin]).await;
        let mut frames = narrow(&proxy, window).await;
        frames
            .send(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes())
            .await
            .unwrap();
        let before = proxy.memory();
        let value = "x".repeat(15_000);
        let mut fields = request("GET", "/").to_vec();
        fields.push(("x-large", &value));
        let block = headers_block(&fields);
        let mut bytes = Vec::new();
        for nth in 0..100 {
            let flags = END_HEADERS | END_STREAM;
            bytes.extend(frame(HEADERS, flags, 2 * nth + 1, &block));
        }
        frames.send_without_reading(&bytes).await;
        origin.await_count("/", 100).await;
        // It fills until nothing moves any more.
        let mut held = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = proxy.memory().saturating_sub(before);
            if now <= held + (256 << 10) {
                break;
            }
            held = now;
        }
        assert!(held < BOUND, "{held} bytes with windows of {window}");
    }
}

#[tokio::test]
async fn bodies_that_no_server_takes_are_held_up_to_the_window() {
    let origin = Origin::silent().await;
    let proxy = Proxy::with(&limited("body_idle_timeout: 20s"), &[&origin]).await;
    let mut frames = narrow(&proxy, 0).await;
    let before = proxy.memory();
    let block = headers_block(&request("POST", "/"));
    for nth in 0..40 {
        frames
            .send(HEADERS, END_HEADERS, 2 * nth + 1, &block)
            .await
            .unwrap();
    }
    origin.await_count("/", 40).await;
    // As much as the connection's window lets through at once, and no more.
    for nth in 0..255 {
        let stream = 2 * (nth % 40) + 1;
        frames.send(DATA, 0, stream, &[b'x'; 16_384]).await.unwrap();
    }
    let held = proxy.memory().saturating_sub(before);
    assert!(held < 16 << 20, "{held} bytes");
}

/// Bytes, of which the attack below takes more than half as it goes on.
const LIMIT: u64 = 512 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_closes_every_window_does_not_keep_others_out() {
    let origin = Origin::answering(|request| match request.target() {
        "/large" => Reply::ok(vec![b'x'; 1 << 20]),
        _ => Reply::ok("hello"),
    })
    .await;
    let text =
        limited("connections_per_client: 300, keepalive_timeout: 8s, write_idle_timeout: 5m");
    let text = text.replace("routes:", &format!("memory_limit: {LIMIT}B\n    routes:"));
    let proxy = Arc::new(Proxy::with(&text, &[&origin]).await);
    let attack = tokio::spawn(close_every_window(Arc::clone(&proxy)));
    let (mut most, mut served) = (0, 0);
    while !attack.is_finished() {
        let client = proxy.h2_client("localhost").await;
        assert_eq!(client.get("/").await.status, 200);
        served += 1;
        most = most.max(proxy.memory());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let connections = attack.await.unwrap();
    assert!(served > 10, "{served}");
    assert!(connections < 256, "nobody minds");
    assert!(most < LIMIT, "{most} bytes for {connections} connections");
}

/// Asks for forty large answers on each of 256 connections and takes nothing of any, until the first is closed on, which was
/// there when memory was plenty. How many it took.
async fn close_every_window(proxy: Arc<Proxy>) -> usize {
    let block = headers_block(&request("GET", "/large"));
    let whole = |nth: u32| frame(HEADERS, END_HEADERS | END_STREAM, 2 * nth + 1, &block);
    let bytes: Vec<u8> = (0..40_u32).flat_map(whole).collect();
    let mut first = narrow(&proxy, 0).await;
    first.send_bytes(&bytes).await.unwrap();
    let mut held = Vec::new();
    while held.len() < 255 && !first.look().await {
        let mut frames = narrow(&proxy, 0).await;
        frames.send_bytes(&bytes).await.unwrap();
        held.push(frames);
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    1 + held.len()
}
