//! Clients that begin a handshake and do not end it.

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{ClientConfig, ClientConnection, RootCertStore, crypto::aws_lc_rs::default_provider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    process::Command,
    time::{sleep, timeout},
};

use super::{Stage, Way, get};
use crate::harness::{in_time, until};

/// A `ClientHello` for `localhost`.
fn hello(protocol: &str) -> Vec<u8> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// A connection from an address of its own.
async fn from(address: [u8; 4], stage: &Stage) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((address, 0).into()).unwrap();
    let to = ([127, 0, 0, 1], stage.proxy.https()).into();
    in_time("connecting", socket.connect(to)).await.unwrap()
}

const OURS: [u8; 4] = [127, 0, 0, 1];

/// How long it took until the other side closed.
async fn end_of(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    let mut rest = Vec::new();
    // A reset is an end too.
    let _ = in_time("the end", stream.read_to_end(&mut rest)).await;
    started.elapsed()
}

async fn under_way(stage: &Stage) -> u64 {
    let labels = [("listener", "https")];
    let count = stage.proxy.metric("simplon_tls_handshakes", &labels).await;
    count.unwrap()
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_by_its_deadline_however_far_it_came() {
    let stage = Stage::limited("handshake_timeout: 500ms").await;
    let (usual, challenge) = (hello("http/1.1"), hello("acme-tls/1"));
    let mut ended = 0;
    for said in [
        &usual[..0],
        &usual[..1],
        &usual[..usual.len() / 2],
        &usual[..],
        &challenge[..challenge.len() / 2],
    ] {
        let mut stream = from(OURS, &stage).await;
        stream.write_all(said).await.unwrap();
        until("it is under way", async || under_way(&stage).await == 1).await;
        let took = end_of(&mut stream).await;
        assert!(
            took < Duration::from_secs(4),
            "{} bytes: {took:?}",
            said.len()
        );
        ended += 1;
        let counted = stage.turned_away(Way::Tls, "handshake_timeout").await;
        assert_eq!(counted, ended, "{} bytes", said.len());
        assert_eq!(under_way(&stage).await, 0);
    }
}

#[tokio::test]
async fn a_hello_in_dribbles_puts_nothing_off() {
    let stage = Stage::limited("handshake_timeout: 500ms").await;
    let started = Instant::now();
    let mut stream = from(OURS, &stage).await;
    for byte in hello("h2") {
        if stream.write_all(&[byte]).await.is_err() || started.elapsed().as_secs() > 4 {
            break;
        }
        // Until it is closed on, there is nothing to read.
        if timeout(Duration::from_millis(20), stream.read(&mut [0]))
            .await
            .is_ok()
        {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(4));
    assert_eq!(stage.turned_away(Way::Tls, "handshake_timeout").await, 1);
}

#[tokio::test]
async fn a_flood_of_halves_from_one_client_leaves_room_for_another() {
    let stage = Stage::limited("handshakes: 20, handshake_timeout: 3s").await;
    let half = hello("http/1.1");
    let half = &half[..half.len() / 2];
    let mut flood = Vec::new();
    for _ in 0..8 {
        let mut stream = from(OURS, &stage).await;
        stream.write_all(half).await.unwrap();
        flood.push(stream);
    }
    until("eight are under way", async || under_way(&stage).await == 8).await;
    end_of(&mut from(OURS, &stage).await).await;
    assert_eq!(stage.turned_away(Way::Tls, "client_handshakes").await, 1);
    // Others shake hands, until there are too many in all.
    for client in 2..=3 {
        for _ in 0..6 {
            let mut stream = from([127, 0, 0, client], &stage).await;
            stream.write_all(half).await.unwrap();
            flood.push(stream);
        }
    }
    until("20 are under way", async || under_way(&stage).await == 20).await;
    end_of(&mut from([127, 0, 0, 4], &stage).await).await;
    assert_eq!(stage.turned_away(Way::Tls, "handshakes").await, 1);
    until("the halves are given up", async || {
        under_way(&stage).await == 0
    })
    .await;
    let mut client = stage.client(Way::Tls, false).await;
    assert_eq!(get(&mut client).await.status(), 200);
    assert_eq!(stage.turned_away(Way::Tls, "handshake_timeout").await, 20);
}

#[tokio::test]
async fn a_connection_is_never_negotiated_anew() {
    let stage = Stage::limited("keepalive_timeout: 2s").await;
    let mut child = Command::new("openssl")
        .args([
            "s_client",
            "-tls1_2",
            "-servername",
            "localhost",
            "-connect",
        ])
        .arg(format!("127.0.0.1:{}", stage.proxy.https()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("openssl is installed");
    let mut keys = child.stdin.take().unwrap();
    sleep(Duration::from_millis(500)).await; // what is typed before the handshake is no command
    keys.write_all(b"R\n").await.unwrap();
    let output = in_time("openssl ends", child.wait_with_output()).await;
    let output = output.unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("RENEGOTIATING"), "{said}");
    assert!(said.contains("no renegotiation"), "{said}");
    assert_eq!(said.matches("subject=").count(), 1, "{said}");
}
