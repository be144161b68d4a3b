//! Who is let in: by network, by country, and by what a request looks like.

mod blocking;
mod countries;
mod networks;

use serde_json::Value;

use crate::harness::{Message, Proxy};

/// What a client behind a trusted proxy gets.
async fn asked_by(proxy: &Proxy, client: &str, path: &str) -> Message {
    let line = format!("x-forwarded-for: {client}");
    proxy.client().await.ask("GET", path, &[&line], b"").await
}

/// The line of the access log about this answer.
async fn logged(proxy: &Proxy, answer: &Message) -> Value {
    let id = answer.request_id();
    proxy.logged(|line| line["request_id"] == id).await
}

/// How often this policy of this route made this of a request.
async fn ruled(proxy: &Proxy, policy: &str, verdict: &str) -> u64 {
    let labels = [("policy", policy), ("verdict", verdict)];
    let count = proxy.metric("simplon_policy_verdicts_total", &labels).await;
    count.unwrap_or(0)
}
