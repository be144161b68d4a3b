//! Servers that decide, and do not do it well: nobody is let through for it.

use std::time::Duration;

use crate::harness::{Certificates, Doorman, Origin, Proxy, Reply, free_port};

/// `$1` decides, `$2` serves.
const SITE: &str = "
    upstreams:
      auth: { servers: [$1], timeouts: { connect: 1s }, passive: { failures: 1000 } }
      web: { servers: [$2] }
    routes: [{ upstream: web, forward_auth: { upstream: auth, path: /verify, timeout: 2s, copy_headers: [Remote-User] } }]
    ";

/// Asks once, and finds that nobody could say whether the request may pass.
async fn is_refused(proxy: &Proxy, origin: &Origin, detail: &str) {
    let answer = proxy
        .client()
        .await
        .ask("POST", "/a", &["remote-user: root"], b"a body")
        .await;
    assert_eq!(answer.status(), 502, "{detail}");
    assert!(
        !answer.has("remote-user") && !answer.has("set-cookie"),
        "{answer:?}"
    );
    let id = answer.request_id();
    let line = proxy.logged(|line| line["request_id"] == id).await;
    assert_eq!(line["refusal"], "auth_unavailable");
    assert_eq!(line["policy"], "forward_auth");
    let found = line["detail"].as_str().unwrap();
    assert!(found.contains(detail), "{found}: {detail}");
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_the_protocol_is_none() {
    let origin = Origin::saying("hello").await;
    let large = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(70_000));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: 1\r\n".repeat(300));
    let body = format!(
        "HTTP/1.1 403 No\r\ncontent-length: 65537\r\n\r\n{}",
        "x".repeat(65_537)
    );
    let endless = format!("HTTP/1.1 403 No\r\n\r\n{}", "x".repeat(300_000));
    let chunks = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
        "1\r\nx\r\n".repeat(60_000)
    );
    let interim = "HTTP/1.1 103 Early\r\n\r\n".repeat(11);
    for (said, detail) in [
        ("SSH-2.0-OpenSSH\r\n", "status line"),
        ("HTTP/1.1 200 OK\n\n", "LF alone"),
        ("HTTP/1.1 200 OK\r\nremote-user : root\r\n\r\n", "colon"),
        (
            "HTTP/1.1 200 OK\r\nremote-user: root\r\n folded\r\n\r\n",
            "folded",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
            "more than one Content-Length",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
            "beside",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
            "hexadecimal",
        ),
        (
            "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n",
            "switches",
        ),
        ("HTTP/1.1 099 No\r\n\r\n", "three digits"),
        ("HTTP/1.1 200 OK\r\nremote-user: ro\0ot\r\n\r\n", "control"),
        (&interim, "interim"),
        (&large, "too large"),
        (&many, "too many"),
        (&body, "too large"),
        (&endless, "too large"),
        (&chunks, "too large"),
        ("", "ended before"),
        ("HTTP/1.1 200 OK\r\nremote-user: root\r\n", "ended before"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
            "ended before",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
            "ended before",
        ),
    ] {
        let said = said.to_owned();
        let auth = Origin::scripted(move |_, mut wire| {
            let said = said.clone();
            async move {
                let _ = wire.try_send(said).await; // the proxy may leave in the middle
                None
            }
        })
        .await;
        let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
        is_refused(&proxy, &origin, detail).await;
    }
}

#[tokio::test]
async fn who_is_dead_resets_or_says_nothing_lets_nobody_through() {
    let origin = Origin::saying("hello").await;
    let dead = SITE
        .replace("$1", &format!("127.0.0.1:{}", free_port()))
        .replace("$2", "$1");
    let proxy = Proxy::with(&dead, &[&origin]).await;
    is_refused(&proxy, &origin, "no connection").await;
    let reset = Origin::scripted(|_, wire| async move {
        wire.reset();
        None
    })
    .await;
    let proxy = Proxy::with(SITE, &[&reset, &origin]).await;
    is_refused(&proxy, &origin, "ended before").await;
    let silent = Origin::silent().await;
    let proxy = Proxy::with(SITE, &[&silent, &origin]).await;
    is_refused(&proxy, &origin, "in time").await;
    let failures = [("upstream", "auth"), ("kind", "timeout")];
    proxy
        .await_metric("simplon_server_failures_total", &failures, 1)
        .await;
    let slow = Origin::scripted(|_, mut wire| async move {
        loop {
            // A byte at a time, for ever.
            if wire.try_send("HTTP/1.1 200 OK\r\nx: ").await.is_err() {
                return None;
            }
            while wire.try_send("x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    })
    .await;
    let proxy = Proxy::with(SITE, &[&slow, &origin]).await;
    is_refused(&proxy, &origin, "in time").await;
}

#[tokio::test]
async fn another_server_is_asked_when_one_cannot_be() {
    let (auth, origin) = (Origin::saying("").await, Origin::saying("hello").await);
    let dead = format!("servers: [127.0.0.1:{}, $1]", free_port());
    let proxy = Proxy::with(&SITE.replace("servers: [$1]", &dead), &[&auth, &origin]).await;
    for _ in 0..6 {
        assert_eq!(proxy.get("/a").await.status(), 200);
    }
    assert_eq!(auth.count("/verify"), 6);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_or_said_too_much_is_not_used() {
    let origin = Origin::saying("hello").await;
    let mut auth = Origin::saying("").await;
    let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
    for round in 1..=3 {
        assert_eq!(proxy.get("/a").await.status(), 200);
        assert_eq!(auth.connections(), round);
        auth.stop().await;
        auth.start_again().await;
    }
    let talkative = Origin::scripted(|_, mut wire| async move {
        let two = "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        wire.try_send(two).await.ok()?;
        Some(wire)
    })
    .await;
    let proxy = Proxy::with(SITE, &[&talkative, &origin]).await;
    for _ in 0..4 {
        assert_eq!(proxy.get("/a").await.status(), 403);
    }
    assert_eq!(talkative.connections(), 4);
}

#[tokio::test]
async fn questions_go_by_tls_sockets_and_proxy_headers_as_the_upstream_says() {
    let origin = Origin::saying("hello").await;
    let authority = Certificates::new();
    let directory = tempfile::tempdir().unwrap();
    authority.write_authority(&directory.path().join("ca.pem"));
    let secured = Origin::secured(&authority.handshake(&["127.0.0.1"]), |_| Reply::ok("")).await;
    let site = SITE.replace("servers: [$1]", "servers: [$1], tls: { ca: ca.pem }");
    let proxy = Proxy::in_directory(directory, &site, &[&secured, &origin]).await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/a").await.status(), 200);
    }
    assert_eq!(
        (secured.secured_connections(), secured.count("/verify")),
        (1, 3)
    );

    let place = tempfile::tempdir().unwrap();
    let socket = Origin::saying_on(place.path().join("auth.sock"), "").await;
    let proxy = Proxy::with(SITE, &[&socket, &origin]).await;
    assert_eq!(proxy.get("/a").await.status(), 200);
    assert_eq!(socket.count("/verify"), 1);

    let auth = Origin::saying("").await;
    let doorman = Doorman::before(&auth).await;
    let site = SITE
        .replace(
            "servers: [$1]",
            &format!("servers: ['{doorman}'], proxy_protocol: v1"),
        )
        .replace("$2", "$1");
    let proxy = Proxy::with(&site, &[&origin]).await;
    for count in 1..=2 {
        assert_eq!(proxy.get("/a").await.status(), 200);
        let headers = doorman.headers();
        assert_eq!(headers.len(), count, "one each: {headers:?}");
        assert!(
            headers[0].starts_with("v1 TCP4 127.0.0.1 127.0.0.1 "),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_lets_nobody_through() {
    let origin = Origin::saying("hello").await;
    let (authority, other) = (Certificates::new(), Certificates::new());
    let directory = tempfile::tempdir().unwrap();
    other.write_authority(&directory.path().join("ca.pem"));
    let secured = Origin::secured(&authority.handshake(&["127.0.0.1"]), |_| Reply::ok("")).await;
    let site = SITE.replace("servers: [$1]", "servers: [$1], tls: { ca: ca.pem }");
    let proxy = Proxy::in_directory(directory, &site, &[&secured, &origin]).await;
    is_refused(&proxy, &origin, "no connection").await;
    assert!(secured.requests().is_empty());
}
