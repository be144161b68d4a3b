//! Simplon among others that speak the PROXY protocol: itself, HAProxy and nginx, before it and behind it.

use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::headers::v1;
use crate::harness::{
    Certificates, Client, Foreign, Hands, Message, Origin, Proxy, Reply, Wire, free_port,
};

/// An origin that says who asks, as `X-Forwarded-For` has it.
async fn telling() -> Origin {
    Origin::answering(|request: &Message| {
        let client = request.field("x-forwarded-for").unwrap_or("nobody");
        Reply::ok(client.to_owned())
    })
    .await
}

/// Behind a proxy that speaks the protocol, in front of `$1`.
const BEHIND: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http, proxy_protocol: { from: [127.0.0.1] } }
      https: { bind: 127.0.0.1:$https, tls: intermediate, proxy_protocol: { from: [127.0.0.1] } }
    certificates: [{ hosts: [localhost], chain: cert.pem, key: cert.key }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
";

/// A proxy as [`BEHIND`], whose certificate this authority signed.
async fn behind(authority: &Certificates, origin: &Origin) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    authority.write(directory.path(), "cert", &["localhost"]);
    Proxy::in_directory(directory, BEHIND, &[origin]).await
}

/// A proxy that is told of clients, and tells the server at this port in these words.
async fn before(authority: &Certificates, port: u16, keys: &str) -> Proxy {
    let directory = tempfile::tempdir().unwrap();
    authority.write_authority(&directory.path().join("ca.pem"));
    let text = format!(
        "
        listeners: {{ http: {{ bind: 127.0.0.1:$http, proxy_protocol: {{ from: [127.0.0.1] }} }} }}
        upstreams: {{ web: {{ servers: ['127.0.0.1:{port}'], {keys} }} }}
        routes: [{{ upstream: web }}]
        "
    );
    Proxy::in_directory(directory, &text, &[]).await
}

async fn named(port: u16, client: &str) -> Client {
    let mut connection = Client::connect(port).await;
    connection.send(v1(client, "198.51.100.2:443")).await;
    connection
}

#[tokio::test]
async fn the_client_is_known_at_the_end_of_a_chain() {
    let authority = Certificates::new();
    let origin = telling().await;
    let last = behind(&authority, &origin).await;
    let tls = "tls: { ca: ca.pem, server_name: localhost }";
    for (port, keys) in [
        (last.http(), "proxy_protocol: v1".to_owned()),
        (
            last.http(),
            "proxy_protocol: v2, health: { path: / }".to_owned(),
        ),
        (
            last.https(),
            format!("proxy_protocol: v2, health: {{ tcp: true }}, {tls}"),
        ),
        (last.https(), format!("proxy_protocol: v1, {tls}")),
        (
            last.https(),
            format!("proxy_protocol: v2, protocol: h2, health: {{ tcp: true }}, {tls}"),
        ),
    ] {
        let first = before(&authority, port, &keys).await;
        let mut one = named(first.http(), "203.0.113.7:1").await;
        let mut other = named(first.http(), "203.0.113.8:1").await;
        for _ in 0..3 {
            // The first writes the client into the field too; the last does not believe it, and need not.
            for (client, name) in [(&mut one, "203.0.113.7"), (&mut other, "203.0.113.8")] {
                let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
                assert_eq!(answer.text(), name, "{keys}");
            }
        }
    }
}

#[tokio::test]
async fn haproxy_before_us_names_its_clients() {
    let authority = Certificates::new();
    let origin = telling().await;
    let proxy = behind(&authority, &origin).await;
    for sends in [
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2 proxy-v2-options crc32c,unique-id",
    ] {
        let (port, secure) = (free_port(), free_port());
        let sections = format!(
            "listen plain\n  mode tcp\n  bind 127.0.0.1:{port} accept-proxy\n  unique-id-format abc\n  \
             server s 127.0.0.1:{} {sends} check\n\
             listen secure\n  mode tcp\n  bind 127.0.0.1:{secure} accept-proxy\n  unique-id-format abc\n  \
             server s 127.0.0.1:{} {sends}\n",
            proxy.http(),
            proxy.https(),
        );
        let _haproxy = Foreign::haproxy(&sections, port).await;
        let mut client = named(port, "203.0.113.7:1").await;
        assert_eq!(client.get("/").await.text(), "203.0.113.7", "{sends}");
        let mut stream = TcpStream::connect(("127.0.0.1", secure)).await.unwrap();
        let header = v1("[2001:db8::7]:1", "[2001:db8::2]:443");
        stream.write_all(&header).await.unwrap();
        let trust = authority.trust(proxy.directory());
        let hands = Hands::new(&trust);
        let stream = hands.shake_on(stream, "localhost").await.unwrap();
        let mut client = Client::new(Wire::new(stream));
        let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
        assert_eq!(answer.text(), "2001:db8::7", "{sends}");
    }
}

#[tokio::test]
async fn haproxy_behind_us_hears_of_our_clients() {
    let authority = Certificates::new();
    for version in ["v1", "v2"] {
        let port = free_port();
        let sections = format!(
            "frontend f\n  mode http\n  bind 127.0.0.1:{port} accept-proxy\n  http-request return status 200 \
             content-type text/plain lf-string \"%[src] %[src_port] %[dst] %[dst_port]\"\n"
        );
        let _haproxy = Foreign::haproxy(&sections, port).await;
        let keys = format!("proxy_protocol: {version}, health: {{ path: / }}");
        let proxy = before(&authority, port, &keys).await;
        let mut client = named(proxy.http(), "203.0.113.7:5555").await;
        assert_eq!(
            client.get("/").await.text(),
            "203.0.113.7 5555 198.51.100.2 443"
        );
    }
}

#[tokio::test]
async fn nginx_behind_us_hears_of_our_clients() {
    let authority = Certificates::new();
    for version in ["v1", "v2"] {
        let port = free_port();
        let said = "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
        let server = format!(
            "server {{ listen 127.0.0.1:{port} proxy_protocol; location / {{ return 200 \"{said}\"; }} }}"
        );
        let _nginx = Foreign::nginx(&server, port).await;
        let keys = format!("proxy_protocol: {version}, health: {{ path: / }}");
        let proxy = before(&authority, port, &keys).await;
        let mut client = named(proxy.http(), "203.0.113.7:5555").await;
        assert_eq!(
            client.get("/").await.text(),
            "203.0.113.7 5555 198.51.100.2 443"
        );
    }
}
