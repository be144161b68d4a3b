//! The others: whoever behaves is served while somebody does not.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    WITH_TLS,
    attacks::{ATTACKS, closed_windows, crumbs},
};
use crate::harness::{
    Frames, Http2, Origin, Proxy, Reply,
    frames::{END_HEADERS, HEADERS, PING, headers_block, request},
};

/// What the 99th percentile may be in any case: a debug build shares its processors with the attackers.
const WELL: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_polite_client_is_served_during_every_flood() {
    let origin = Origin::answering(|request| match request.target() {
        "/large" => Reply::ok(vec![b'x'; 1 << 20]),
        _ => Reply::ok("hello"),
    })
    .await;
    let proxy = Arc::new(Proxy::with(WITH_TLS, &[&origin]).await);
    let polite = proxy.h2_client("localhost").await;
    let before = proxy.memory();
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(latency(&polite).await);
    }
    let floods = tokio::spawn(attack(Arc::clone(&proxy)));
    let mut attacked = Vec::new();
    while !floods.is_finished() {
        attacked.push(latency(&polite).await);
    }
    floods.await.unwrap();
    let served = attacked.len();
    assert!(served > 300, "the polite client was served {served} times");
    let (idle, attacked) = (p99(idle), p99(attacked));
    assert!(
        attacked <= (5 * idle).max(WELL),
        "{attacked:?} under attack, {idle:?} before"
    );
    let grown = proxy.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more");
}

/// Every flood, three times.
async fn attack(proxy: Arc<Proxy>) {
    for _ in 0..3 {
        for attack in &ATTACKS {
            let mut frames = Frames::begin(&proxy).await;
            attack.run(&mut frames).await;
            frames.rest().await;
        }
        crumbs(&mut Frames::begin(&proxy).await).await;
        closed_windows(&mut Frames::begin(&proxy).await).await;
    }
}

async fn latency(client: &Http2) -> Duration {
    let asked = Instant::now();
    assert_eq!(client.get("/").await.status, 200);
    asked.elapsed()
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort();
    latencies[latencies.len() * 99 / 100]
}

#[tokio::test]
async fn a_long_lived_client_that_pings_and_streams_is_never_ended() {
    let origin = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    for nth in 0..300 {
        let stream = 2 * nth + 1;
        let block = headers_block(&request("POST", "/"));
        frames
            .send(HEADERS, END_HEADERS, stream, &block)
            .await
            .unwrap();
        for flags in [0, 0, 1] {
            frames.send(0, flags, stream, b"message").await.unwrap();
        }
        frames.send(PING, 0, 0, b"8 bytes.").await.unwrap();
        assert_eq!(frames.status(stream).await, Some(200), "{stream}");
        for stream in [0, stream] {
            frames.send(8, 0, stream, &[0, 0, 0, 21]).await.unwrap();
        }
    }
}

#[tokio::test]
async fn two_hundred_requests_at_once_are_all_answered() {
    let origin = Origin::answering(|_| Reply::ok("hello").after(Duration::from_millis(20))).await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    client.get("/").await; // and with it the settings, which allow 100
    let mut answers = JoinSet::new();
    for _ in 0..200 {
        let client = client.clone();
        answers.spawn(async move { client.get("/").await.status });
    }
    assert_eq!(answers.join_all().await, [200; 200]);
}
