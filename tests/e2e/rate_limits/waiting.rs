//! Requests that wait their turn rather than being refused.

use std::time::{Duration, Instant};

use super::{statuses, verdicts};
use crate::harness::{Proxy, request};

/// Nobody waits as long as this in a test.
const LONG: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    routes:
      - { path: /a, respond: { body: here }, rate_limit: { rate: 1/25s, delay: 30s } }
      - { path: /b, respond: { body: here }, rate_limit: { rate: 1/25s, delay: 30s } }
    ";

#[tokio::test]
async fn who_comes_too_early_waits_and_is_served() {
    let text = "routes: [{ respond: { body: here }, rate_limit: { rate: 1/2s, delay: 2s } }]";
    let proxy = Proxy::with(text, &[]).await;
    let begun = Instant::now();
    assert_eq!(proxy.get("/").await.status(), 200);
    // One waits for its turn; for the other there is none within two seconds.
    let (one, other) = tokio::join!(proxy.get("/"), proxy.get("/"));
    let mut found = [one.status(), other.status()];
    found.sort_unstable();
    assert_eq!(found, [200, 429]);
    assert!(
        begun.elapsed() >= Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(verdicts(&proxy, "rate_limit", "delayed").await, 1);
    assert_eq!(verdicts(&proxy, "rate_limit", "refused").await, 1);
}

#[tokio::test]
async fn who_leaves_while_waiting_is_noticed_at_once() {
    let proxy = Proxy::with(LONG, &[]).await;
    assert_eq!(statuses(&proxy, "/a", &[], 1).await, [200]);
    let mut client = proxy.client().await;
    client.send(request("GET", "/a", &[], b"")).await;
    let waits = [
        ("policy", "rate_limit"),
        ("verdict", "delayed"),
        ("route", "*/a"),
    ];
    proxy
        .await_metric("simplon_policy_verdicts_total", &waits, 1)
        .await;
    drop(client);
    let line = proxy
        .logged(|line| line["path"] == "/a" && line["status"] == 499)
        .await;
    assert_eq!(line["refusal"], "client_gone");
    assert!(line["policy"].is_null(), "{line}");

    let client = proxy.h2_client("localhost").await;
    assert_eq!(client.get("/b").await.status, 200);
    let waiting = client.start("/b").await;
    let waits = [
        ("policy", "rate_limit"),
        ("verdict", "delayed"),
        ("route", "*/b"),
    ];
    proxy
        .await_metric("simplon_policy_verdicts_total", &waits, 1)
        .await;
    drop(waiting); // which resets the stream
    proxy
        .logged(|line| line["path"] == "/b" && line["status"] == 499)
        .await;
}
