//! HTTP/2 to servers, as ALPN agrees on it.

use std::sync::Arc;

use http::Request;
use tokio::sync::Notify;

use crate::harness::{Certificates, H2Origin, Message, Origin, Proxy, Reply, in_time, until};

use super::knowing;

async fn grpc(origin: &str, authority: &Certificates, tls: &str) -> Proxy {
    let text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          https: {{ bind: 127.0.0.1:$https, tls: intermediate }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        upstreams: {{ grpc: {{ servers: ['{origin}'], protocol: h2, tls: {tls} }} }}
        routes: [{{ upstream: grpc }}]
        "
    );
    Proxy::in_directory(knowing(authority), &text, &[]).await
}

#[tokio::test]
async fn a_grpc_call_and_its_trailers_go_over_tls() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let origin = H2Origin::secured(&handshake).await;
    let proxy = grpc(&origin.to_string(), &authority, "{ ca: ca.pem }").await;
    let client = proxy.h2_client("localhost").await;
    for _ in 0..3 {
        let request = Request::post("https://localhost/pkg.Service/Call?a")
            .header("te", "trailers")
            .header("content-type", "application/grpc");
        let answer = client.ask(request.body(()).unwrap(), b"ping").await;
        assert_eq!((answer.status, &answer.body[..]), (200, &b"echo: ping"[..]));
        assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
    }
    // A client of HTTP/1.1 is served too, whatever its host.
    let lines = ["host: example.test:8080"];
    let answer = proxy
        .client()
        .await
        .ask("POST", "/b/../c", &lines, b"pong")
        .await;
    assert_eq!(answer.text(), "echo: pong");
    let heads = origin.heads();
    let uris: Vec<String> = heads.iter().map(|head| head.uri.to_string()).collect();
    assert_eq!(uris[0], "https://localhost/pkg.Service/Call?a");
    assert_eq!(uris[3], "https://example.test:8080/c");
    assert!(heads.iter().all(|head| !head.headers.contains_key("host")));
    assert_eq!(heads[0].headers["te"], "trailers");
    assert!(origin.connections() <= 2, "{}", origin.connections());
}

#[tokio::test]
async fn exchanges_share_a_connection_at_the_same_time() {
    let authority = Certificates::new();
    let handshake = authority
        .handshake(&["127.0.0.1"])
        .speaking(&["h2", "http/1.1"]);
    let origin = H2Origin::secured(&handshake).await;
    let proxy = grpc(&origin.to_string(), &authority, "{ ca: ca.pem }").await;
    let client = proxy.h2_client("localhost").await;
    let post = || Request::post("https://localhost/").body(()).unwrap();
    let (first, mut body) = client.begin(post()).await;
    until("the first is on its way", async || {
        origin.heads().len() == 1
    })
    .await;
    for _ in 0..5 {
        assert_eq!(client.ask(post(), b"other").await.body, b"echo: other");
    }
    body.send_data("first".into(), true).unwrap();
    assert_eq!(first.await.unwrap().status(), 200);
    // Pingora may look for the connection while it hands it on, and then opens another.
    assert!(origin.connections() <= 2, "{}", origin.connections());
}

#[tokio::test]
async fn many_large_bodies_arrive_whole() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let origin = H2Origin::secured(&handshake).await;
    let proxy = grpc(&origin.to_string(), &authority, "{ ca: ca.pem }").await;
    let client = proxy.h2_client("localhost").await;
    let mut asking = tokio::task::JoinSet::new();
    for nth in 0..20_u8 {
        let client = client.clone();
        asking.spawn(async move {
            let body = vec![nth; 300_000];
            let request = Request::post("https://localhost/").body(()).unwrap();
            (client.ask(request, &body).await, body)
        });
    }
    for (answer, body) in asking.join_all().await {
        assert_eq!(answer.status, 200);
        assert!(answer.body == [b"echo: ", &body[..]].concat());
    }
}

#[tokio::test]
async fn a_server_that_does_not_agree_to_http_2_gets_no_request() {
    let authority = Certificates::new();
    let table = [
        (&["http/1.1"][..], "it does not speak the protocol"),
        (&[][..], "it does not agree to HTTP/2 (ALPN)"),
    ];
    for (protocols, words) in table {
        let handshake = authority.handshake(&["127.0.0.1"]).speaking(protocols);
        let origin = Origin::secured(&handshake, |_: &Message| Reply::ok("hello")).await;
        let proxy = grpc(&origin.to_string(), &authority, "{ ca: ca.pem }").await;
        assert_eq!(proxy.get("/").await.status(), 502);
        proxy.errors().await_line(words).await;
        assert!(origin.requests().is_empty());
    }
}

#[tokio::test]
async fn http_2_believes_nobody_either() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let origin = H2Origin::secured(&handshake).await;
    let directory = knowing(&authority);
    stranger.write_authority(&directory.path().join("stranger.pem"));
    let text = format!(
        "
        upstreams:
          good: {{ servers: ['{origin}'], protocol: h2, tls: {{ ca: ca.pem }} }}
          bad: {{ servers: ['{origin}'], protocol: h2, tls: {{ ca: stranger.pem }} }}
        routes: [{{ path: /good, upstream: good }}, {{ path: /bad, upstream: bad }}]
        "
    );
    let proxy = Proxy::in_directory(directory, &text, &[]).await;
    for _ in 0..3 {
        assert_eq!(proxy.get("/good").await.status(), 200);
        assert_eq!(proxy.get("/bad").await.status(), 502);
    }
    assert!(origin.connections() <= 2, "{}", origin.connections());
    stranger.write_authority(&proxy.directory().join("ca.pem"));
    proxy.reload().await;
    assert_eq!(proxy.get("/good").await.status(), 502);
}

/// What an HTTP/2 server says first: SETTINGS with windows as large as can be, an acknowledgement of ours,
/// and as much for the connection (RFC 9113 sections 6.5 and 6.9).
const HUGE_WINDOWS: &[u8] = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\x7f\xff\xff\xff\
    \x00\x00\x00\x04\x01\x00\x00\x00\x00\
    \x00\x00\x04\x08\x00\x00\x00\x00\x00\x7f\xff\x00\x00";

#[tokio::test]
async fn a_server_that_stops_reading_holds_no_connection() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let (read, ended) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (may_read, has_ended) = (Arc::clone(&read), Arc::clone(&ended));
    let origin = Origin::scripted_with_tls(&handshake, move |_, mut wire| {
        let (may_read, has_ended) = (Arc::clone(&may_read), Arc::clone(&has_ended));
        async move {
            wire.send(HUGE_WINDOWS).await;
            may_read.notified().await;
            let _ = wire.read_to_end().await; // broken off without a goodbye
            has_ended.notify_one();
            None
        }
    })
    .await;
    let text = "
        upstreams:
          web:
            servers: [$1]
            protocol: h2
            tls: { ca: ca.pem }
            timeouts: { first_byte: 30s, idle: 500ms }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::in_directory(knowing(&authority), text, &[&origin]).await;
    let mut client = proxy.client().await;
    let body = vec![0; 60 << 20]; // more than sockets hold
    let _ = client.try_ask("POST", "/", &[], &body).await; // it may end in any way
    let words = "it has taken nothing for 500ms";
    proxy.errors().await_line(words).await;
    // What was on its way comes, and then the end. It would not come to a connection that is kept.
    read.notify_one();
    in_time("the connection ends", ended.notified()).await;
}
