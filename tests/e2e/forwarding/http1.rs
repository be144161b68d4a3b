//! The corners of HTTP/1: old clients, responses without bodies, expectations, pipelining.

use std::time::Duration;

use crate::harness::{Origin, Proxy, Reply};

#[tokio::test]
async fn an_http_1_0_client_gets_no_interim_answer() {
    let origin = Origin::scripted(async |request, mut wire| {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n").await;
        wire.send("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
            .await;
        assert_eq!(request.field("expect"), None);
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
            .await;
        Some(wire)
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    for head in [
        "GET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.0\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\nhi",
    ] {
        let mut client = proxy.client().await;
        client.send(head).await;
        let answer = client.response().await;
        assert_eq!((answer.status(), answer.text()), (200, "hi"), "{head}");
    }
}

#[tokio::test]
async fn an_http_1_0_client_gets_no_chunks_and_a_close() {
    let origin = Origin::answering(|_| Reply::ok("in pieces").chunked()).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 200);
    assert!(!answer.has("transfer-encoding"));
    assert_eq!(answer.text(), "in pieces");
    client.expect_end().await;
    assert_eq!(origin.only_request().field("via"), Some("1.0 simplon"));
}

#[tokio::test]
async fn an_http_1_0_client_without_keep_alive_is_closed_on() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.0\r\nhost: test\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "hello");
    client.expect_end().await;
}

#[tokio::test]
async fn connection_close_is_obeyed_and_announced() {
    let origin = Origin::saying("hello").await;
    let text = "
        workers: 1
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    let answer = client.ask("GET", "/", &["connection: close"], b"").await;
    assert_eq!(answer.field("connection"), Some("close"));
    client.expect_end().await;
    // The connection to the server is another matter; it is given back before the log line.
    proxy.logged(|_| true).await;
    proxy.get("/").await;
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn responses_without_bodies_leave_the_connection_usable() {
    let origin = Origin::answering(|request| match request.target() {
        "/204" => Reply::new(204, ""),
        "/304" => Reply::new(304, "").with("etag: \"1\""),
        "/205" => Reply::new(205, ""),
        _ => Reply::ok("a body of 18 bytes"),
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    for (method, path, status) in [
        ("GET", "/204", 204),
        ("GET", "/304", 304),
        ("HEAD", "/", 200),
        ("GET", "/205", 205),
        ("HEAD", "/304", 304),
        ("GET", "/", 200),
    ] {
        let answer = client.ask(method, path, &[], b"").await;
        assert_eq!(answer.status(), status, "{method} {path}");
        if method == "HEAD" && status == 200 {
            assert_eq!(answer.length(), Some(18));
        }
    }
    assert_eq!(client.get("/").await.text(), "a body of 18 bytes");
}

#[tokio::test]
async fn a_head_request_is_answered_without_a_body_by_the_proxy_too() {
    let proxy = Proxy::with("routes: [{ path: /hi, respond: { body: hello } }]", &[]).await;
    let mut client = proxy.client().await;
    let answer = client.ask("HEAD", "/hi", &[], b"").await;
    assert_eq!((answer.status(), answer.length()), (200, Some(5)));
    assert_eq!(client.ask("HEAD", "/nowhere", &[], b"").await.status(), 404);
    assert_eq!(client.get("/hi").await.text(), "hello");
}

#[tokio::test]
async fn expect_100_continue_is_answered_before_the_body_is_sent() {
    let origin = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await;
    let interim = client.wire.read_head().await.unwrap().unwrap();
    assert_eq!(interim.status(), 100);
    client.send("body").await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.text()), (200, "body"));
    assert_eq!(origin.only_request().text(), "body");
    assert_eq!(
        client.get("/").await.status(),
        200,
        "the connection is kept"
    );
}

#[tokio::test]
async fn expect_100_continue_may_be_answered_with_a_refusal() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
            .await;
        Some(wire)
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await;
    let mut answer = client.response().await;
    if answer.status() == 100 {
        answer = client.response().await;
    }
    assert_eq!((answer.status(), answer.text()), (403, "no"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::answering(|request| {
        let reply = Reply::ok(format!("{} {}", request.target(), request.text()));
        match request.target() {
            "/1" => reply.after(Duration::from_millis(150)),
            _ => reply,
        }
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send(
            "GET /1 HTTP/1.1\r\nhost: test\r\n\r\n\
             POST /2 HTTP/1.1\r\nhost: test\r\ncontent-length: 5\r\n\r\nhello\
             POST /3 HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n3\r\nbye\r\n0\r\n\r\n\
             GET /nowhere-else HTTP/1.1\r\nhost: test\r\n\r\n",
        )
        .await;
    for expected in ["/1 ", "/2 hello", "/3 bye", "/nowhere-else "] {
        assert_eq!(client.response().await.text(), expected);
    }
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_served() {
    let origin = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    for byte in b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 3\r\n\r\nabc" {
        client.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.response().await.text(), "abc");
}

#[tokio::test]
async fn events_arrive_one_by_one_before_the_stream_ends() {
    let (next, turns) = tokio::sync::watch::channel(0);
    let origin = Origin::scripted(move |_, mut wire| {
        let mut turns = turns.clone();
        async move {
            wire.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                .await;
            for nth in 1..=3 {
                wire.send_chunk(format!("data: {nth}\n\n").as_bytes()).await.unwrap();
                turns.wait_for(|turn| *turn >= nth).await.unwrap();
            }
            wire.send("0\r\n\r\n").await;
            Some(wire)
        }
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("GET /events HTTP/1.1\r\nhost: test\r\naccept: text/event-stream\r\n\r\n")
        .await;
    assert!(client.wire.read_head().await.unwrap().unwrap().is_chunked());
    for nth in 1..=3 {
        let event = client.wire.read_chunk().await.unwrap().unwrap();
        assert_eq!(event, format!("data: {nth}\n\n").into_bytes());
        // Only now does the origin send the next one.
        next.send_replace(nth);
    }
    assert_eq!(client.wire.read_chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_slow_response_of_known_length_arrives_as_it_comes() {
    let (next, turns) = tokio::sync::watch::channel(false);
    let origin = Origin::scripted(move |_, mut wire| {
        let mut turns = turns.clone();
        async move {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")
                .await;
            turns.wait_for(|turn| *turn).await.unwrap();
            wire.send("later").await;
            Some(wire)
        }
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    client.wire.read_head().await.unwrap().unwrap();
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"first");
    next.send_replace(true);
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"later");
}
