//! Limits of rates and of concurrency: who is stopped, what clients and operators are told, and what outlives a reload.
//!
//! Rates are of a few requests an hour, so that nothing depends on how quick the machine is.

mod clients;
mod in_flight;
mod reloading;
mod told;
mod waiting;

use crate::harness::{Message, Proxy};

/// Both fields of a response.
fn fields(answer: &Message) -> [Vec<&str>; 2] {
    [answer.all("ratelimit-policy"), answer.all("ratelimit")]
}

/// The statuses of so many requests, each on a connection of its own.
async fn statuses(proxy: &Proxy, path: &str, lines: &[&str], times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        let answer = proxy.client().await.ask("GET", path, lines, b"").await;
        statuses.push(answer.status());
    }
    statuses
}

/// How often a policy decided so, on all routes that lead to `upstream`.
async fn verdicts(proxy: &Proxy, policy: &str, verdict: &str) -> u64 {
    let labels = [("policy", policy), ("verdict", verdict)];
    let found = proxy.metric("simplon_policy_verdicts_total", &labels).await;
    found.unwrap_or(0)
}
