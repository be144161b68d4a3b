//! The body of a request is never read as a request.

use std::time::{Duration, Instant};

use crate::harness::{Client, Origin, Proxy};

const HIDDEN: &str = "GET /admin HTTP/1.1\r\nhost: test\r\n\r\n";

const ROUTES: &str = "
    upstreams: { web: { servers: [$1] } }
    routes:
      - { path: /admin, upstream: web }
      - { path: /open, upstream: web }
      - { path: /read, methods: GET, upstream: web }
      - { path: /old, redirect: { to: /new } }
      - { path: /teapot, respond: { status: 418, body: short and stout } }
    ";

/// Asks for `/open`, if the connection still takes a question. Whatever comes must be its answer.
async fn nothing_else_is_said(client: &mut Client) {
    if let Ok(answer) = client
        .try_ask("GET", "/open", &["x-marker: mine"], b"")
        .await
    {
        assert_eq!((answer.status(), answer.text()), (200, "from the server"));
        client
            .send("GET /open HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            .await;
        assert_eq!(client.response().await.text(), "from the server");
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_body_behind_a_local_answer_is_never_read_as_a_request() {
    let origin = Origin::saying("from the server").await;
    let proxy = Proxy::with(ROUTES, &[&origin]).await;
    for (path, status) in [
        ("/nowhere", 404),
        ("/read", 405),
        ("/old", 308),
        ("/teapot", 418),
        ("/a%2fb", 400),
    ] {
        let length = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{HIDDEN}",
            HIDDEN.len()
        );
        let chunked = format!(
            "POST {path} HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{HIDDEN}\r\n0\r\n\r\n",
            HIDDEN.len()
        );
        for request in [length, chunked] {
            let mut client = proxy.client().await;
            client.send(&request).await;
            assert_eq!(client.response().await.status(), status, "{request}");
            nothing_else_is_said(&mut client).await;
        }
    }
    assert_eq!(origin.count("/admin"), 0);
}

#[tokio::test]
async fn a_body_that_comes_after_the_local_answer_is_never_read_as_a_request() {
    let origin = Origin::saying("from the server").await;
    let proxy = Proxy::with(ROUTES, &[&origin]).await;
    for path in ["/nowhere", "/old", "/teapot", "/read"] {
        let mut client = proxy.client().await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
                HIDDEN.len()
            ))
            .await;
        let early = tokio::time::timeout(
            Duration::from_millis(200),
            client.wire.read_response("POST"),
        )
        .await;
        let _ = client.wire.try_send(HIDDEN).await; // it may be closed by now
        if early.is_err() {
            assert!(client.response().await.status() > 300);
        }
        nothing_else_is_said(&mut client).await;
    }
    assert_eq!(origin.count("/admin"), 0);
}

#[tokio::test]
async fn a_body_without_end_behind_a_local_answer_ends_soon() {
    let origin = Origin::saying("from the server").await;
    let proxy = Proxy::with(ROUTES, &[&origin]).await;
    for path in ["/nowhere", "/read", "/old", "/teapot", "/a%2fb"] {
        for (piece, pause) in [(16 << 10, Duration::ZERO), (1, Duration::from_millis(50))] {
            let mut client = proxy.client().await;
            let lines = "host: test\r\ntransfer-encoding: chunked";
            let head = format!("POST {path} HTTP/1.1\r\n{lines}\r\n\r\n");
            client.send(head).await;
            let started = Instant::now();
            while client.wire.send_chunk(&vec![b'x'; piece]).await.is_ok() {
                let took = started.elapsed();
                assert!(took < Duration::from_secs(3), "{path} {piece}: {took:?}");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

#[tokio::test]
async fn a_body_behind_an_early_answer_of_the_server_is_never_read_as_a_request() {
    let origin = Origin::scripted(|request, mut wire| async move {
        let answer = match request.target() {
            "/open" => "HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\nfrom the server",
            _ => "HTTP/1.1 403 No\r\ncontent-length: 2\r\n\r\nno",
        };
        wire.send(answer).await;
        let _ = wire.read_request_body(&request).await; // it may never come
        Some(wire)
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send(format!(
            "POST /early HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
            HIDDEN.len()
        ))
        .await;
    assert_eq!(client.response().await.status(), 403);
    let _ = client.wire.try_send(HIDDEN).await; // it may be closed by now
    nothing_else_is_said(&mut client).await;
    assert_eq!(origin.count("/admin"), 0);
}

#[tokio::test]
async fn bytes_beyond_the_announced_length_are_the_next_request() {
    let origin = Origin::saying("from the server").await;
    let proxy = Proxy::with(ROUTES, &[&origin]).await;
    let mut client = proxy.client().await;
    client.send("POST /open HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nabcGET /teapot HTTP/1.1\r\nhost: test\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "from the server");
    assert_eq!(client.response().await.status(), 418);
    assert_eq!(origin.only_request().text(), "abc");
}
