//! Limits that nodes share through a real Redis server, and what becomes of them without it.

mod failing;
mod places;
mod reloading;
mod script;
mod sharing;

use crate::harness::{Client, Proxy, Redis, free_port};

const UP: &str = "simplon_limits_store_up";
const CHECKS: &str = "simplon_limits_store_checks_total";

/// One route with these limits, shared at `store`, which may be a URL or a mapping.
fn site(store: &str, limits: &str) -> String {
    format!(
        "
        limits_store: {store}
        routes: [{{ respond: {{ body: hello }}, rate_limit: {limits} }}]
        "
    )
}

/// An edge with these limits. Its store has been tried when it is ready, and may take its time on a busy machine.
async fn edge(store: &Redis, limits: &str) -> Proxy {
    Proxy::with(&site(&patient(store), limits), &[]).await
}

/// This store, which may take its time.
fn patient(store: &Redis) -> String {
    format!("{{ url: {store}, timeout: 5s }}")
}

/// The same with more to say of the store.
async fn edge_with(store: &Redis, keys: &str, limits: &str) -> Proxy {
    let store = format!("{{ url: {store}, {keys} }}");
    Proxy::with(&site(&store, limits), &[]).await
}

/// A URL at which nobody listens.
fn nobody() -> String {
    format!("redis://127.0.0.1:{}", free_port())
}

/// The statuses of so many requests, one after the other.
async fn statuses(proxy: &Proxy, count: usize) -> Vec<u16> {
    let mut client = proxy.client().await;
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(status(&mut client).await);
    }
    statuses
}

async fn status(client: &mut Client) -> u16 {
    client.get("/").await.status()
}

/// How many checks ended so.
async fn checks(proxy: &Proxy, result: &str) -> u64 {
    let labels = [("result", result)];
    proxy.metric(CHECKS, &labels).await.unwrap()
}
