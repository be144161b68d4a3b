//! Clients without number.

use crate::harness::{Client, Origin, Proxy};

const CLIENTS: u32 = 10_000;
const AT_ONCE: u32 = 100;
/// In the table of the limit.
const KEYS: u64 = 1000;
const OFFENDER: &str = "203.0.113.9";

/// The status of one request in the name of this client.
async fn own(client: &mut Client, address: &str) -> u16 {
    let line = format!("x-forwarded-for: {address}");
    client.ask("GET", "/own", &[&line], b"").await.status()
}

#[tokio::test]
async fn many_addresses_behind_a_trusted_proxy_leave_nothing_in_memory() {
    let origin = Origin::saying("").await;
    let text = format!(
        "
        log: {{ access: off }}
        trusted_proxies: [127.0.0.1]
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes:
          - {{ path: /, upstream: web }}
          - {{ exact: /own, respond: {{ status: 200 }}, rate_limit: {{ rate: 5/h, burst: 5, max_keys: {KEYS} }} }}
    "
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    let mut offending = proxy.client().await;
    for status in [200, 200, 200, 200, 200, 429] {
        assert_eq!(own(&mut offending, OFFENDER).await, status);
    }
    let mut client = proxy.client().await;
    let resident = async || {
        let name = "process_resident_memory_bytes";
        proxy.metric(name, &[]).await.unwrap()
    };
    let mut before = 0;
    for first in (0..CLIENTS).step_by(AT_ONCE as usize) {
        if first == CLIENTS / 10 {
            before = resident().await; // now that it is warm
        }
        let requests = (first..first + AT_ONCE).map(|nth| {
            let address = std::net::Ipv4Addr::from(0x0b00_0000 + nth * 257);
            format!("GET /own HTTP/1.1\r\nhost: test\r\nx-forwarded-for: {address}\r\n\r\n")
        });
        client.send(requests.collect::<String>()).await;
        let mut closes = false;
        for _ in 0..AT_ONCE {
            let answer = client.response().await;
            assert_eq!(answer.status(), 200);
            closes = answer.field("connection") == Some("close");
        }
        if closes {
            client = proxy.client().await;
        }
    }
    assert_eq!(client.get("/").await.status(), 200);
    let grown = resident().await.saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes for {CLIENTS} clients");

    // The table of the limit is full, and whom it was for is still in it.
    let gone = u64::from(CLIENTS) + 1 - KEYS;
    for (series, value) in [
        ("simplon_limiter_keys", KEYS),
        ("simplon_limiter_evictions_total", gone),
    ] {
        assert_eq!(proxy.metric(series, &[]).await, Some(value), "{series}");
    }
    assert_eq!(own(&mut offending, OFFENDER).await, 429);
}
