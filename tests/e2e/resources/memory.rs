//! More memory in use than is allowed.

use std::time::Duration;

use tokio::time::sleep;

use crate::harness::{Origin, Proxy, Reply, Setup};

fn limited(limit: &str) -> String {
    format!(
        "
        memory_limit: {limit}
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

async fn gauge(proxy: &Proxy, name: &str) -> Option<u64> {
    proxy.metric(name, &[]).await
}

#[tokio::test]
async fn beyond_the_memory_limit_nobody_new_is_let_in_and_idle_connections_end() {
    let origin = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(Duration::from_secs(10)),
        _ => Reply::ok("hello"),
    })
    .await;
    let proxy = Proxy::with(&limited("64GiB"), &[&origin]).await;
    let (mut idle, mut busy) = (proxy.client().await, proxy.client().await);
    assert_eq!(idle.get("/").await.status(), 200);
    busy.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
    proxy
        .await_metric("simplon_connections", &[("listener", "http")], 2)
        .await;

    proxy.rewrite(&limited("1MiB")); // the program alone is more
    proxy.reload().await;
    proxy.await_metric("simplon_memory_short", &[], 1).await;
    let limit = gauge(&proxy, "simplon_memory_limit_bytes").await;
    assert_eq!(limit, Some(1 << 20));
    proxy.client().await.expect_end().await;
    let name = "simplon_connections_refused_total";
    let memory = [("listener", "http"), ("reason", "memory")];
    assert_eq!(proxy.metric(name, &memory).await, Some(1));
    // Each has its turn within eight seconds, and who carries a request is none of them.
    idle.expect_end().await;
    assert_eq!(busy.response().await.text(), "slow");
    let relief = [("listener", "http"), ("reason", "relief")];
    assert!(proxy.metric(name, &relief).await > Some(0));

    // What is resident is no client's by now, and keeps nobody out.
    drop(busy);
    proxy.await_metric("simplon_memory_short", &[], 0).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    for words in ["new connections are closed", "new connections are let in"] {
        let lines = proxy.errors().lines();
        let told = lines.iter().filter(|line| line.contains(words)).count();
        assert_eq!(told, 1, "{lines:#?}");
    }

    proxy.rewrite(&limited("off"));
    proxy.reload().await;
    proxy
        .await_metric("simplon_memory_limit_bytes", &[], 0)
        .await;
    assert_eq!(proxy.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_limit_that_is_not_reached_changes_nothing() {
    let origin = Origin::saying("hello").await;
    let setup = Setup::of(&limited("64GiB")).before(&[&origin]);
    let proxy = setup.start().await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.status(), 200);
        sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(gauge(&proxy, "simplon_memory_short").await, Some(0));
}
