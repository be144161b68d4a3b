//! Connections in all and of one client.

use super::{Stage, WAYS, Way, get};
use crate::harness::{Client, until};

/// The connection is closed on, without a word or with the page that the way allows for.
async fn is_turned_away(stage: &Stage, way: Way, status: Option<u16>) {
    let port = match way {
        Way::Plain => stage.proxy.http(),
        Way::Tls => stage.proxy.https(),
    };
    let mut client = Client::connect(port).await;
    if let Some(status) = status {
        assert_eq!(client.response().await.status(), status);
    }
    client.expect_end().await;
}

#[tokio::test]
async fn a_full_listener_and_a_greedy_client_are_turned_away_on_every_way() {
    for (limits, reason, page) in [
        ("connections: 2", "full", None),
        ("connections_per_client: 2", "client", Some(429)),
    ] {
        let stage = Stage::limited(limits).await;
        for way in WAYS {
            // Who is inside, for the first time or again, stays.
            let mut first = stage.client(way, true).await;
            let mut second = stage.client(way, true).await;
            let page = page.filter(|_| way == Way::Plain); // before the handshake nothing can be said
            is_turned_away(&stage, way, page).await;
            assert_eq!(stage.turned_away(way, reason).await, 1, "{way:?} {limits}");
            for client in [&mut first, &mut second] {
                assert_eq!(get(client).await.status(), 200, "{way:?} {limits}");
            }
            drop((first, second));
            let labels = [("listener", way.listener())];
            let proxy = &stage.proxy;
            proxy.await_metric("simplon_connections", &labels, 0).await;
            let mut next = stage.client(way, false).await;
            assert_eq!(get(&mut next).await.status(), 200, "{way:?} {limits}");
        }
    }
}

#[tokio::test]
async fn who_opens_and_closes_as_fast_as_it_can_keeps_nobody_out() {
    let stage = Stage::limited("connections_per_client: 50").await;
    let port = stage.proxy.http();
    let storm = tokio::spawn(async move {
        loop {
            let _ = Client::try_connect(port).await;
        }
    });
    for _ in 0..50 {
        until("another is served", async || {
            // The storm comes from the same address, so a seat may be missing for a moment.
            let mut client = stage.proxy.client().await;
            let answer = client.try_ask("GET", "/", &[], b"").await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }
    storm.abort();
}
