//! WebSocket: an upgrade, and then bytes both ways.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Client, Origin, Proxy, Wire};

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                      sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Agrees to the upgrade and sends back every five bytes in upper case.
async fn shouting() -> Origin {
    Origin::scripted(|_, mut wire| async move {
        wire.send(AGREED).await;
        shout(&mut wire).await;
        None
    })
    .await
}

async fn shout(wire: &mut Wire) {
    while wire.awaits_more().await {
        let Ok(word) = wire.read_exactly(5).await else {
            return;
        };
        wire.send(word.to_ascii_uppercase()).await;
    }
}

async fn upgraded(client: &mut Client) {
    let answer = client.response().await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.field("upgrade"), Some("websocket"));
    assert!(
        answer
            .field("connection")
            .unwrap()
            .eq_ignore_ascii_case("upgrade")
    );
    assert_eq!(
        answer.field("sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
}

async fn says(client: &mut Client, word: &str) {
    client.send(word).await;
    let echo = client.wire.read_exactly(word.len()).await.unwrap();
    assert_eq!(echo, word.to_ascii_uppercase().into_bytes());
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways_until_the_client_leaves() {
    let origin = shouting().await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    upgraded(&mut client).await;
    for word in ["hello", "world", "again"] {
        says(&mut client, word).await;
    }
    let request = origin.only_request();
    assert_eq!(request.field("upgrade"), Some("websocket"));
    assert!(
        request
            .field("connection")
            .unwrap()
            .eq_ignore_ascii_case("upgrade")
    );
    assert_eq!(request.field("sec-websocket-version"), Some("13"));
    assert_eq!(origin.open(), 1);
    drop(client);
    crate::harness::until("the server's side ends too", async || origin.open() == 0).await;
    let line = proxy.logged(|line| line["path"] == "/chat").await;
    assert_eq!(line["status"], 101);
    assert_eq!(line["upgraded"], true);
}

#[tokio::test]
async fn a_websocket_ends_when_the_server_leaves() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send(AGREED).await;
        wire.send("bye").await;
        None
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    upgraded(&mut client).await;
    assert_eq!(client.wire.read_exactly(3).await.unwrap(), b"bye");
    client.expect_end().await;
}

#[tokio::test]
async fn what_a_client_sends_before_the_101_waits_for_it() {
    let (agree, agreed) = tokio::sync::watch::channel(false);
    let origin = Origin::scripted(move |_, mut wire| {
        let mut agreed = agreed.clone();
        async move {
            agreed.wait_for(|agreed| *agreed).await.unwrap();
            wire.send(AGREED).await;
            shout(&mut wire).await;
            None
        }
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send(format!("{HANDSHAKE}early")).await;
    origin.await_count("/chat", 1).await;
    agree.send_replace(true);
    upgraded(&mut client).await;
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"EARLY");
    says(&mut client, "later").await;
}

#[tokio::test]
async fn an_upgrade_that_is_declined_leaves_a_usable_connection() {
    let origin = Origin::saying("no sockets here").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.text()), (200, "no sockets here"));
    let again = client.try_ask("GET", "/", &[], b"").await;
    // Closing is allowed too, but not a word that belongs to nothing.
    assert!(again.is_err() || again.unwrap().text() == "no sockets here");
}

#[tokio::test]
async fn a_websocket_survives_a_reload_that_replaces_its_upstream() {
    let origin = shouting().await;
    let other = Origin::saying("other").await;
    let proxy = Proxy::in_front_of(&[&origin, &other]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    upgraded(&mut client).await;
    says(&mut client, "first").await;
    proxy.rewrite(
        "
        upstreams: { new: { servers: [$2] } }
        routes: [{ upstream: new }]
        ",
    );
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "other");
    for word in ["still", "there"] {
        says(&mut client, word).await;
    }
}

#[tokio::test]
async fn a_websocket_by_tls_works_too() {
    let origin = shouting().await;
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.tls_client("localhost").await;
    client
        .send(HANDSHAKE.replace("host: test", "host: localhost"))
        .await;
    upgraded(&mut client).await;
    says(&mut client, "hello").await;
}

#[tokio::test]
async fn an_idle_websocket_is_closed_after_tunnel() {
    let origin = shouting().await;
    let text = "
        upstreams: { web: { servers: [$1], timeouts: { tunnel: 1s, idle: 100ms, first_byte: 5s } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    upgraded(&mut client).await;
    for word in ["abcde", "fghij", "klmno"] {
        tokio::time::sleep(Duration::from_millis(400)).await;
        says(&mut client, word).await;
    }
    let started = Instant::now();
    client.expect_end().await;
    let took = started.elapsed();
    assert!((900..3000).contains(&took.as_millis()), "{took:?}");
}

#[tokio::test]
async fn a_websocket_is_cut_off_when_the_drain_timeout_is_over() {
    let origin = shouting().await;
    let text = "
        drain_timeout: 300ms
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let mut proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send(HANDSHAKE).await;
    upgraded(&mut client).await;
    proxy.signal(Signal::TERM);
    proxy.errors().await_line("draining").await;
    says(&mut client, "still").await;
    assert_eq!(proxy.ended().await.code(), Some(0));
    client.expect_end().await;
}
