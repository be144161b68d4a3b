//! What servers see.

use http::Request;

use super::LISTENERS;
use crate::harness::{Certificates, H2Origin, Message, Origin, Proxy, Reply};

/// One upstream; `edits` is what stands under `request`.
fn web(edits: &str) -> String {
    format!(
        "{LISTENERS}
    upstreams: {{ web: {{ servers: [$1] }} }}
    routes: [{{ path: /a, upstream: web, headers: {{ request: {edits} }} }}]
    "
    )
}

#[tokio::test]
async fn a_request_is_edited_whatever_it_came_by() {
    let origin = Origin::saying("hello").await;
    let edits = "{
        remove: [Cookie, 'X-Internal-*'],
        set: { X-Tier: gold, X-Seen: '{method} {scheme}://{host}{path}?{query} of {client_ip} to {upstream} by {route}' },
        add: { X-Hop: [edge, '{request_id}'] } }";
    let proxy = Proxy::with(&web(edits), &[&origin]).await;
    let lines = [
        "host: localhost",
        "cookie: a=1",
        "x-internal-user: root",
        "X-INTERNAL-ROLE: admin",
        "x-internals: kept",
        "x-tier: tin",
        "x-tier: lead",
        "x-hop: client",
    ];
    let mut plain = proxy.client().await;
    let mut secure = proxy.tls_client("localhost").await;
    plain
        .ask("GET", "/a/../a/b?c=%0d%0aX-Evil:%201", &lines, b"")
        .await;
    secure
        .ask("GET", "/a/b?c=%0d%0aX-Evil:%201", &lines, b"")
        .await;
    let request = lines[1..].iter().fold(
        Request::get("https://localhost/a/b?c=%0d%0aX-Evil:%201"),
        |request, line| {
            let (name, value) = line.split_once(": ").unwrap();
            request.header(name.to_ascii_lowercase(), value)
        },
    );
    let http2 = proxy.h2_client("localhost").await;
    http2.ask(request.body(()).unwrap(), b"").await;
    let requests = origin.requests();
    assert_eq!(requests.len(), 3);
    for (request, scheme) in requests.iter().zip(["http", "https", "https"]) {
        assert!(
            !request.has("cookie") && !request.has("x-evil"),
            "{request:?}"
        );
        assert!(!request.has("x-internal-user") && !request.has("x-internal-role"));
        assert_eq!(request.field("x-internals"), Some("kept"));
        assert_eq!(request.field("x-tier"), Some("gold"));
        assert_eq!(
            request.all("x-hop"),
            ["client", "edge", request.request_id()]
        );
        let seen =
            format!("GET {scheme}://localhost/a/b?c=%0d%0aX-Evil:%201 of 127.0.0.1 to web by */a");
        assert_eq!(request.field("x-seen"), Some(seen.as_str()));
        assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
    }
}

#[tokio::test]
async fn a_server_is_told_another_host_and_learns_who_was_asked_for() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&web("{ set: { Host: 'api.lan:8080' } }"), &[&origin]).await;
    let mut client = proxy.client().await;
    client.ask("GET", "/a", &["host: localhost"], b"").await;
    proxy.h2_client("localhost").await.get("/a/../a/b").await;
    let requests = origin.requests();
    assert_eq!(requests.len(), 2);
    for request in requests {
        assert_eq!(request.field("host"), Some("api.lan:8080"));
        assert_eq!(request.field("x-forwarded-host"), Some("localhost"));
    }
}

#[tokio::test]
async fn a_host_may_be_the_servers_own_and_what_is_none_changes_nothing() {
    let origin = Origin::saying("hello").await;
    let text = format!(
        "{LISTENERS}
    upstreams: {{ web: {{ servers: [$1] }} }}
    routes:
      - {{ path: /own, upstream: web, headers: {{ request: {{ set: {{ Host: '{{server}}' }} }} }} }}
      - {{ path: /user, upstream: web, headers: {{ request: {{ set: {{ Host: '{{user}}' }} }} }} }}
    "
    );
    let proxy = Proxy::with(&text, &[&origin]).await;
    for (path, host) in [("/own", origin.to_string()), ("/user", "test".to_owned())] {
        proxy.get(path).await;
        let request = origin.requests().pop().unwrap();
        assert_eq!(request.field("host"), Some(host.as_str()));
    }
}

/// Who asks by HTTP/1.1 and by HTTP/2 is told of to a server with HTTP/2 as it should be.
async fn assert_edited(proxy: &Proxy, origin: &H2Origin, scheme: &str) {
    let mut client = proxy.client().await;
    let answer = client.ask("GET", "/a?b", &["host: localhost"], b"").await;
    assert_eq!(answer.status(), 200);
    let http2 = proxy.h2_client("localhost").await;
    assert_eq!(http2.get("/a?b").await.status, 200);
    assert_eq!(http2.get("/a/../a?b").await.status, 200);
    let heads = origin.heads();
    assert_eq!(heads.len(), 3);
    for head in heads {
        assert_eq!(head.uri.to_string(), format!("{scheme}://api.lan/a?b"));
        assert!(!head.headers.contains_key("host"), "{head:?}");
        assert_eq!(head.headers["x-forwarded-host"], "localhost");
        assert_eq!(head.headers["x-tier"], "gold");
    }
}

const EDITS: &str = "{ set: { Host: api.lan, X-Tier: gold } }";

#[tokio::test]
async fn a_server_of_http_2_without_tls_sees_the_edits_too() {
    let origin = H2Origin::start().await;
    let servers = format!("servers: ['{origin}'], protocol: h2c");
    let text = web(EDITS).replace("servers: [$1]", &servers);
    let proxy = Proxy::with(&text, &[]).await;
    assert_edited(&proxy, &origin, "http").await;
}

#[tokio::test]
async fn a_server_of_http_2_with_tls_sees_the_edits_too() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let origin = H2Origin::secured(&handshake).await;
    let directory = tempfile::tempdir().unwrap();
    authority.write_authority(&directory.path().join("ca.pem"));
    let servers = format!("servers: ['{origin}'], protocol: h2, tls: {{ ca: ca.pem }}");
    let text = web(EDITS).replace("servers: [$1]", &servers);
    let proxy = Proxy::in_directory(directory, &text, &[]).await;
    assert_edited(&proxy, &origin, "https").await;
}

#[tokio::test]
async fn each_try_is_edited_once() {
    let resetting = || {
        Origin::scripted(|request, mut wire| async move {
            let _ = wire.read_request_body(&request).await; // the proxy may leave first
            wire.reset();
            None
        })
    };
    let (bad, good) = (resetting().await, Origin::saying("good").await);
    let edits = "{ remove: X-A, set: { X-A: '1' }, add: { X-A: ['2', '{server}'] } }";
    let text = web(edits).replace("[$1]", "[$1, $2]");
    let proxy = Proxy::with(&text, &[&bad, &good]).await;
    let mut client = proxy.client().await;
    for _ in 0..4 {
        let answer = client.ask("GET", "/a", &["x-a: 0"], b"").await;
        assert_eq!(answer.text(), "good");
    }
    assert!(!bad.requests().is_empty());
    for origin in [&bad, &good] {
        let server = origin.to_string();
        for request in origin.requests() {
            assert_eq!(request.all("x-a"), ["1", "2", &server], "{request:?}");
        }
    }
}

#[tokio::test]
async fn a_websocket_is_asked_for_with_the_edits_and_its_101_passes_as_it_came() {
    let origin = Origin::scripted(|_: Message, mut wire| async move {
        wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             server: chat\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        )
        .await;
        wire.awaits_more().await;
        None
    })
    .await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        defaults:
          security_headers: true
          cors: { origins: [https://app.example.ch] }
          headers: { request: { set: { X-Tier: gold } }, response: { set: { X-A: a }, remove: Server } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send(
            "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             origin: https://app.example.ch\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.field("server"), Some("chat"));
    for absent in [
        "x-a",
        "x-content-type-options",
        "access-control-allow-origin",
        "vary",
    ] {
        assert!(!answer.has(absent), "{answer:?}");
    }
    let request = origin.only_request();
    assert_eq!(request.field("x-tier"), Some("gold"));
    assert_eq!(request.field("upgrade"), Some("websocket"));
}

#[tokio::test]
async fn what_is_set_from_nothing_hides_what_the_client_says() {
    let origin = Origin::answering(|_| Reply::ok("hello")).await;
    let proxy = Proxy::with(&web("{ set: { X-User: '{user}' } }"), &[&origin]).await;
    let mut client = proxy.client().await;
    client.ask("GET", "/a", &["x-user: root"], b"").await;
    assert!(!origin.only_request().has("x-user"));
}
