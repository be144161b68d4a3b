//! What one client does on a connection to a server that others use too.

use super::{WITH_TLS, narrow};
use crate::harness::{Frames, H2Origin, Proxy, frames::RST_STREAM, until};

/// In front of a server with HTTP/2, with both kinds of clients.
async fn before(origin: &H2Origin) -> Proxy {
    let text = WITH_TLS
        .replace("https:", "http: { bind: 127.0.0.1:$http }\n      https:")
        .replace(
            "servers: [$1]",
            &format!("protocol: h2c, servers: ['{origin}']"),
        );
    Proxy::with(&text, &[]).await
}

#[tokio::test]
async fn who_reads_nothing_holds_up_nobody_else_by_http_2() {
    let origin = H2Origin::start().await;
    let proxy = before(&origin).await;
    assert_eq!(proxy.get("/").await.status(), 200); // the connection is there
    let mut frames = narrow(&proxy, 0).await;
    for nth in 1..=90 {
        frames.get(2 * nth - 1, "/large").await.unwrap();
        let asked = usize::try_from(nth).unwrap() + 1;
        until("it is asked for", async || origin.heads().len() == asked).await;
    }
    // As much comes as ever will.
    let mut held = 0;
    until("nothing moves any more", async || {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        std::mem::replace(&mut held, proxy.memory()) + (64 << 10) > proxy.memory()
    })
    .await;
    for _ in 0..20 {
        let mut client = proxy.client().await;
        let answer = client.ask("POST", "/", &["host: localhost"], b"x").await;
        assert_eq!(answer.text(), "echo: x");
    }
    // Pingora may look for the connection while it hands it on, and then opens another.
    let connections = origin.connections();
    assert!(
        connections <= 5,
        "{connections} connections, so who shared any?"
    );
}

#[tokio::test]
async fn who_takes_requests_back_does_so_on_a_connection_of_its_own() {
    let origin = H2Origin::start().await;
    let proxy = before(&origin).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    let mut frames = Frames::begin(&proxy).await;
    for nth in 0..150 {
        let stream = 2 * nth + 1;
        frames.get(stream, "/never").await.unwrap();
        let asked = usize::try_from(nth).unwrap() + 2;
        until("the server hears of it", async || {
            origin.heads().len() == asked
        })
        .await;
        frames
            .send(RST_STREAM, 0, stream, &[0, 0, 0, 8])
            .await
            .unwrap();
        until("and that it is taken back", async || {
            origin.resets(0).1 + 1 == asked
        })
        .await;
    }
    let (on_ours, all) = origin.resets(0);
    assert_eq!(all, 150);
    // A quarter of what it may take back, and what time gives it meanwhile.
    assert!(
        (51..140).contains(&on_ours),
        "{on_ours} on the connection of all"
    );
    assert_eq!(proxy.get("/").await.status(), 200);
    assert_eq!(origin.connections(), 2);
}
