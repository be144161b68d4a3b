//! Stores over reloads.

use super::{UP, checks, edge, patient, site, statuses};
use crate::harness::{Redis, until};

/// Connections of edges, by their numbers; ours, which asks, is not among them.
async fn connections(redis: &Redis) -> Vec<String> {
    let list = redis.ask(&["CLIENT", "LIST"]).await;
    let edges = list
        .lines()
        .filter(|line| line.contains("lib-name=simplon") || !line.contains("cmd=client"));
    edges
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_reload_that_leaves_the_store_alone_keeps_its_connection() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 5/1d }").await;
    let before = connections(&redis).await;
    assert_eq!(before.len(), 1);
    assert_eq!(statuses(&proxy, 2).await, [200, 200]);
    proxy.rewrite(&site(&patient(&redis), "{ rate: 3/1d }"));
    proxy.reload().await;
    assert_eq!(connections(&redis).await, before);
    // The state is one of moments, and goes on with another rate.
    assert_eq!(statuses(&proxy, 2).await, [200, 429]);
}

#[tokio::test]
async fn another_store_takes_over_and_the_first_is_left() {
    let (first, second) = (Redis::start().await, Redis::start().await);
    let proxy = edge(&first, "{ rate: 5/1d }").await;
    assert_eq!(connections(&first).await.len(), 1);
    proxy.rewrite(&site(&patient(&second), "{ rate: 5/1d }"));
    proxy.reload().await;
    until("the first is left", async || {
        connections(&first).await.is_empty()
    })
    .await;
    assert_eq!(connections(&second).await.len(), 1);
    assert_eq!(statuses(&proxy, 1).await, [200]);
    let labels = [("store", &*format!("127.0.0.1:{}", second.port()))];
    assert_eq!(proxy.metric(UP, &labels).await, Some(1));
    assert_eq!(checks(&proxy, "ok").await, 1);
}

#[tokio::test]
async fn a_store_that_is_removed_is_left() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 5/1d }").await;
    assert_eq!(connections(&redis).await.len(), 1);
    assert_eq!(statuses(&proxy, 3).await, [200; 3]);
    proxy.rewrite("routes: [{ respond: { body: hello }, rate_limit: { rate: 5/1d } }]\n");
    proxy.reload().await;
    until("it is left", async || connections(&redis).await.is_empty()).await;
    assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn a_change_of_the_timeout_alone_counts_on_where_it_was() {
    let redis = Redis::start().await;
    let proxy = edge(&redis, "{ rate: 5/1d }").await;
    assert_eq!(statuses(&proxy, 3).await, [200; 3]);
    proxy.rewrite(&site(
        &format!("{{ url: {redis}, timeout: 1s }}"),
        "{ rate: 5/1d }",
    ));
    proxy.reload().await;
    until("one connection is left", async || {
        connections(&redis).await.len() == 1
    })
    .await;
    assert_eq!(proxy.metric(UP, &[]).await, Some(1));
    assert_eq!(statuses(&proxy, 3).await, [200, 200, 429]);
    assert_eq!(checks(&proxy, "ok").await, 5);
}
