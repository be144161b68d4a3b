//! What one connection can make the proxy hold.

use std::time::Duration;

use super::{limited, narrow};
use crate::harness::{
    Origin, Proxy, Reply,
    frames::{DATA, END_HEADERS, HEADERS, WINDOW_UPDATE, headers_block, request},
};

/// As `listen/stream/frames.rs` works it out, with a fifth for what an allocator keeps.
const BOUND: u64 = 48 << 20;

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
            let whole =
                crate::harness::frames::frame(HEADERS, END_HEADERS | 1, 2 * nth + 1, &block);
            bytes.extend(whole);
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
