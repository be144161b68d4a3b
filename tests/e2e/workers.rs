//! Workers: each accepts for itself, and they share their ports with nobody else.

use std::collections::BTreeSet;

use crate::harness::{Origin, Proxy, free_port, simplon, until};

const HI: &str = "
    workers: 2
    routes: [{ respond: { body: hi } }]
    ";

#[tokio::test]
async fn there_are_as_many_workers_as_configured() {
    for workers in [1, 5] {
        let text = format!(
            "
            workers: {workers}
            routes: [{{ respond: {{ body: hi }} }}]
            "
        );
        let proxy = Proxy::with(&text, &[]).await;
        assert_eq!(proxy.get("/").await.text(), "hi");
        until("all workers are there", async || {
            proxy.workers().len() == workers
        })
        .await;
        let page = proxy.admin("/stats").await.unwrap();
        let shown = format!("of {workers} worker");
        assert!(page.text().contains(&shown), "{}", page.text());
    }
}

#[tokio::test]
async fn with_two_workers_both_serve() {
    let proxy = Proxy::with(HI, &[]).await;
    let mut seen = BTreeSet::new();
    until("both workers have served", async || {
        let mut client = proxy.client().await;
        let before = proxy.workers();
        for _ in 0..100 {
            assert_eq!(client.get("/").await.text(), "hi");
        }
        let after = proxy.workers().into_iter();
        let mut worked: Vec<_> = after
            .map(|(name, time)| (time.saturating_sub(before[&name]), name))
            .collect();
        worked.sort();
        let [(idle, _), (busy, name)] = &worked[..] else {
            panic!("two workers: {worked:?}");
        };
        // The other one has had a connection to close at most.
        assert!(*idle < *busy / 4, "a connection stays: {worked:?}");
        seen.insert(name.clone());
        seen.len() == 2
    })
    .await;
}

#[tokio::test]
async fn each_worker_uses_its_own_connections_to_a_server_again() {
    let origin = Origin::saying("hello").await;
    let text = "
        workers: 2
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    for nth in 1..=32 {
        assert_eq!(proxy.get("/").await.text(), "hello");
        // An exchange is logged after its connection is given back.
        until("it is logged", async || proxy.access_log().len() == nth).await;
    }
    assert_eq!(origin.connections(), 2, "one for each");
}

#[tokio::test]
async fn a_second_edge_on_the_same_port_is_refused() {
    let proxy = Proxy::with(HI, &[]).await;
    let text = format!(
        "workers: 2\nlisteners: {{ http: {{ bind: 127.0.0.1:{} }} }}\nadmin: {{ bind: 127.0.0.1:{} }}\n\
         control: $dir/control.sock\nstate: $dir/state\nroutes: [{{ respond: {{ body: other }} }}]\n",
        proxy.http(),
        free_port()
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("simplon.yaml");
    let text = text.replace("$dir", directory.path().to_str().unwrap());
    std::fs::write(&file, text).unwrap();
    let ended = simplon(&format!("run -c {}", file.display())).await;
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    let refused = format!(
        "cannot listen on 127.0.0.1:{}: another process uses this port",
        proxy.http()
    );
    assert!(ended.errors.contains(&refused), "{}", ended.errors);
    assert!(ended.errors.contains("hint:"), "{}", ended.errors);
    for _ in 0..16 {
        assert_eq!(proxy.get("/").await.text(), "hi");
    }
}
