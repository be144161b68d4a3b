//! Both ends of a real socket, with rustls itself as the client.

use std::{sync::OnceLock, time::Duration};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

struct Pair {
    server: Arc<ServerConfig>,
    roots: RootCertStore,
}

/// One certificate for all tests.
fn pair() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let certificate: CertificateDer<'static> = made.cert.der().clone();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut server = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.clone()], key)
            .unwrap();
        server.send_tls13_tickets = 1;
        server.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        Pair {
            server: Arc::new(server),
            roots,
        }
    })
}

fn client(version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(pair().roots.clone())
        .with_no_client_auth();
    config.resumption = Resumption::in_memory_sessions(8);
    Arc::new(config)
}

fn name() -> ServerName<'static> {
    ServerName::try_from("a.test").unwrap()
}

async fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
    (theirs.unwrap(), ours.unwrap().0)
}

async fn accepted(tcp: TcpStream) -> Result<Box<Secure>, (TcpStream, io::Error)> {
    Secure::accept(tcp, Arc::clone(&pair().server), Vec::new()).await
}

async fn shaken(config: Arc<ClientConfig>) -> (TlsStream<TcpStream>, Box<Secure>) {
    let (theirs, ours) = sockets().await;
    let connecting = TlsConnector::from(config).connect(name(), theirs);
    let (theirs, ours) = tokio::join!(connecting, accepted(ours));
    (theirs.unwrap(), ours.unwrap())
}

fn holds_nothing(secure: &Secure) -> bool {
    let Secure {
        coming,
        plain,
        going,
        ..
    } = secure;
    coming.capacity() == 0 && plain.capacity() == 0 && going.capacity() == 0
}

/// Gives back what comes, until the client says goodbye.
async fn echo(mut secure: Box<Secure>) -> Box<Secure> {
    let mut piece = vec![0; 5000];
    loop {
        match secure.read(&mut piece).await.unwrap() {
            0 => return secure,
            read => secure.write_all(&piece[..read]).await.unwrap(),
        }
        secure.flush().await.unwrap();
    }
}

#[tokio::test]
async fn what_is_said_comes_back_whatever_its_length() {
    for version in [&TLS13, &TLS12] {
        let (mut theirs, ours) = shaken(client(version)).await;
        let echo = tokio::spawn(echo(ours));
        for length in [1, 100, 4096, 5001, 16_384, 16_385, 100_000, 1_000_000] {
            let said: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
            let mut heard = vec![0; said.len()];
            let (mut reading, mut writing) = tokio::io::split(&mut theirs);
            let (read, written) = tokio::join!(reading.read_exact(&mut heard), async {
                writing.write_all(&said).await?;
                writing.flush().await
            });
            read.unwrap();
            written.unwrap();
            assert!(said == heard, "{length}");
        }
        theirs.shutdown().await.unwrap();
        let mut ours = timeout(PATIENCE, echo).await.unwrap().unwrap();
        assert!(holds_nothing(&ours));
        ours.shutdown().await.unwrap();
        assert_eq!(theirs.read(&mut [0]).await.unwrap(), 0, "a goodbye");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_holds_no_more_than_one_write() {
    let (mut theirs, mut ours) = shaken(client(&TLS13)).await;
    let said = vec![7; WRITTEN];
    let mut total = 0;
    while let Ok(written) = timeout(Duration::from_millis(200), ours.write(&said)).await {
        total += written.unwrap();
        assert!(ours.going.len() <= PACKED);
    }
    let reading = tokio::spawn(async move {
        let mut heard = vec![0; total];
        theirs.read_exact(&mut heard).await.unwrap();
        assert!(heard.iter().all(|byte| *byte == 7));
        theirs
    });
    timeout(PATIENCE, ours.flush()).await.unwrap().unwrap();
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert!(holds_nothing(&ours));
}

#[tokio::test]
async fn bytes_that_come_one_at_a_time_are_understood() {
    let (mut theirs, ours) = sockets().await;
    theirs.set_nodelay(true).unwrap();
    let accepting = tokio::spawn(accepted(ours));
    let mut session = ClientConnection::new(client(&TLS13), name()).unwrap();
    let mut said = Vec::new();
    let mut space = vec![0; 16 << 10];
    session.writer().write_all_of(b"hello");
    while session.is_handshaking() || session.wants_write() {
        while session.wants_write() {
            session.write_tls(&mut said).unwrap();
        }
        for byte in said.drain(..) {
            theirs.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        if session.is_handshaking() {
            let read = theirs.read(&mut space).await.unwrap();
            let mut heard = &space[..read];
            while !heard.is_empty() {
                session.read_tls(&mut heard).unwrap();
                session.process_new_packets().unwrap();
            }
        }
    }
    let mut ours = accepting.await.unwrap().unwrap();
    let mut heard = [0; 5];
    ours.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    assert!(ours.coming.capacity() == 0);
}

/// Buffers what is to be sent once the handshake is done.
trait Writes {
    fn write_all_of(self, bytes: &[u8]);
}

impl Writes for rustls::Writer<'_> {
    fn write_all_of(mut self, bytes: &[u8]) {
        io::Write::write_all(&mut self, bytes).unwrap();
    }
}

#[tokio::test]
async fn an_end_without_a_goodbye_is_an_error() {
    let (theirs, mut ours) = shaken(client(&TLS13)).await;
    drop(theirs.into_inner().0);
    let error = ours.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn a_ticket_comes_without_a_request_and_only_one() {
    for version in [&TLS13, &TLS12] {
        let config = client(version);
        let (mut theirs, mut ours) = shaken(Arc::clone(&config)).await;
        let mut byte = [0];
        // Whoever waits for the client has sent it.
        let waits = timeout(Duration::from_millis(100), ours.read(&mut byte)).await;
        assert!(waits.is_err());
        assert!(holds_nothing(&ours));
        ours.write_all(b"x").await.unwrap();
        theirs.read_exact(&mut byte).await.unwrap();
        let received = theirs.get_ref().1.tls13_tickets_received();
        assert_eq!(received, u32::from(*version == TLS13));
        let (_, ours) = shaken(config).await;
        let kind = ours.session().handshake_kind();
        assert_eq!(kind, Some(rustls::HandshakeKind::Resumed), "{version:?}");
    }
}

#[tokio::test]
async fn keys_can_change_in_between() {
    let (mut theirs, ours) = shaken(client(&TLS13)).await;
    let echo = tokio::spawn(echo(ours));
    for _ in 0..3 {
        theirs.get_mut().1.refresh_traffic_keys().unwrap();
        let mut heard = [0; 5];
        theirs.write_all(b"hello").await.unwrap();
        theirs.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"hello");
    }
    theirs.shutdown().await.unwrap();
    timeout(PATIENCE, echo).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_no_client_says_ends_the_handshake_with_an_alert() {
    // Of 64 KiB and a byte, in records of 16 KiB: a message of a handshake that is longer than any of ours may be.
    let mut endless = vec![1, 1, 0, 1];
    endless.resize(80 << 10, 0);
    let mut in_records = Vec::new();
    for piece in endless.chunks(16 << 10) {
        let length = u16::try_from(piece.len()).unwrap().to_be_bytes();
        in_records.extend_from_slice(&[22, 3, 3, length[0], length[1]]);
        in_records.extend_from_slice(piece);
    }
    for (said, has_alert) in [
        (b"\x16\x03\x01\x00\x04\xff\x00\x00\x00".to_vec(), true),
        (b"\xff\xff\xff\xff\xff\xff\xff".to_vec(), true),
        (in_records, false),
    ] {
        let (mut theirs, ours) = sockets().await;
        let accepting = tokio::spawn(accepted(ours));
        theirs.write_all(&said).await.unwrap();
        let (ours, error) = timeout(PATIENCE, accepting)
            .await
            .unwrap()
            .unwrap()
            .err()
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        drop(ours);
        let mut heard = Vec::new();
        let _ = theirs.read_to_end(&mut heard).await; // it may be reset
        assert!(!has_alert || heard.first() == Some(&21), "{heard:?}");
    }
}
