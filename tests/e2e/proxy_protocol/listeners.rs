//! Listeners behind a proxy: who may speak, what must come first, and who the client is then.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::headers::{v1, v2, v2_ipv4, v2_ipv6, v2_local, v2_with_checksum};
use crate::harness::{Client, Hands, Http2, Message, Origin, Proxy, Reply, Wire, request};

/// A plain listener and one with TLS that believe `from`, with these limits, in front of `$1`.
fn believing(from: &str, limits: &str) -> String {
    format!(
        "
        listeners:
          http:
            bind: 127.0.0.1:$http
            proxy_protocol: {{ from: [{from}] }}
            limits: {{ {limits} }}
          https:
            bind: 127.0.0.1:$https
            tls: intermediate
            proxy_protocol: {{ from: [{from}] }}
            limits: {{ {limits} }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

/// An origin that says who asks, as `X-Forwarded-For` has it.
async fn telling() -> Origin {
    Origin::answering(|request: &Message| {
        let client = request.field("x-forwarded-for").unwrap_or("nobody");
        Reply::ok(client.to_owned())
    })
    .await
}

async fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client of the listener with TLS, behind this header.
async fn tls_client(
    proxy: &Proxy,
    header: &[u8],
    protocols: &[&str],
) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut stream = connect(proxy.https()).await;
    stream.write_all(header).await.unwrap();
    let hands = Hands::new(&proxy.trust()).offering(protocols);
    hands.shake_on(stream, "localhost").await.unwrap()
}

/// The client that the origin hears of, with this header before a request to the plain listener.
async fn told(proxy: &Proxy, header: &[u8], lines: &[&str]) -> String {
    let mut client = proxy.client().await;
    let request = request("GET", "/", lines, b"");
    client.send([header, &request].concat()).await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 200, "{answer:?}");
    answer.text().to_owned()
}

async fn refused(proxy: &Proxy, listener: &str, reason: &str) -> u64 {
    let labels = [("listener", listener), ("reason", reason)];
    let count = proxy.metric("simplon_connections_refused_total", &labels);
    count.await.unwrap()
}

#[tokio::test]
async fn the_client_is_whom_the_header_names() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.1", ""), &[&origin]).await;
    for (header, client) in [
        (v1("203.0.113.7:5555", "198.51.100.2:443"), "203.0.113.7"),
        (v1("[2001:db8::7]:1", "[2001:db8::2]:2"), "2001:db8::7"),
        (v1("[::ffff:203.0.113.8]:1", "[::1]:2"), "203.0.113.8"),
        (v2_ipv4(b""), "203.0.113.7"),
        (v2_ipv4(b"\x01\0\x02h2\x04\0\0\xe4\0\x01x"), "203.0.113.7"),
        (
            v2_ipv4(&[&b"\x04\x03\xe8"[..], &[0; 1000]].concat()),
            "203.0.113.7",
        ),
        (v2_with_checksum(), "203.0.113.7"),
        (v2_ipv6(), "2001:db8::7"),
    ] {
        assert_eq!(told(&proxy, &header, &[]).await, client, "{header:x?}");
        let stream = tls_client(&proxy, &header, &["http/1.1"]).await;
        let mut secure = Client::new(Wire::new(stream));
        let path = format!("/{client}/{}", header.len());
        let answer = secure.ask("GET", &path, &["host: localhost"], b"").await;
        assert_eq!(answer.text(), client, "{header:x?}");
        let line = proxy.logged(|line| line["path"] == *path).await;
        assert_eq!(line["client"], client, "{header:x?}");
    }
}

#[tokio::test]
async fn a_proxy_that_names_nobody_is_the_client_itself() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.1", ""), &[&origin]).await;
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN 203.0.113.7 198.51.100.2 1 2\r\n".to_vec(),
        v2_local(),
        v2(0x20, 0x11, &v2_ipv4(b"")[16..]),
        v2(0x21, 0x00, b""),
        v2(0x21, 0x31, &[b'/'; 216]),
    ] {
        assert_eq!(told(&proxy, &header, &[]).await, "127.0.0.1", "{header:x?}");
    }
}

#[tokio::test]
async fn the_client_of_http2_is_whom_the_header_names_too() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.1", ""), &[&origin]).await;
    let client = Http2::over(tls_client(&proxy, &v2_ipv6(), &["h2"]).await).await;
    for _ in 0..2 {
        assert_eq!(client.get("/").await.body, b"2001:db8::7");
    }
}

#[tokio::test]
async fn a_header_may_come_byte_by_byte() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.0/8", ""), &[&origin]).await;
    for header in [
        v1("203.0.113.7:5555", "198.51.100.2:443"),
        v2_with_checksum(),
    ] {
        let mut stream = connect(proxy.http()).await;
        for byte in &header {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut client = Client::new(Wire::new(stream));
        assert_eq!(client.get("/").await.text(), "203.0.113.7");
        let mut stream = connect(proxy.https()).await;
        for byte in &header {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        let hands = Hands::new(&proxy.trust());
        let stream = hands.shake_on(stream, "localhost").await.unwrap();
        let mut client = Client::new(Wire::new(stream));
        let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
        assert_eq!(answer.text(), "203.0.113.7");
    }
}

#[tokio::test]
async fn what_does_not_begin_with_a_sound_header_is_closed_and_never_a_request() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.1", ""), &[&origin]).await;
    let mut wrong_sum = v2_with_checksum();
    wrong_sum[16] ^= 1;
    let headers = [
        b"".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 198.51.100.2 5555\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7 198.51.100.2 5555 443\n".to_vec(),
        b"PROXY TCP4 203.0.113.07 198.51.100.2 5555 443\r\n".to_vec(),
        b"PROXY TCP4 2001:db8::7 2001:db8::2 5555 443\r\n".to_vec(),
        [&b"PROXY UNKNOWN "[..], &[b'x'; 100], b"\r\n"].concat(),
        v2(0x31, 0x11, &v2_ipv4(b"")[16..]),
        v2(0x21, 0x12, &v2_ipv4(b"")[16..]),
        v2(0x21, 0x11, &[0; 11]),
        v2_ipv4(b"\x04\0\x09short"),
        v2_ipv4(&[0; 3000]),
        wrong_sum,
    ];
    for (header, nth) in headers.iter().zip(1..) {
        for (listener, port) in [("http", proxy.http()), ("https", proxy.https())] {
            let mut client = Client::connect(port).await;
            let all = [header, &request("GET", "/", &[], b"")[..]].concat();
            // It may be closed before all of it is sent.
            let _ = client.wire.try_send(all).await;
            client.expect_end().await;
            assert_eq!(
                refused(&proxy, listener, "proxy_header").await,
                nth,
                "{header:x?}"
            );
        }
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn a_proxy_that_leaves_in_the_middle_of_a_header_is_counted() {
    let origin = telling().await;
    let proxy = Proxy::with(&believing("127.0.0.1", ""), &[&origin]).await;
    for (part, nth) in [&b""[..], b"PROXY TCP4 203", &v2_ipv4(b"")[..20]]
        .iter()
        .zip(1..)
    {
        let mut stream = connect(proxy.http()).await;
        stream.write_all(part).await.unwrap();
        drop(stream);
        let labels = [("listener", "http"), ("reason", "proxy_header")];
        proxy
            .await_metric("simplon_connections_refused_total", &labels, nth)
            .await;
    }
}

#[tokio::test]
async fn a_header_that_is_not_whole_in_time_ends_the_connection() {
    let origin = telling().await;
    let text = believing("127.0.0.1", "handshake_timeout: 400ms");
    let proxy = Proxy::with(&text, &[&origin]).await;
    for (listener, port) in [("http", proxy.http()), ("https", proxy.https())] {
        let mut silent = Client::connect(port).await;
        silent.expect_end().await;
        // A byte now and then puts nothing off.
        let mut client = Client::connect(port).await;
        for byte in v1("203.0.113.7:5555", "198.51.100.2:443").iter().take(20) {
            let _ = client.wire.try_send([*byte]).await;
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        client.expect_end().await;
        assert_eq!(refused(&proxy, listener, "proxy_header_timeout").await, 2);
        assert_eq!(refused(&proxy, listener, "proxy_header").await, 0);
    }
    assert_eq!(told(&proxy, &v2_local(), &[]).await, "127.0.0.1");
}

#[tokio::test]
async fn who_is_not_one_of_the_proxies_is_closed_at_once_whatever_it_says() {
    let origin = telling().await;
    let text = believing("192.0.2.0/24, \"::1\"", "");
    let proxy = Proxy::with(&text, &[&origin]).await;
    for (listener, port) in [("http", proxy.http()), ("https", proxy.https())] {
        Client::connect(port).await.expect_end().await;
        let mut liar = Client::connect(port).await;
        let all = [v2_ipv4(b""), request("GET", "/", &[], b"")].concat();
        let _ = liar.wire.try_send(all).await;
        liar.expect_end().await;
        assert_eq!(refused(&proxy, listener, "not_from_proxy").await, 2);
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn connections_count_for_the_client_that_the_header_names() {
    let origin = telling().await;
    let text = believing("127.0.0.1", "connections_per_client: 1");
    let proxy = Proxy::with(&text, &[&origin]).await;
    let named = async |client: &str| {
        let mut connection = proxy.client().await;
        connection.send(v1(client, "198.51.100.2:443")).await;
        connection
    };
    let mut first = named("203.0.113.7:1").await;
    assert_eq!(first.get("/").await.text(), "203.0.113.7");
    let mut other = named("203.0.113.8:1").await;
    assert_eq!(other.get("/").await.text(), "203.0.113.8");
    let mut second = named("203.0.113.7:2").await;
    assert_eq!(second.response().await.status(), 429);
    second.expect_end().await;
    assert_eq!(refused(&proxy, "http", "client").await, 1);
    assert_eq!(first.get("/").await.status(), 200);
}

#[tokio::test]
async fn who_has_not_sent_its_header_takes_a_seat_of_the_listener() {
    let origin = telling().await;
    // One worker, so that who comes first is let in first.
    let text = believing("127.0.0.1", "connections: 2, connections_per_client: 1") + "workers: 1\n";
    let proxy = Proxy::with(&text, &[&origin]).await;
    let (mut first, _second) = (proxy.client().await, proxy.client().await);
    proxy.client().await.expect_end().await;
    assert_eq!(refused(&proxy, "http", "full").await, 1);
    first.send(v2_ipv4(b"")).await;
    assert_eq!(first.get("/").await.status(), 200);
}

#[tokio::test]
async fn a_named_client_is_believed_no_more_than_one_that_connects_itself() {
    let origin = telling().await;
    let text = believing("127.0.0.1", "") + "trusted_proxies: [127.0.0.1, 203.0.113.7]\n";
    let proxy = Proxy::with(&text, &[&origin]).await;
    let lie = ["x-forwarded-for: 192.0.2.99"];
    let other = v1("203.0.113.8:1", "198.51.100.2:443");
    assert_eq!(told(&proxy, &other, &lie).await, "203.0.113.8");
    assert_eq!(
        told(&proxy, &v2_ipv4(b""), &lie).await,
        "192.0.2.99, 203.0.113.7"
    );
}

#[tokio::test]
async fn a_reload_that_brings_the_protocol_ends_the_connections_that_came_without() {
    let origin = telling().await;
    let without = "upstreams: { web: { servers: [$1] } }\nroutes: [{ upstream: web }]\n";
    let proxy = Proxy::with(without, &[&origin]).await;
    let mut before = proxy.client().await;
    assert_eq!(before.get("/").await.text(), "127.0.0.1");
    proxy.rewrite(&believing("127.0.0.1", ""));
    proxy.reload().await;
    before.expect_end().await;
    assert_eq!(told(&proxy, &v2_ipv4(b""), &[]).await, "203.0.113.7");
    proxy.rewrite(without);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "127.0.0.1");
}
