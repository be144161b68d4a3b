//! TLS: which certificate, which protocol, and who may stay.

mod clients;
mod hello;
mod key_log;
mod openssl;
mod redirect;
mod tickets;

use std::{
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use http::Request;
use rustls::ProtocolVersion;
use tokio::net::TcpStream;

use crate::harness::{Certificates, Client, Proxy, Trust, Wire, shake_hands};

const SELF_SIGNED: &str = "
    listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate, limits: { handshake_timeout: 400ms } } }
    certificates:
      - { hosts: [localhost, '*.lan.test'], self_signed: true }
      - { hosts: [other.test], self_signed: true }
    routes: [{ respond: { body: secure } }]
    ";

#[tokio::test]
async fn a_self_signed_certificate_is_accepted_by_who_trusts_the_development_authority() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    for name in [
        "localhost",
        "a.lan.test",
        "other.test",
        "LOCALHOST",
        "127.0.0.1",
    ] {
        let host = format!("host: {name}");
        let answer = proxy
            .tls_client(name)
            .await
            .ask("GET", "/", &[&host], b"")
            .await;
        assert_eq!(answer.text(), "secure", "{name}");
    }
    let stranger = tempfile::tempdir().unwrap();
    let trust = Certificates::new().trust(stranger.path());
    assert!(
        shake_hands(proxy.https(), "localhost", &[], &trust)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_name_without_a_certificate_is_refused_in_the_handshake() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    for name in ["unknown.test", "lan.test", "a.b.lan.test", "localhost.test"] {
        let error = shake_hands(proxy.https(), name, &[], &proxy.trust())
            .await
            .err();
        let error = error
            .unwrap_or_else(|| panic!("{name} was accepted"))
            .to_string();
        assert!(error.contains("received fatal alert"), "{name}: {error}");
    }
    let labels = [("listener", "https"), ("reason", "unknown_host")];
    // The alert reaches the client before the proxy has counted.
    proxy
        .await_metric("simplon_connections_refused_total", &labels, 4)
        .await;
}

#[tokio::test]
async fn the_development_authority_is_private_and_outlives_a_restart() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let mode = |name: &str| {
        let path = proxy.state().join(name);
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode("."), mode("dev-ca.key")), (0o700, 0o600));
    let before = std::fs::read(proxy.state().join("dev-ca.pem")).unwrap();
    let trust = proxy.trust();
    let again = Proxy::in_directory(proxy.leave().await, SELF_SIGNED, &[]).await;
    assert_eq!(
        std::fs::read(again.state().join("dev-ca.pem")).unwrap(),
        before
    );
    assert!(
        shake_hands(again.https(), "localhost", &[], &trust)
            .await
            .is_ok()
    );
}

/// A proxy with certificates from files, and trust in who signed them.
async fn with_files() -> (Proxy, Trust) {
    let directory = tempfile::tempdir().unwrap();
    let certificates = Certificates::new();
    certificates.write(directory.path(), "one", &["one.test", "www.one.test"]);
    certificates.write(directory.path(), "wild", &["*.wild.test"]);
    let trust = certificates.trust(directory.path());
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: modern } }
        certificates:
          - { hosts: [one.test, www.one.test], chain: one.pem, key: one.key }
          - { hosts: ['*.wild.test'], chain: wild.pem, key: wild.key }
        routes: [{ respond: { body: secure } }]
        ";
    (Proxy::in_directory(directory, text, &[]).await, trust)
}

#[tokio::test]
async fn the_server_name_chooses_the_certificate_from_files() {
    let (proxy, trust) = with_files().await;
    for name in ["one.test", "www.one.test", "a.wild.test"] {
        // A client accepts no certificate but one for the name it asked for.
        let stream = shake_hands(proxy.https(), name, &["http/1.1"], &trust)
            .await
            .unwrap();
        let mut client = Client::new(Wire::new(stream));
        let answer = client
            .ask("GET", "/", &[&format!("host: {name}")], b"")
            .await;
        assert_eq!(answer.text(), "secure");
    }
    assert!(
        shake_hands(proxy.https(), "two.test", &[], &trust)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_host_of_another_certificate_is_misdirected() {
    let (proxy, trust) = with_files().await;
    let stream = shake_hands(proxy.https(), "one.test", &["http/1.1"], &trust)
        .await
        .unwrap();
    let mut client = Client::new(Wire::new(stream));
    for (host, status) in [
        ("one.test", 200),
        ("www.one.test", 200),
        ("a.wild.test", 421),
        ("nobody.test", 421),
        ("ONE.test.:443", 200),
    ] {
        let answer = client
            .ask("GET", "/", &[&format!("host: {host}")], b"")
            .await;
        assert_eq!(answer.status(), status, "{host}");
    }
    let line = proxy.logged(|line| line["status"] == 421).await;
    assert_eq!(line["refusal"], "misdirected");
    assert_eq!(line["tls"]["sni"], "one.test");
}

#[tokio::test]
async fn a_misdirected_http_2_request_is_421_and_the_connection_goes_on() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let client = proxy.h2_client("localhost").await;
    let elsewhere = Request::get("https://other.test/").body(()).unwrap();
    assert_eq!(client.ask(elsewhere, b"").await.status, 421);
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test]
async fn alpn_settles_the_protocol() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = shake_hands(proxy.https(), "localhost", offered, &proxy.trust())
            .await
            .unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed, "{offered:?}");
        assert_eq!(
            stream.get_ref().1.protocol_version(),
            Some(ProtocolVersion::TLSv1_3)
        );
    }
    // Without ALPN it is HTTP/1.1.
    let stream = shake_hands(proxy.https(), "localhost", &[], &proxy.trust())
        .await
        .unwrap();
    let mut client = Client::new(Wire::new(stream));
    assert_eq!(
        client
            .ask("GET", "/", &["host: localhost"], b"")
            .await
            .text(),
        "secure"
    );
    // RFC 7301 section 3.2: nothing in common ends the handshake.
    assert!(
        shake_hands(proxy.https(), "localhost", &["spdy/3"], &proxy.trust())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_listener_may_leave_http_2_out() {
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate, protocols: [http/1.1] } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let stream = shake_hands(
        proxy.https(),
        "localhost",
        &["h2", "http/1.1"],
        &proxy.trust(),
    )
    .await
    .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_closed_on_in_time() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let silent = TcpStream::connect(("127.0.0.1", proxy.https()))
        .await
        .unwrap();
    let started = Instant::now();
    Wire::new(silent).expect_end().await;
    let took = started.elapsed();
    assert!((350..3000).contains(&took.as_millis()), "{took:?}");
    let labels = [("listener", "https"), ("reason", "handshake_timeout")];
    proxy
        .await_metric("simplon_connections_refused_total", &labels, 1)
        .await;
}

#[tokio::test]
async fn a_client_that_shakes_hands_for_http_2_and_says_nothing_is_closed_on() {
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: intermediate, limits: { header_timeout: 300ms } } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let stream = shake_hands(proxy.https(), "localhost", &["h2"], &proxy.trust())
        .await
        .unwrap();
    let started = Instant::now();
    let _ = Wire::new(stream).read_to_end().await; // an end without close_notify is an error
    assert!(started.elapsed() < Duration::from_secs(3));
    proxy
        .await_metric("simplon_connections", &[("listener", "https")], 0)
        .await;
}

#[tokio::test]
async fn a_client_of_http_2_is_told_how_many_streams_it_may_open() {
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: modern, limits: { streams: 7 } } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        routes: [{ respond: { body: secure } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let http2 = proxy.h2_client("localhost").await;
    assert_eq!(http2.get("/").await.body, b"secure");
    assert_eq!(http2.streams(), 7);
}
