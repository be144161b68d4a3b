//! Servers that are told who the client is, by a header before anything else on each connection.

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::headers::v1;
use crate::harness::{
    Certificates, Client, Doorman, H2Origin, Origin, Proxy, Reply, Setup, Wire, until,
};

/// A plain listener, one behind a proxy as `$other`, and an upstream of one server with these keys.
fn telling(doorman: &Doorman, keys: &str) -> String {
    format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          other: {{ bind: 127.0.0.1:$other, proxy_protocol: {{ from: [127.0.0.1] }} }}
        upstreams: {{ web: {{ servers: ['{doorman}'], {keys} }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

/// A client that a proxy before ours names, which connected to 198.51.100.2:443.
async fn named(proxy: &Proxy, client: &str) -> Client {
    let mut connection = Client::connect(proxy.other()).await;
    let family_of = if client.starts_with('[') {
        "[2001:db8::2]:443"
    } else {
        "198.51.100.2:443"
    };
    connection.send(v1(client, family_of)).await;
    connection
}

#[tokio::test]
async fn a_server_hears_of_both_ends_of_the_clients_connection() {
    let origin = Origin::saying("hello").await;
    for version in ["v1", "v2"] {
        let doorman = Doorman::before(&origin).await;
        let text = telling(&doorman, &format!("proxy_protocol: {version}"));
        let proxy = Proxy::with(&text, &[]).await;
        let stream = TcpStream::connect(("127.0.0.1", proxy.http()))
            .await
            .unwrap();
        let port = stream.local_addr().unwrap().port();
        let mut client = Client::new(Wire::new(stream));
        assert_eq!(client.get("/").await.text(), "hello");
        let mut client = named(&proxy, "203.0.113.7:5555").await;
        assert_eq!(client.get("/").await.text(), "hello");
        let mut client = named(&proxy, "[2001:db8::7]:5555").await;
        assert_eq!(client.get("/").await.text(), "hello");
        let expected = [
            format!("{version} TCP4 127.0.0.1 127.0.0.1 {port} {}", proxy.http()),
            format!("{version} TCP4 203.0.113.7 198.51.100.2 5555 443"),
            format!("{version} TCP6 2001:db8::7 2001:db8::2 5555 443"),
        ];
        assert_eq!(doorman.headers(), expected);
    }
}

#[tokio::test]
async fn the_client_of_a_trusted_proxy_is_told_without_a_port() {
    let origin = Origin::saying("hello").await;
    let doorman = Doorman::before(&origin).await;
    let text = telling(&doorman, "proxy_protocol: v2") + "trusted_proxies: [127.0.0.1]\n";
    let proxy = Proxy::with(&text, &[]).await;
    let mut client = proxy.client().await;
    let mut expected = Vec::new();
    for (said, family, told, reached) in [
        ("203.0.113.7", "TCP4", "203.0.113.7", "127.0.0.1"),
        ("203.0.113.8, 127.0.0.1", "TCP4", "203.0.113.8", "127.0.0.1"),
        ("2001:db8::7", "TCP6", "2001:db8::7", "::ffff:127.0.0.1"),
    ] {
        let line = format!("x-forwarded-for: {said}");
        client.ask("GET", "/", &[&line], b"").await;
        expected.push(format!("v2 {family} {told} {reached} 0 {}", proxy.http()));
    }
    assert_eq!(doorman.headers(), expected);
}

/// Twenty clients of a trusted proxy by one connection, and then the proxy itself.
async fn nothing_is_kept_for_whom_a_proxy_names(doorman: &Doorman, keys: &str) {
    let text = telling(doorman, keys) + "trusted_proxies: [127.0.0.1]\n";
    let proxy = Proxy::with(&text, &[]).await;
    let mut client = proxy.client().await;
    for nth in 0..20 {
        let line = format!("x-forwarded-for: 203.0.113.{nth}");
        assert_eq!(client.ask("GET", "/", &[&line], b"").await.status(), 200);
    }
    until("they are closed", async || doorman.gone() == 20).await;
    // The proxy itself is a client too, and the connection that it has is kept for it.
    for _ in 0..2 {
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert_eq!((doorman.headers().len(), doorman.gone()), (21, 20));
}

#[tokio::test]
async fn for_the_clients_of_a_trusted_proxy_no_connection_is_kept() {
    let origin = Origin::saying("hello").await;
    let doorman = Doorman::before(&origin).await;
    nothing_is_kept_for_whom_a_proxy_names(&doorman, "proxy_protocol: v2").await;
}

#[tokio::test]
async fn nor_is_one_of_http2_kept_for_them() {
    let origin = H2Origin::start().await;
    let doorman = Doorman::before(&origin).await;
    let keys = "proxy_protocol: v2, protocol: h2c";
    nothing_is_kept_for_whom_a_proxy_names(&doorman, keys).await;
}

/// Two clients in turn, and the first again on another connection: to the server each of the three has a
/// connection of its own, which it keeps.
async fn nobody_shares(doorman: &Doorman, proxy: &Proxy) {
    let mut clients = Vec::new();
    for client in ["203.0.113.7:1", "203.0.113.8:1", "203.0.113.7:2"] {
        clients.push(named(proxy, client).await);
    }
    // HTTP/2 has things of its own to say on each connection, but not as many.
    let much = vec![b'x'; 20_000];
    for turn in 0..4 {
        for (client, nth) in clients.iter_mut().zip(0..) {
            let before = doorman.said();
            let answer = client.ask("POST", "/", &[], &much).await;
            assert_eq!(answer.status(), 200);
            let after = doorman.said();
            let grown = (0..after.len()).filter(|at| {
                let before = before.get(*at).unwrap_or(&0);
                after[*at] - before >= much.len()
            });
            assert_eq!(grown.collect::<Vec<_>>(), [nth], "turn {turn}");
        }
    }
    let told = |client: &str| format!("v2 TCP4 {client} 443");
    let expected = [
        "203.0.113.7 198.51.100.2 1",
        "203.0.113.8 198.51.100.2 1",
        "203.0.113.7 198.51.100.2 2",
    ];
    assert_eq!(doorman.headers(), expected.map(told));
}

fn knowing(authority: &Certificates) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    authority.write_authority(&directory.path().join("ca.pem"));
    directory
}

#[tokio::test]
async fn two_clients_never_share_a_connection_and_each_reuses_its_own() {
    let origin = Origin::saying("hello").await;
    let doorman = Doorman::before(&origin).await;
    let proxy = Proxy::with(&telling(&doorman, "proxy_protocol: v2"), &[]).await;
    nobody_shares(&doorman, &proxy).await;
}

#[tokio::test]
async fn nor_do_they_with_tls() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]);
    let origin = Origin::secured(&handshake, |_| Reply::ok("hello")).await;
    let doorman = Doorman::before(&origin).await;
    let text = telling(&doorman, "proxy_protocol: v2, tls: { ca: ca.pem }");
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[]).await;
    nobody_shares(&doorman, &proxy).await;
}

#[tokio::test]
async fn nor_do_they_by_http2_without_tls() {
    let origin = H2Origin::start().await;
    let doorman = Doorman::before(&origin).await;
    let text = telling(&doorman, "proxy_protocol: v2, protocol: h2c");
    let proxy = Proxy::with(&text, &[]).await;
    nobody_shares(&doorman, &proxy).await;
}

#[tokio::test]
async fn nor_do_they_by_http2_with_tls() {
    let authority = Certificates::new();
    let handshake = authority.handshake(&["127.0.0.1"]).speaking(&["h2"]);
    let origin = H2Origin::secured(&handshake).await;
    let doorman = Doorman::before(&origin).await;
    let text = telling(
        &doorman,
        "proxy_protocol: v2, protocol: h2, tls: { ca: ca.pem }",
    );
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[]).await;
    nobody_shares(&doorman, &proxy).await;
}

/// One of two clients leaves, and what was kept for it ends; the other's connection stays.
async fn nothing_is_kept_for_who_has_left(doorman: &Doorman, proxy: &Proxy) {
    let mut stays = named(proxy, "203.0.113.7:1").await;
    let mut leaves = named(proxy, "203.0.113.8:1").await;
    // The same client by another connection, as its proxy may have it; that one goes on.
    let mut too = named(proxy, "203.0.113.8:1").await;
    for client in [&mut stays, &mut leaves, &mut too] {
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert_eq!((doorman.headers().len(), doorman.gone()), (3, 0));
    drop(leaves);
    until("its connection ends", async || doorman.gone() == 1).await;
    for client in [&mut stays, &mut too] {
        assert_eq!(client.get("/").await.status(), 200);
    }
    assert_eq!((doorman.headers().len(), doorman.gone()), (3, 1));
}

#[tokio::test]
async fn what_was_kept_for_a_client_ends_when_the_client_leaves() {
    let origin = Origin::saying("hello").await;
    let doorman = Doorman::before(&origin).await;
    let proxy = Proxy::with(&telling(&doorman, "proxy_protocol: v1"), &[]).await;
    nothing_is_kept_for_who_has_left(&doorman, &proxy).await;
}

#[tokio::test]
async fn what_was_kept_by_http2_ends_with_the_client_too() {
    let origin = H2Origin::start().await;
    let doorman = Doorman::before(&origin).await;
    let text = telling(&doorman, "proxy_protocol: v1, protocol: h2c");
    let proxy = Proxy::with(&text, &[]).await;
    nothing_is_kept_for_who_has_left(&doorman, &proxy).await;
}

#[tokio::test]
async fn an_upgrade_begins_with_the_header_too() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
        while let Ok(word) = wire.read_exactly(5).await {
            wire.send(word.to_ascii_uppercase()).await;
        }
        None
    })
    .await;
    let doorman = Doorman::before(&origin).await;
    let proxy = Proxy::with(&telling(&doorman, "proxy_protocol: v1"), &[]).await;
    let mut client = named(&proxy, "203.0.113.7:5555").await;
    let lines = [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
    ];
    let answer = client.ask("GET", "/", &lines, b"").await;
    assert_eq!(answer.status(), 101);
    client.send("hello").await;
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"HELLO");
    let expected = ["v1 TCP4 203.0.113.7 198.51.100.2 5555 443"];
    assert_eq!(doorman.headers(), expected);
}

#[tokio::test]
async fn checks_name_no_client() {
    let origin = Origin::saying("hello").await;
    for (version, own) in [("v1", "v1 TCP4 127.0.0.1 127.0.0.1 "), ("v2", "v2 LOCAL")] {
        for check in [
            "{ path: /, interval: 50ms }",
            "{ tcp: true, interval: 50ms }",
        ] {
            let doorman = Doorman::before(&origin).await;
            let keys = format!("proxy_protocol: {version}, health: {check}");
            let proxy = Proxy::with(&telling(&doorman, &keys), &[]).await;
            until("the server is checked", async || {
                doorman.headers().len() > 2
            })
            .await;
            assert!(
                doorman
                    .headers()
                    .iter()
                    .all(|header| header.starts_with(own))
            );
            assert_eq!(
                named(&proxy, "203.0.113.7:1").await.get("/").await.status(),
                200
            );
        }
    }
}

#[tokio::test]
async fn another_version_after_a_reload_begins_with_new_connections() {
    let origin = Origin::saying("hello").await;
    let doorman = Doorman::before(&origin).await;
    let proxy = Setup::of(&telling(&doorman, "proxy_protocol: v1"))
        .start()
        .await;
    let mut client = named(&proxy, "203.0.113.7:1").await;
    assert_eq!(client.get("/").await.status(), 200);
    proxy.rewrite(&telling(&doorman, "proxy_protocol: v2"));
    proxy.reload().await;
    assert_eq!(client.get("/").await.status(), 200);
    let ends = "TCP4 203.0.113.7 198.51.100.2 1 443";
    assert_eq!(
        doorman.headers(),
        [format!("v1 {ends}"), format!("v2 {ends}")]
    );
}
