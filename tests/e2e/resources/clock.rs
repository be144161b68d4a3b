//! A clock that jumps.

use std::time::Duration;

use crate::harness::{Clock, Origin, Reply, Setup, until};

#[tokio::test]
async fn a_clock_that_jumps_by_days_fires_no_deadline_and_the_log_follows_it() {
    let origin = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(Duration::from_secs(1)),
        _ => Reply::ok("hello"),
    })
    .await;
    let clock = Clock::off_by("+0d");
    let proxy = Setup::of(
        "
        listeners:
          http: { bind: 127.0.0.1:$http }
          https: { bind: 127.0.0.1:$https, tls: intermediate }
        certificates: [{ hosts: localhost, self_signed: true, default: true }]
        upstreams: { web: { servers: [$1], health: { tcp: true, interval: 100ms } } }
        routes: [{ upstream: web }]
        ",
    )
    .before(&[&origin])
    .by(&clock)
    .start()
    .await;
    let mut kept = proxy.client().await;
    let mut secure = proxy.tls_client("localhost").await;
    let h2 = proxy.h2_client("localhost").await;
    let host = ["host: localhost"];
    let mut years = Vec::new();
    for offset in ["+0d", "+30d", "-60d", "+4000d", "+0d"] {
        let mut slow = proxy.client().await;
        slow.send("GET /slow HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let mut sending = proxy.client().await;
        let head = "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\n1";
        sending.send(head).await;
        clock.set(offset);
        let path = format!("/{offset}");
        assert_eq!(kept.get(&path).await.text(), "hello", "{offset}");
        let answer = secure.ask("GET", "/", &host, b"").await;
        assert_eq!(answer.text(), "hello", "{offset}");
        assert_eq!(h2.get("/").await.body, b"hello", "{offset}");
        assert_eq!(slow.response().await.text(), "slow", "{offset}");
        sending.send("2").await;
        assert_eq!(sending.response().await.text(), "hello", "{offset}");
        assert_eq!(proxy.get("/").await.status(), 200, "{offset}");
        let line = proxy.logged(|line| line["path"] == *path).await;
        years.push(line["time"].as_str().unwrap()[..10].to_owned());
    }
    let mut sorted = years.clone();
    sorted.sort();
    let order = |nth: usize| sorted.iter().position(|year| *year == years[nth]).unwrap();
    assert_eq!([2, 0, 1, 3].map(order), [0, 1, 3, 4], "{years:?}");
    until("the server is up", async || {
        let labels = [("upstream", "web"), ("server", &*origin.to_string())];
        proxy.metric("simplon_server_up", &labels).await == Some(1)
    })
    .await;
    assert!(!proxy.errors().has("panicked") && !proxy.errors().has("is down"));
    assert_eq!(proxy.metric("simplon_panics_total", &[]).await, Some(0));
}
