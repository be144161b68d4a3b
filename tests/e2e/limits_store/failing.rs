//! Stores that are slow, gone, or no stores.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt, net::TcpListener, task::JoinSet};

use super::{CHECKS, UP, checks, edge, edge_with, nobody, site, status, statuses};
use crate::harness::{Client, Proxy, Redis, free_port, until};

/// Clients that ask until they are told to stop, and what they were answered.
struct Crowd {
    stop: Arc<AtomicBool>,
    clients: JoinSet<Vec<u16>>,
}

impl Crowd {
    async fn at(proxy: &Proxy, count: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for nth in 0..count {
            let (stop, mut client) = (Arc::clone(&stop), proxy.client().await);
            clients.spawn(async move {
                let key = format!("x-key: {nth}");
                let mut statuses = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    statuses.push(client.ask("GET", "/", &[&key], b"").await.status());
                }
                statuses
            });
        }
        Self { stop, clients }
    }

    async fn end(self) -> Vec<u16> {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.concat()
    }
}

#[tokio::test]
async fn a_killed_store_costs_no_client_an_error_and_is_used_again_when_it_is_back() {
    let mut redis = Redis::start().await;
    let proxy = edge_with(
        &redis,
        "timeout: 1s",
        "{ rate: 1000/s, by: 'header:x-key' }",
    )
    .await;
    let crowd = Crowd::at(&proxy, 16).await;
    until("the store is asked", async || {
        checks(&proxy, "ok").await > 100
    })
    .await;
    redis.kill().await;
    proxy.await_metric(UP, &[], 0).await;
    let skipped = checks(&proxy, "skipped").await;
    until("requests go on", async || {
        checks(&proxy, "skipped").await > skipped + 100
    })
    .await;
    let line = proxy.errors().await_line("cannot be used").await;
    assert!(
        line.contains("WARN") && line.contains("each node counts for itself"),
        "{line}"
    );

    redis.start_again().await;
    proxy.await_metric(UP, &[], 1).await;
    proxy
        .errors()
        .await_line("is back, limits are shared again")
        .await;
    let ok = checks(&proxy, "ok").await;
    until("the store is asked again", async || {
        checks(&proxy, "ok").await > ok + 100
    })
    .await;
    let statuses = crowd.end().await;
    let odd = statuses.iter().find(|status| !matches!(status, 200 | 429));
    assert_eq!(odd, None, "of {} answers", statuses.len());
    assert!(statuses.iter().filter(|status| **status == 200).count() > 300);
    let warnings = proxy.errors().lines();
    let warnings = warnings
        .iter()
        .filter(|line| line.contains("limits_store") && line.contains("WARN"));
    assert_eq!(warnings.count(), 1);
}

#[tokio::test]
async fn a_stalled_store_costs_at_most_the_timeout_and_soon_nothing() {
    let redis = Redis::start().await;
    let proxy = edge_with(&redis, "timeout: 150ms", "{ rate: 1000/1d }").await;
    assert_eq!(statuses(&proxy, 3).await, [200; 3]);
    redis.stall();
    let mut client = proxy.client().await;
    let mut slow = 0;
    while proxy.metric(UP, &[]).await == Some(1) {
        let begun = Instant::now();
        assert_eq!(status(&mut client).await, 200);
        let took = begun.elapsed();
        slow += usize::from(took >= Duration::from_millis(150));
        // What is beyond the timeout is the machine's.
        assert!(
            took < Duration::from_millis(150) + Duration::from_secs(2),
            "{took:?}"
        );
    }
    // Eight that came too late are enough, unless it was found out without them.
    assert!((1..=8).contains(&slow), "{slow}");
    let lost = checks(&proxy, "timeout").await + checks(&proxy, "error").await;
    assert!((1..=8).contains(&lost), "{lost}");
    assert_eq!(statuses(&proxy, 20).await, [200; 20]);
    assert!(checks(&proxy, "skipped").await >= 20);
    assert_eq!(
        checks(&proxy, "timeout").await + checks(&proxy, "error").await,
        lost
    );
    redis.go_on();
    proxy.await_metric(UP, &[], 1).await;
    let ok = checks(&proxy, "ok").await;
    assert_eq!(statuses(&proxy, 1).await, [200]);
    assert_eq!(checks(&proxy, "ok").await, ok + 1);
}

#[tokio::test]
async fn a_store_that_stalls_while_nobody_asks_is_missed_all_the_same() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 5/1d }").await;
    assert_eq!(proxy.metric(UP, &[]).await, Some(1));
    redis.stall();
    proxy.await_metric(UP, &[], 0).await;
    proxy.errors().await_line("no answer within 1s").await;
    assert_eq!(checks(&proxy, "timeout").await, 0);
    redis.go_on();
    proxy.await_metric(UP, &[], 1).await;
}

#[tokio::test]
async fn nobody_begins_anew_when_the_store_goes_or_forgets() {
    let mut redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 4/1d }").await;
    assert_eq!(statuses(&proxy, 3).await, [200; 3]);
    redis.kill().await;
    proxy.await_metric(UP, &[], 0).await;
    assert_eq!(statuses(&proxy, 3).await, [200, 429, 429]);
    redis.start_again().await; // and it has forgotten everything
    proxy.await_metric(UP, &[], 1).await;
    assert_eq!(statuses(&proxy, 2).await, [429, 429]);
}

#[tokio::test]
async fn a_store_that_has_forgotten_the_script_is_told_again() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 5/1d }").await;
    assert_eq!(statuses(&proxy, 2).await, [200; 2]);
    assert_eq!(redis.ask(&["SCRIPT", "FLUSH"]).await, "OK");
    assert_eq!(statuses(&proxy, 4).await, [200, 200, 200, 429]);
    assert_eq!(
        (checks(&proxy, "ok").await, checks(&proxy, "error").await),
        (5, 0)
    );
    assert_eq!(proxy.metric(UP, &[]).await, Some(1));
}

#[tokio::test]
async fn the_configuration_says_what_becomes_of_requests_meanwhile() {
    for (on_failure, statuses_then, says) in [
        ("local", [200, 200, 429], "each node counts for itself"),
        ("allow", [200, 200, 200], "nothing is limited"),
        (
            "refuse",
            [503, 503, 503],
            "requests with limits are refused",
        ),
    ] {
        let store = format!("{{ url: '{}', on_failure: {on_failure} }}", nobody());
        let proxy = Proxy::with(&site(&store, "{ rate: 2/1d }"), &[]).await;
        let line = proxy.errors().await_line("cannot be used").await;
        assert!(line.contains(says), "{line}");
        assert_eq!(proxy.metric(UP, &[]).await, Some(0));
        assert_eq!(statuses(&proxy, 3).await, statuses_then, "{on_failure}");
    }
}

#[tokio::test]
async fn a_refusal_for_want_of_a_store_says_so_to_operators_alone() {
    let store = format!("{{ url: '{}', on_failure: refuse }}", nobody());
    let text = format!(
        "
        limits_store: {store}
        routes:
          - {{ path: /limited, respond: {{ body: hello }}, rate_limit: {{ rate: 2/1d }} }}
          - {{ path: /observed, respond: {{ body: hello }}, rate_limit: {{ rate: 2/1d, mode: observe }} }}
          - {{ path: /free, respond: {{ body: hello }} }}
        "
    );
    let proxy = Proxy::with(&text, &[]).await;
    let answer = proxy.get("/limited").await;
    assert_eq!(answer.status(), 503);
    assert!(!answer.text().contains("store"), "{}", answer.text());
    let line = proxy.logged(|line| line["status"] == 503).await;
    assert_eq!(
        (&line["refusal"], &line["policy"]),
        (&"limits_store".into(), &"rate_limit".into())
    );
    let labels = [("reason", "limits_store")];
    assert_eq!(
        proxy.metric("simplon_refusals_total", &labels).await,
        Some(1)
    );
    for path in ["/observed", "/free"] {
        assert_eq!(proxy.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(
        proxy.metric(CHECKS, &[("result", "skipped")]).await,
        Some(2)
    );
}

/// A server that greets everybody with these words and listens to nobody; its URL.
async fn stranger(greeting: &'static [u8]) -> String {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(async move {
        let mut callers = Vec::new();
        while let Ok((mut caller, _)) = listener.accept().await {
            caller.write_all(greeting).await.ok();
            callers.push(caller);
        }
    });
    format!("redis://127.0.0.1:{port}")
}

#[tokio::test]
async fn what_is_no_redis_server_is_no_store_and_costs_nobody_anything() {
    for (greeting, says) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "no Redis server"),
        (b"220 mail.lan ESMTP\r\n", "no Redis server"),
        (b"", "no answer within 2s"),
    ] {
        let store = stranger(greeting).await;
        let proxy = Proxy::with(&site(&store, "{ rate: 2/1d }"), &[]).await;
        proxy.errors().await_line(says).await;
        assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
        assert_eq!(checks(&proxy, "skipped").await, 2);
    }
}

#[tokio::test]
async fn a_store_that_cannot_write_is_no_store() {
    let redis = Redis::with(&["--replicaof", "127.0.0.1 1"]).await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    let line = proxy.errors().await_line("cannot be used").await;
    assert!(line.contains("read only replica"), "{line}");
    assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
    assert_eq!(redis.ask(&["REPLICAOF", "NO", "ONE"]).await, "OK");
    proxy.await_metric(UP, &[], 1).await;
}

#[tokio::test]
async fn a_key_of_somebody_elses_making_does_no_harm() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    assert_eq!(status(&mut Client::connect(proxy.http()).await).await, 200);
    let keys = redis.ask(&["KEYS", "*client_ip*"]).await;
    for rubbish in ["", "x", "99999999999999999999999 5", "1 2 3"] {
        redis.ask(&["SET", &keys, rubbish]).await;
        let one = edge(&redis, "{ rate: 2/1d }").await;
        let first = statuses(&one, 1).await;
        // A moment far ahead is a full bucket; what cannot be read is an empty one.
        let expected = if rubbish.starts_with('9') { 429 } else { 200 };
        assert_eq!(first, [expected], "{rubbish}");
        assert_eq!(checks(&one, "ok").await, 1);
    }
    redis.ask(&["DEL", &keys]).await;
    redis.ask(&["LPUSH", &keys, "a list"]).await;
    let one = edge(&redis, "{ rate: 2/1d }").await;
    assert_eq!(statuses(&one, 1).await, [200]);
    assert_eq!(checks(&one, "ok").await, 1);
}
