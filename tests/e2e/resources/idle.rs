//! Connections that are open, and on which nothing happens.

use crate::harness::{Hands, Origin, Proxy};

const WARM: usize = 200;
const MANY: usize = 1200;
/// Bytes for each in user space; measured are 6 KiB, and the peers hold 14 and 15 (`benches/README.md`). The rest is for what
/// a build for tests and the allocator's pages add. One buffer of TLS or the room of one exchange, kept for each, is more.
const LITTLE: u64 = 10 << 10;

#[tokio::test]
async fn an_idle_tls_connection_holds_little() {
    let origin = Origin::saying("hello").await;
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate, limits: { connections_per_client: 2000 } } }
        certificates: [{ hosts: localhost, self_signed: true }]
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let hands = Hands::new(&proxy.trust());
    let mut idle = Vec::new();
    let mut before = 0;
    while idle.len() < MANY {
        if idle.len() == WARM {
            before = proxy.memory();
        }
        let entered = hands.enter(proxy.https(), "localhost").await.unwrap();
        assert_eq!(entered.answer.text(), "hello");
        idle.push(entered.client);
    }
    let grown = proxy.memory().saturating_sub(before);
    let each = grown / (MANY - WARM) as u64;
    assert!(each < LITTLE, "{each} bytes for each connection");
    // They are all still there.
    for client in &mut idle {
        assert_eq!(
            client
                .ask("GET", "/", &["host: localhost"], b"")
                .await
                .text(),
            "hello"
        );
    }
}
