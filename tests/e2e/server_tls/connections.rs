//! Which connections are used again, and for whom.

use std::{fs, time::Duration};

use crate::harness::{Certificates, Load, Message, Origin, Proxy, Reply, until};

use super::{hello, in_front_of, knowing, web};

#[tokio::test]
async fn connections_to_tls_servers_are_reused() {
    let authority = Certificates::new();
    let origin = Origin::secured(
        &authority.handshake(&["127.0.0.1"]),
        |request| match request.target() {
            "/chunked" => Reply::ok(request.body.clone()).chunked(),
            "/nothing" => Reply::new(204, ""),
            _ => Reply::ok(request.body.clone()),
        },
    )
    .await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let body = vec![b'x'; 300_000];
    // On one connection of the client's, the next request comes when the last is over for the server too.
    let mut client = proxy.client().await;
    for _ in 0..3 {
        for path in ["/", "/chunked"] {
            let answer = client.ask("POST", path, &[], &body).await;
            assert_eq!(answer.status(), 200);
            assert!(answer.body == body, "{path}");
        }
        assert_eq!(client.get("/nothing").await.status(), 204);
        assert_eq!(client.ask("HEAD", "/", &[], b"").await.status(), 200);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn many_clients_share_few_connections_and_never_each_others_answers() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let load = Load::on(&proxy, 8);
    load.await_more(400).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    assert!(origin.connections() <= 8, "{}", origin.connections());
}

#[tokio::test]
async fn a_connection_the_server_closes_while_it_is_idle_is_not_used() {
    let authority = Certificates::new();
    let mut origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    for round in 1..=3 {
        // A POST would not be sent a second time.
        let answer = proxy.client().await.ask("POST", "/", &[], b"a").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(origin.connections(), round);
        origin.stop().await;
        origin.start_again().await;
    }
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let text = "
        upstreams:
          web: { servers: [$1], tls: { ca: ca.pem }, timeouts: { keepalive: 100ms } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::in_directory(knowing(&authority), text, &[&origin]).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    until("it is closed", async || origin.open() == 0).await;
    assert_eq!(proxy.get("/").await.status(), 200);
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_new_connection_resumes_the_session_of_an_earlier_one() {
    let authority = Certificates::new();
    let close = |_: &Message| Reply::ok("bye").with("connection: close");
    let origin = Origin::secured(&authority.handshake(&["127.0.0.1"]), close).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    for _ in 0..4 {
        assert_eq!(proxy.get("/").await.text(), "bye");
    }
    assert_eq!(origin.connections(), 4);
    assert_eq!(origin.resumed(), 3);
}

#[tokio::test]
async fn a_connection_is_never_shared_with_who_trusts_another_authority() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let origin = hello(&authority.handshake(&["127.0.0.1", "api.lan"])).await;
    let directory = knowing(&authority);
    stranger.write_authority(&directory.path().join("stranger.pem"));
    let text = "
        workers: 1
        upstreams:
          good: { servers: [$1], tls: { ca: ca.pem } }
          other_ca: { servers: [$1], tls: { ca: stranger.pem } }
          other_name: { servers: [$1], tls: { ca: ca.pem, server_name: other.lan } }
          also_good: { servers: [$1], tls: { ca: ca.pem, server_name: api.lan } }
        routes:
          - { path: /good, upstream: good }
          - { path: /ca, upstream: other_ca }
          - { path: /name, upstream: other_name }
          - { path: /also, upstream: also_good }
        ";
    let proxy = Proxy::in_directory(directory, text, &[&origin]).await;
    for _ in 0..4 {
        assert_eq!(proxy.get("/good").await.status(), 200);
        assert_eq!(proxy.get("/ca").await.status(), 502);
        assert_eq!(proxy.get("/name").await.status(), 502);
        assert_eq!(proxy.get("/also").await.status(), 200);
    }
    assert_eq!(origin.count("/ca") + origin.count("/name"), 0);
    // A client may ask again before the server's connection is free, so that there may be one more.
    assert!(
        (2..8).contains(&origin.connections()),
        "{}",
        origin.connections()
    );
}

#[tokio::test]
async fn a_reload_keeps_connections_unless_the_trust_has_changed() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let mut client = proxy.client().await;
    assert_eq!(client.get("/").await.status(), 200);
    proxy.reload().await;
    assert_eq!(client.get("/").await.status(), 200);
    // Other settings of the upstream, and another file of the same content.
    let ca = proxy.directory().join("ca.pem");
    fs::copy(&ca, proxy.directory().join("same.pem")).unwrap();
    proxy.rewrite(
        "
        upstreams: { web: { servers: [$1], tls: { ca: same.pem }, retries: { attempts: 1 } } }
        routes: [{ upstream: web }]
        ",
    );
    proxy.reload().await;
    assert_eq!(client.get("/").await.status(), 200);
    assert_eq!(origin.connections(), 1);

    proxy.rewrite(&web("{ ca: ca.pem }"));
    stranger.write_authority(&ca);
    proxy.reload().await;
    for _ in 0..2 {
        assert_eq!(proxy.get("/").await.status(), 502);
    }
    authority.write_authority(&ca);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.status(), 200);
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_unix_socket_proves_who_it_is_by_the_written_name() {
    let authority = Certificates::new();
    let directory = knowing(&authority);
    let socket = directory.path().join("app.sock");
    let origin = Origin::secured_on(socket, &authority.handshake(&["app.lan"]), "hello").await;
    let text = web("{ ca: ca.pem, server_name: app.lan }");
    let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), "hello");
    }
    assert_eq!(origin.connections(), 1);
    proxy.rewrite(&web("{ ca: ca.pem, server_name: other.lan }"));
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.status(), 502);
}

#[tokio::test]
async fn every_deadline_holds_over_tls_too() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]);
    let origin = Origin::scripted_with_tls(&handshake, |head, mut wire| async move {
        if head.target() == "/half" {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf")
                .await;
        }
        let _kept = wire;
        std::future::pending().await
    })
    .await;
    let text = "
        upstreams:
          web:
            servers: [$1]
            tls: { ca: ca.pem }
            timeouts: { first_byte: 150ms, idle: 300ms }
            retries: { attempts: 0 }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::in_directory(knowing(&authority), text, &[&origin]).await;
    let started = std::time::Instant::now();
    assert_eq!(proxy.get("/never").await.status(), 504);
    let mut client = proxy.client().await;
    assert!(client.try_ask("GET", "/half", &[], b"").await.is_err());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_breaks_off_without_a_goodbye_is_no_whole_answer() {
    let authority = Certificates::new();
    let cut = |_: &Message| Reply::ok("all of it, or is it?").until_close();
    let origin = Origin::secured(&authority.handshake(&["127.0.0.1"]), cut).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let mut client = proxy.client().await;
    assert!(client.try_ask("GET", "/", &[], b"").await.is_err());
}

#[tokio::test]
async fn a_websocket_goes_over_tls() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]);
    let origin = Origin::scripted_with_tls(&handshake, |_, mut wire| async move {
        wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
        while wire.awaits_more().await {
            let Ok(word) = wire.read_exactly(5).await else {
                break;
            };
            wire.send(word.to_ascii_uppercase()).await;
        }
        None
    })
    .await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let mut client = proxy.client().await;
    client
        .send(
            "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    assert_eq!(client.response().await.status(), 101);
    for word in ["hello", "again"] {
        client.send(word).await;
        let echo = client.wire.read_exactly(5).await.unwrap();
        assert_eq!(echo, word.to_ascii_uppercase().into_bytes());
    }
    drop(client);
    until("the server's side ends too", async || origin.open() == 0).await;
    // A tunnel asks who is there like everybody else.
    proxy.rewrite(&web("{ ca: ca.pem, server_name: other.lan }"));
    proxy.reload().await;
    let upgrade = ["connection: upgrade", "upgrade: websocket"];
    let answer = proxy
        .client()
        .await
        .ask("GET", "/chat", &upgrade, b"")
        .await;
    assert_eq!(answer.status(), 502);
    assert_eq!(origin.connections(), 1);
}
