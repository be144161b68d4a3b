//! The others: whoever behaves is served while somebody does not.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{WITH_TLS, attacks::ATTACKS};
use crate::harness::{
    Frames, Origin, Proxy,
    frames::{END_HEADERS, HEADERS, PING, headers_block, request},
};

#[tokio::test]
async fn a_polite_client_is_served_during_every_flood() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let polite = proxy.h2_client("localhost").await;
    let before = proxy.memory();
    let floods = async {
        for _ in 0..3 {
            let mut attackers = JoinSet::new();
            for attack in &ATTACKS {
                let mut frames = Frames::begin(&proxy).await;
                attackers.spawn(async move {
                    attack.run(&mut frames).await;
                    frames.rest().await;
                });
            }
            attackers.join_all().await;
        }
    };
    let mut floods = std::pin::pin!(floods);
    let mut served = 0;
    loop {
        tokio::select! {
            () = &mut floods => break,
            answer = polite.get("/") => assert_eq!(answer.status, 200),
        }
        served += 1;
    }
    assert!(served > 20, "the polite client was served {served} times");
    assert_eq!(polite.get("/").await.status, 200);
    let grown = proxy.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "{grown} bytes more");
}

#[tokio::test]
async fn a_long_lived_client_that_pings_and_streams_is_never_ended() {
    let origin = Origin::answering(|request| crate::harness::Reply::ok(request.body.clone())).await;
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
    let origin =
        Origin::answering(|_| crate::harness::Reply::ok("hello").after(Duration::from_millis(20)))
            .await;
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
