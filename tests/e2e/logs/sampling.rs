//! A share of requests has a line; what an operator must not miss always has one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Origin, Proxy, Reply};

const LEFT_OUT: &str = "simplon_access_log_sampled_out_total";

fn site(log: &str) -> String {
    format!(
        "
    upstreams: {{ web: {{ servers: [$1] }} }}
    routes: [{{ upstream: web }}]
    log: {log}
    "
    )
}

async fn origin() -> Origin {
    Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(Duration::from_millis(400)),
        "/ill" => Reply::new(500, "ill"),
        "/missing" => Reply::new(404, "missing"),
        _ => Reply::ok("quick"),
    })
    .await
}

fn marks(line: &Value) -> [&Value; 2] {
    [&line["slow"], &line["sample"]]
}

#[tokio::test]
async fn errors_and_slow_requests_have_their_lines_at_any_share() {
    let origin = origin().await;
    let proxy = Proxy::with(&site("{ sample: 0%, slow: 300ms }"), &[&origin]).await;
    let mut client = proxy.client().await;
    for path in ["/quick", "/missing", "/slow", "/ill", "/quick"] {
        client.get(path).await;
    }
    proxy.await_metric(LEFT_OUT, &[], 3).await;
    let slow = proxy.logged(|line| line["path"] == "/slow").await;
    assert_eq!(marks(&slow), [&json!(true), &Value::Null]);
    let ill = proxy.logged(|line| line["path"] == "/ill").await;
    assert_eq!(marks(&ill), [&json!(false), &Value::Null]);
    assert_eq!(proxy.access_log().len(), 2);

    // All are wanted from here on, and a slow one is still told apart.
    proxy.rewrite(&site("{ slow: 300ms }"));
    proxy.reload().await;
    client.get("/all").await;
    let line = proxy.logged(|line| line["path"] == "/all").await;
    assert_eq!(marks(&line), [&json!(false), &Value::Null]);
    assert_eq!(proxy.metric(LEFT_OUT, &[]).await, Some(3));
}

#[tokio::test]
async fn lines_that_were_drawn_say_for_how_many_requests_they_stand() {
    let origin = origin().await;
    let proxy = Proxy::with(&site("{ sample: 50% }"), &[&origin]).await;
    let mut client = proxy.client().await;
    for _ in 0..200 {
        client.get("/").await;
    }
    client.get("/ill").await;
    // The last line of all is there, so all before it are.
    proxy.logged(|line| line["path"] == "/ill").await;
    let drawn: Vec<_> = proxy
        .access_log()
        .into_iter()
        .filter(|line| line["path"] == "/")
        .collect();
    // Less likely to fail than the machine: beyond seven standard deviations.
    assert!((50..=150).contains(&drawn.len()), "{}", drawn.len());
    assert!(drawn.iter().all(|line| line["sample"] == json!(0.5)));
    let left_out = proxy.metric(LEFT_OUT, &[]).await.unwrap();
    assert_eq!(left_out + drawn.len() as u64, 200);
}
