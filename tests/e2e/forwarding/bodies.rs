//! Large and streaming bodies, both ways, over every protocol.

use std::time::Duration;

use http::Request;
use tokio::{net::TcpSocket, sync::watch};

use crate::harness::{Certificates, Client, Origin, Proxy, Reply, Wire, in_time};

const MEGABYTE: usize = 1 << 20;

/// Bytes in which a part that is missing, doubled or moved shows.
fn bytes(count: usize) -> Vec<u8> {
    let words = (0_u64..).map(|nth| nth.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    words.flatten().take(count).collect()
}

/// Sends back what it gets; GET is answered with twenty megabytes.
async fn echo() -> Origin {
    Origin::answering(|request| match request.method() {
        "GET" => Reply::ok(bytes(20 * MEGABYTE)),
        _ => Reply::ok(request.body.clone()),
    })
    .await
}

const WITH_TLS: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

async fn twenty_megabytes_pass(mut client: Client) {
    let body = bytes(20 * MEGABYTE);
    let down = client.ask("GET", "/", &["host: localhost"], b"").await;
    assert!(down.body == body, "{} bytes came down", down.body.len());
    // Both at once would need a reader while we write.
    let request =
        crate::harness::request("PUT", "/", &["host: localhost", "connection: close"], &body);
    client.send(request).await;
    let up = client.response().await;
    assert!(up.body == body, "{} bytes came back", up.body.len());
}

#[tokio::test]
async fn twenty_megabytes_pass_unchanged_by_http_1() {
    let origin = echo().await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    twenty_megabytes_pass(proxy.client().await).await;
}

#[tokio::test]
async fn twenty_megabytes_pass_unchanged_by_tls() {
    let origin = echo().await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    twenty_megabytes_pass(proxy.tls_client("localhost").await).await;
}

/// The last of a response waits for the client more often than not where its window is small.
#[tokio::test]
async fn who_reads_little_at_once_gets_the_whole_of_each_response() {
    let origin = Origin::answering(|request| {
        let length = request.target().trim_start_matches('/').parse().unwrap();
        Reply::ok(bytes(length))
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(([127, 0, 0, 1], proxy.http()).into());
    let mut client = Client::new(Wire::new(stream.await.unwrap()));
    for nth in 0..24 {
        let length = 300_000 + nth * 7919;
        let answer = client.get(&format!("/{length}")).await;
        assert!(answer.body == bytes(length), "{length}");
    }
}

#[tokio::test]
async fn twenty_megabytes_pass_unchanged_by_http_2() {
    let origin = echo().await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    let body = bytes(20 * MEGABYTE);
    let down = client.get("/").await;
    assert!(down.body == body, "{} bytes came down", down.body.len());
    let request = Request::put("https://localhost/").body(()).unwrap();
    let up = client.ask(request, &body).await;
    assert!(up.body == body, "{} bytes came back", up.body.len());
}

#[tokio::test]
async fn a_chunked_upload_arrives_whole() {
    let origin = echo().await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("PUT / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    let body = bytes(300_000);
    for chunk in body.chunks(7_001) {
        client.wire.send_chunk(chunk).await.unwrap();
    }
    client.send("0\r\n\r\n").await;
    let answer = client.response().await;
    assert!(answer.body == body);
    assert_eq!(client.ask("PUT", "/", &[], b"next").await.text(), "next");
}

#[tokio::test]
async fn a_chunked_response_arrives_whole() {
    let origin = Origin::answering(|_| Reply::ok(bytes(300_000)).chunked()).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        assert!(client.get("/").await.body == bytes(300_000));
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn a_response_that_ends_with_its_connection_arrives_whole() {
    let origin = Origin::answering(|_| Reply::ok(bytes(300_000)).until_close()).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    assert!(proxy.get("/").await.body == bytes(300_000));
}

#[tokio::test]
async fn an_upload_streams_to_the_server_while_the_client_still_sends() {
    let (heard, mut progress) = watch::channel(0);
    let origin = Origin::scripted(move |_, mut wire| {
        let heard = heard.clone();
        async move {
            for nth in 1..=3 {
                wire.read_chunk().await.unwrap().unwrap();
                heard.send_replace(nth);
            }
            wire.read_chunk().await.unwrap();
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
                .await;
            Some(wire)
        }
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for nth in 1..=3 {
        client.wire.send_chunk(b"part").await.unwrap();
        progress.wait_for(|parts| *parts >= nth).await.unwrap();
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.response().await.text(), "done");
}

#[tokio::test]
async fn small_pieces_of_a_body_with_a_length_are_not_held_back() {
    let authority = Certificates::new();
    let script = |heard: watch::Sender<usize>| {
        move |_, mut wire: Wire| {
            let heard = heard.clone();
            async move {
                for nth in 1..=4 {
                    wire.read_exactly(1).await.unwrap();
                    heard.send_replace(nth);
                }
                wire.send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone")
                    .await;
                Some(wire)
            }
        }
    };
    for tls in [false, true] {
        let (heard, mut progress) = watch::channel(0);
        let directory = tempfile::tempdir().unwrap();
        authority.write_authority(&directory.path().join("ca.pem"));
        let (origin, keys) = if tls {
            let handshake = authority.handshake(&["127.0.0.1"]);
            let origin = Origin::scripted_with_tls(&handshake, script(heard)).await;
            (origin, ", tls: { ca: ca.pem }")
        } else {
            (Origin::scripted(script(heard)).await, "")
        };
        let text = format!(
            "
            upstreams: {{ web: {{ servers: [$1]{keys} }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\n")
            .await;
        for nth in 1..=4 {
            client.send("x").await;
            let arrives = progress.wait_for(|pieces| *pieces >= nth);
            in_time("a piece arrives", arrives).await.unwrap();
        }
        assert_eq!(client.response().await.text(), "done");
    }
}

#[tokio::test]
async fn an_upload_that_keeps_moving_may_take_longer_than_any_timeout_of_the_server() {
    let origin = echo().await;
    for timeouts in [
        "first_byte: 400ms, idle: 400ms",
        "first_byte: 300ms, idle: 400ms",
        "first_byte: 400ms, idle: 300ms",
    ] {
        let text = format!(
            "
            upstreams: {{ web: {{ servers: [$1], timeouts: {{ {timeouts} }} }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::with(&text, &[&origin]).await;
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n")
            .await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            client.send("x").await;
        }
        assert_eq!(client.response().await.text(), "xxxxxxxxxx", "{timeouts}");
    }
}

#[tokio::test]
async fn a_server_may_begin_to_answer_and_wait_for_the_rest_of_the_body() {
    let origin = Origin::scripted(|request, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n")
            .await;
        let body = wire.read_request_body(&request).await.unwrap();
        wire.send(body).await;
        Some(wire)
    })
    .await;
    for timeouts in [
        "first_byte: 20s, idle: 300ms",
        "first_byte: 300ms, idle: 300ms",
    ] {
        let text = format!(
            "
            upstreams: {{ web: {{ servers: [$1], timeouts: {{ {timeouts} }} }} }}
            routes: [{{ upstream: web }}]
            "
        );
        let proxy = Proxy::with(&text, &[&origin]).await;
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\n")
            .await;
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            client.send("x").await;
        }
        assert_eq!(client.response().await.text(), "xxxxxxxxxx", "{timeouts}");
    }
}

#[tokio::test]
async fn a_server_may_answer_before_the_body_has_come() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 401 No\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
            .await;
        None
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\nbegin")
        .await;
    let answer = client.response().await;
    assert_eq!((answer.status(), answer.text()), (401, "no"));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_frees_the_server() {
    let origin = Origin::answering(|_| Reply::ok(bytes(20 * MEGABYTE))).await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    client.wire.read_head().await.unwrap();
    drop(client);
    let labels = [("upstream", "web"), ("server", &*origin.to_string())];
    proxy
        .await_metric("simplon_server_in_flight", &labels, 0)
        .await;
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["status"], 499);
}
