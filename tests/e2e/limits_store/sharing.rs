//! What nodes share.

use tokio::task::JoinSet;

use super::{CHECKS, UP, checks, edge, site, status, statuses};
use crate::harness::{Proxy, Redis};

#[tokio::test]
async fn two_edges_share_one_limit() {
    let redis = Redis::start().await;
    let limits = "{ rate: 5/1d }";
    let (one, other) = (edge(&redis, limits).await, edge(&redis, limits).await);
    assert_eq!(statuses(&one, 2).await, [200, 200]);
    let answer = other.get("/").await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer
            .field("ratelimit")
            .unwrap()
            .starts_with("\"default\";r=2;t=")
    );
    assert_eq!(statuses(&one, 1).await, [200]);
    assert_eq!(statuses(&other, 2).await, [200, 429]);
    let answer = one.get("/").await;
    assert_eq!(answer.status(), 429);
    assert!(
        answer
            .field("ratelimit")
            .unwrap()
            .starts_with("\"default\";r=0;t=")
    );
    // A fifth of a day, less the moments since the first request.
    let after: u64 = answer.field("retry-after").unwrap().parse().unwrap();
    assert!((17_200..=17_280).contains(&after), "{after}");
    for proxy in [one, other] {
        assert_eq!(proxy.metric(UP, &[]).await, Some(1));
        proxy
            .errors()
            .await_line("limits are shared at 127.0.0.1:")
            .await;
    }
}

#[tokio::test]
async fn of_two_hundred_requests_at_once_at_two_edges_as_many_pass_as_the_bucket_holds() {
    let redis = Redis::start().await;
    let limits = "{ rate: 50/1d }";
    let edges = [edge(&redis, limits).await, edge(&redis, limits).await];
    let mut clients = Vec::new();
    for nth in 0..200 {
        clients.push(edges[nth % 2].client().await);
    }
    let mut asking: JoinSet<u16> = JoinSet::new();
    for mut client in clients {
        asking.spawn(async move { status(&mut client).await });
    }
    let statuses = asking.join_all().await;
    let with = |status| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((with(200), with(429)), (50, 150));
}

#[tokio::test]
async fn a_request_with_two_limits_asks_once_and_spends_from_both_or_none() {
    let redis = Redis::start().await;
    let limits = "[{ name: many, rate: 100/1d }, { name: few, rate: 3/1d, by: 'header:x-key' }]";
    let (one, other) = (edge(&redis, limits).await, edge(&redis, limits).await);
    let asked = async |proxy: &Proxy, key: &str| {
        let mut client = proxy.client().await;
        let key = format!("x-key: {key}");
        let answer = client.ask("GET", "/", &[&key], b"").await;
        let field = answer.field("ratelimit").unwrap();
        let left = field.split(';').nth(1).unwrap().to_owned();
        (answer.status(), left)
    };
    for left in ["r=99", "r=98", "r=97"] {
        assert_eq!(asked(&one, "a").await, (200, left.to_owned()));
    }
    // The other edge does not know yet that there are too few left; the store tells it.
    for _ in 0..3 {
        assert_eq!(asked(&other, "a").await, (429, "r=97".to_owned()));
    }
    assert_eq!(asked(&other, "b").await, (200, "r=96".to_owned()));
    // What the store refused the edge's own count has given back: alone it lets two more of `b` pass, and none of those was lost.
    assert_eq!(
        (checks(&one, "ok").await, checks(&other, "ok").await),
        (3, 4)
    );

    let calls = async || redis.info("commandstats", "cmdstat_evalsha:calls").await;
    let (before, begun) = (calls().await, std::time::Instant::now());
    let mut last = (0, String::new());
    for _ in 0..40 {
        last = asked(&one, "c").await;
    }
    // What the edge refuses by itself is spent from neither: it has let six pass, and knows of no others.
    assert_eq!(last, (429, "r=94".to_owned()));
    let trips = calls().await - before;
    // Forty, less what the edge refuses by itself, and with a look of each edge at its store every second.
    let looks = 2 * (begun.elapsed().as_secs() + 1);
    assert_eq!(checks(&one, "ok").await, 6);
    assert!((3..=3 + looks).contains(&trips), "{trips}");
}

#[tokio::test]
async fn what_a_client_has_hammered_for_in_vain_is_not_asked_of_the_store() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    assert_eq!(statuses(&proxy, 2).await, [200, 200]);
    assert_eq!(statuses(&proxy, 50).await, [429; 50]);
    assert_eq!(checks(&proxy, "ok").await, 2);
    assert_eq!(
        proxy
            .metric("simplon_limits_store_check_seconds_count", &[])
            .await,
        Some(2)
    );
}

#[tokio::test]
async fn a_limit_that_only_observes_is_shared_and_refuses_nobody() {
    let redis = Redis::start().await;
    let limits = "{ rate: 2/1d, mode: observe }";
    let (one, other) = (edge(&redis, limits).await, edge(&redis, limits).await);
    assert_eq!(statuses(&one, 2).await, [200, 200]);
    assert_eq!(statuses(&other, 2).await, [200, 200]);
    let labels = [("policy", "rate_limit"), ("verdict", "observed")];
    let verdicts = "simplon_policy_verdicts_total";
    assert_eq!(other.metric(verdicts, &labels).await, Some(2));
    assert_eq!(one.metric(verdicts, &labels).await, None);
    other
        .logged(|line| line["observed"] == serde_json::json!(["rate_limit"]))
        .await;
}

#[tokio::test]
async fn where_all_limits_observe_and_are_full_here_the_store_is_asked_nothing() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d, mode: observe }").await;
    assert_eq!(statuses(&proxy, 20).await, [200; 20]);
    assert_eq!(
        (checks(&proxy, "ok").await, checks(&proxy, "error").await),
        (2, 0)
    );
    assert_eq!(proxy.metric(UP, &[]).await, Some(1));
}

#[tokio::test]
async fn whoever_may_wait_waits_for_a_turn_that_all_edges_have_counted() {
    let redis = Redis::start().await;
    // One in five seconds, and one more may wait.
    let limits = "{ rate: 1/5s, burst: 1, delay: 9s }";
    let (one, other) = (edge(&redis, limits).await, edge(&redis, limits).await);
    let begun = std::time::Instant::now();
    assert_eq!(statuses(&one, 1).await, [200]);
    let mut waiting = other.client().await;
    let waits = tokio::spawn(async move { status(&mut waiting).await });
    let labels = [("policy", "rate_limit"), ("verdict", "delayed")];
    other
        .await_metric("simplon_policy_verdicts_total", &labels, 1)
        .await;
    assert_eq!(statuses(&one, 1).await, [429]);
    assert_eq!(waits.await.unwrap(), 200);
    assert!(begun.elapsed().as_millis() >= 4900, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn the_store_is_told_no_address_and_forgets_what_is_over() {
    let redis = Redis::start().await;
    let proxy = edge(
        &redis,
        "[{ rate: 1000/1s, burst: 1 }, { rate: 10/1d, by: 'header:x-token' }]",
    )
    .await;
    let mut client = proxy.client().await;
    let answer = client.ask("GET", "/", &["x-token: sesame"], b"").await;
    assert_eq!(answer.status(), 200);
    let keys = redis.ask(&["KEYS", "simplon:*"]).await;
    let mut kept = keys.lines().filter(|key| !key.contains("probe"));
    let key = kept.find(|key| key.contains("header:x-token")).unwrap();
    assert!(key.starts_with("simplon:{*/|2|header:x-token}:"), "{key}");
    assert!(
        !keys.contains("sesame") && !keys.contains("127.0.0.1"),
        "{keys}"
    );
    let value = redis.ask(&["GET", key]).await;
    let left: u64 = redis.ask(&["PTTL", key]).await.parse().unwrap();
    assert!(left <= 8_640_000 && left > 8_600_000, "{left}, {value}");
    crate::harness::until("the other key is forgotten", async || {
        !redis
            .ask(&["KEYS", "simplon:*"])
            .await
            .contains("client_ip")
    })
    .await;
}

#[tokio::test]
async fn without_a_store_there_are_no_metrics_of_one() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 2/1d }").await;
    assert_eq!(proxy.metric(UP, &[]).await, Some(1));
    proxy.rewrite(&site("", "{ rate: 2/1d }").replace("limits_store:", "# none"));
    proxy.reload().await;
    crate::harness::until("the series are gone", async || {
        let answer = proxy.admin("/metrics").await.unwrap();
        let text = answer.text();
        !text.contains(UP) && !text.contains(CHECKS)
    })
    .await;
}
