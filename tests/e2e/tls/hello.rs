//! What becomes of a client by its first message.

use rustls::{
    AlertDescription, Error, NamedGroup,
    crypto::{SupportedKxGroup, aws_lc_rs::kx_group},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::SELF_SIGNED;
use crate::harness::{Client, Hands, Proxy, Wire, in_time};

/// The alert that ended the handshake.
async fn alert(hands: &Hands, port: u16, name: &str) -> Option<AlertDescription> {
    let error = hands.shake(port, name).await.err()?;
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

#[tokio::test]
async fn an_unknown_name_is_told_so() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let trust = proxy.trust();
    for version in [&TLS12, &TLS13] {
        let hands = Hands::speaking(&trust, version);
        let said = alert(&hands, proxy.https(), "unknown.test").await;
        assert_eq!(
            said,
            Some(AlertDescription::UnrecognisedName),
            "{version:?}"
        );
    }
    let labels = [("listener", "https"), ("reason", "unknown_host")];
    proxy
        .await_metric("simplon_connections_refused_total", &labels, 2)
        .await;
    let failures = [("listener", "https")];
    let failed = proxy.metric("simplon_tls_handshake_failures_total", &failures);
    assert_eq!(failed.await, Some(0));
}

#[tokio::test]
async fn tls_1_3_only_refuses_1_2() {
    for tls in ["modern", "{ min_version: '1.3' }"] {
        let text = SELF_SIGNED.replace("tls: intermediate", &format!("tls: {tls}"));
        let proxy = Proxy::with(&text, &[]).await;
        let (port, trust) = (proxy.https(), proxy.trust());
        let old = Hands::speaking(&trust, &TLS12);
        let said = alert(&old, port, "localhost").await;
        assert_eq!(said, Some(AlertDescription::ProtocolVersion), "{tls}");
        let new = Hands::speaking(&trust, &TLS13);
        assert!(new.enter(port, "localhost").await.is_ok(), "{tls}");
    }
}

#[tokio::test]
async fn keys_that_quantum_computers_cannot_find_are_agreed_on_and_preferred() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let (port, trust) = (proxy.https(), proxy.trust());
    let group = async |hands: Hands| {
        let stream = hands.shake(port, "localhost").await.unwrap();
        let group = stream.get_ref().1.negotiated_key_exchange_group();
        group.map(SupportedKxGroup::name)
    };
    let alone = Hands::agreeing_by(&trust, kx_group::X25519MLKEM768);
    assert_eq!(group(alone).await, Some(NamedGroup::X25519MLKEM768));
    assert_eq!(
        group(Hands::new(&trust)).await,
        Some(NamedGroup::X25519MLKEM768)
    );
    let classic = Hands::agreeing_by(&trust, kx_group::X25519);
    assert_eq!(group(classic).await, Some(NamedGroup::X25519));
}

#[tokio::test]
async fn a_request_without_tls_gets_a_page_that_says_so() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let mut client = Client::connect(proxy.https()).await;
    let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
    assert_eq!(answer.status(), 400);
    assert!(answer.text().contains("speaks TLS"), "{}", answer.text());
    assert_eq!(answer.field("connection"), Some("close"));
    client.expect_end().await;
    let labels = [("listener", "https"), ("reason", "not_tls")];
    proxy
        .await_metric("simplon_connections_refused_total", &labels, 1)
        .await;
}

#[tokio::test]
async fn what_is_no_handshake_ends_in_good_order_and_harms_nobody() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let noise: Vec<u8> = (0..5000u32)
        .map(|n| (n * 31 + 128).to_le_bytes()[0])
        .collect();
    let cases: [&[u8]; 6] = [
        b"\0",
        b"\x16\x03\x01\x00\x02\x01\x00",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x00",
        b"\x80\x2e\x01\x03\x01",
        &noise,
    ];
    for bytes in cases {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.https()))
            .await
            .unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = Vec::new();
        in_time("the end", stream.read_to_end(&mut said))
            .await
            .unwrap();
        // An alert at most.
        assert!(
            said.len() <= 7 && (said.is_empty() || said[0] == 21),
            "{said:?}"
        );
    }
    let labels = [("listener", "https")];
    proxy
        .await_metric("simplon_tls_handshake_failures_total", &labels, 6)
        .await;
    assert_eq!(
        proxy.h2_client("localhost").await.get("/").await.status,
        200
    );
}

#[tokio::test]
async fn who_stops_in_the_middle_of_a_hello_is_closed_on_in_time() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let mut stream = TcpStream::connect(("127.0.0.1", proxy.https()))
        .await
        .unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();
    Wire::new(stream).expect_end().await;
    let labels = [("listener", "https"), ("reason", "handshake_timeout")];
    proxy
        .await_metric("simplon_connections_refused_total", &labels, 1)
        .await;
}

/// A CA would get its answer here; nobody is waiting for one, so it is a client like any other.
#[tokio::test]
async fn without_a_challenge_at_issue_acme_tls_1_is_no_protocol_of_ours() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let trust = proxy.trust();
    let hands = Hands::new(&trust).offering(&["acme-tls/1"]);
    let said = alert(&hands, proxy.https(), "localhost").await;
    assert_eq!(said, Some(AlertDescription::NoApplicationProtocol));
    let both = Hands::new(&trust).offering(&["acme-tls/1", "http/1.1"]);
    assert!(both.enter(proxy.https(), "localhost").await.is_ok());
}

#[tokio::test]
async fn a_hello_of_several_records_is_heard_to_its_end() {
    let proxy = Proxy::with(SELF_SIGNED, &[]).await;
    let trust = proxy.trust();
    let long: Vec<String> = (0..240).map(|number| format!("{number:0>250}")).collect();
    for count in [60, 100, long.len()] {
        let offered = long.iter().take(count).map(String::as_str);
        let offered: Vec<&str> = offered.chain(["http/1.1"]).collect();
        let hands = Hands::speaking(&trust, &TLS13).offering(&offered);
        let entered = hands.enter(proxy.https(), "localhost").await.unwrap();
        assert_eq!(entered.answer.text(), "secure", "{count}");
    }
}
