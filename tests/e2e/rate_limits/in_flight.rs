//! Limits of concurrency: what is under way counts until it is over, however it ends.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::verdicts;
use crate::harness::{Client, Origin, Proxy, Reply, request};

const SITE: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web, max_in_flight: { max: 1 } }]
    ";

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A server that answers `/` at once, `/wait` when it is allowed to, `/die` never, and agrees to a tunnel.
async fn patient(allowed: &Arc<Semaphore>) -> Origin {
    let allowed = Arc::clone(allowed);
    Origin::scripted(move |head, mut wire| {
        let allowed = Arc::clone(&allowed);
        async move {
            match head.target() {
                "/die" => {
                    allowed.acquire().await.unwrap().forget();
                    return None;
                }
                "/chat" => {
                    wire.send(AGREED).await;
                    while wire.awaits_more().await && wire.read_exactly(1).await.is_ok() {}
                    return None;
                }
                "/wait" => allowed.acquire().await.unwrap().forget(),
                _ => {}
            }
            Reply::ok("here").write(wire, "GET").await.unwrap_or(None)
        }
    })
    .await
}

async fn await_keys(proxy: &Proxy, count: u64) {
    let labels = [("policy", "max_in_flight"), ("limit", "*/: default")];
    proxy
        .await_metric("simplon_limiter_keys", &labels, count)
        .await;
}

/// Begins a request and waits until it counts.
async fn begin(proxy: &Proxy, bytes: impl AsRef<[u8]>) -> Client {
    let mut client = proxy.client().await;
    client.send(bytes).await;
    await_keys(proxy, 1).await;
    client
}

/// One more is refused, until what is under way is over.
async fn assert_taken(proxy: &Proxy) {
    let refused = proxy.get("/").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.field("retry-after"), Some("1"));
    let refused = proxy.h2_client("localhost").await.get("/").await;
    assert_eq!(refused.status, 429);
}

async fn assert_free(proxy: &Proxy) {
    await_keys(proxy, 0).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    await_keys(proxy, 0).await;
}

#[tokio::test]
async fn a_request_counts_until_its_response_has_ended() {
    let allowed = Arc::new(Semaphore::new(0));
    let origin = patient(&allowed).await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = begin(&proxy, request("GET", "/wait", &[], b"")).await;
    assert_taken(&proxy).await;
    allowed.add_permits(1);
    assert_eq!(client.response().await.text(), "here");
    assert_free(&proxy).await;
    assert_eq!(verdicts(&proxy, "max_in_flight", "refused").await, 2);
    assert_eq!(verdicts(&proxy, "max_in_flight", "passed").await, 2);
    let line = proxy.logged(|line| line["status"] == 429).await;
    assert_eq!(line["policy"], "max_in_flight");
    assert_eq!(line["refusal"], "too_many_in_flight");
}

#[tokio::test]
async fn who_leaves_counts_no_longer() {
    let origin = patient(&Arc::new(Semaphore::new(0))).await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let client = begin(&proxy, request("GET", "/wait", &[], b"")).await;
    assert_taken(&proxy).await;
    drop(client);
    assert_free(&proxy).await;
}

#[tokio::test]
async fn a_server_that_breaks_off_gives_it_back() {
    let allowed = Arc::new(Semaphore::new(0));
    let origin = patient(&allowed).await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = begin(&proxy, request("POST", "/die", &[], b"once")).await;
    assert_taken(&proxy).await;
    allowed.add_permits(1);
    assert_eq!(client.response().await.status(), 502);
    assert_free(&proxy).await;
}

#[tokio::test]
async fn a_tunnel_counts_until_it_ends() {
    let origin = patient(&Arc::new(Semaphore::new(0))).await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = begin(&proxy, HANDSHAKE).await;
    assert_eq!(client.response().await.status(), 101);
    client.send("x").await;
    assert_taken(&proxy).await;
    drop(client);
    assert_free(&proxy).await;
}

#[tokio::test]
async fn what_is_under_way_counts_after_a_reload_too() {
    let allowed = Arc::new(Semaphore::new(0));
    let origin = patient(&allowed).await;
    let proxy = Proxy::with(SITE, &[&origin]).await;
    let mut client = begin(&proxy, request("GET", "/wait", &[], b"")).await;
    proxy.reload().await;
    assert_taken(&proxy).await;
    proxy.rewrite(&SITE.replace("max: 1", "max: 2"));
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.status(), 200);
    allowed.add_permits(1);
    assert_eq!(client.response().await.text(), "here");
    await_keys(&proxy, 0).await;
}

#[tokio::test]
async fn a_limit_that_observes_lets_all_through_and_tells_of_it() {
    let origin = patient(&Arc::new(Semaphore::new(0))).await;
    let observing = SITE.replace("max: 1", "max: 1, mode: observe");
    let proxy = Proxy::with(&observing, &[&origin]).await;
    let _waiting = begin(&proxy, request("GET", "/wait", &[], b"")).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    assert_eq!(verdicts(&proxy, "max_in_flight", "passed").await, 1);
    assert_eq!(verdicts(&proxy, "max_in_flight", "observed").await, 1);
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert!(
        line["observed"].to_string().contains("max_in_flight"),
        "{line}"
    );
}
