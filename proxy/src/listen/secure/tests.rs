//! Both ends of a real socket, with rustls itself as the client.

use std::{sync::OnceLock, time::Duration};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs::{cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider},
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
async fn who_asks_for_keys_again_and_again_and_reads_nothing_is_owed_one_answer() {
    const OFTEN: usize = 1000;
    let (mut theirs, mut ours) = shaken(client(&TLS13)).await;
    let said = vec![7; WRITTEN];
    while let Ok(written) = timeout(Duration::from_millis(200), ours.write(&said)).await {
        written.unwrap();
    }
    let held = ours.going.len();
    let asking = tokio::spawn(async move {
        for _ in 0..OFTEN {
            theirs.get_mut().1.refresh_traffic_keys().unwrap();
            // With content in between, as rustls lets nobody ask again and again for nothing else.
            theirs.write_all(b"x").await.unwrap();
            theirs.flush().await.unwrap();
        }
        theirs
    });
    let mut heard = [0; OFTEN];
    let reading = ours.read_exact(&mut heard);
    timeout(PATIENCE, reading).await.unwrap().unwrap();
    assert!(ours.going.len() <= held, "{} of {held}", ours.going.len());
    asking.await.unwrap();
}

#[tokio::test]
async fn short_pieces_leave_in_one_record_and_many_in_their_order() {
    let (mut theirs, mut ours) = shaken(client(&TLS13)).await;
    for lengths in [&[9, 82][..], &[1; 200], &[0, 5, 0], &[9, 16_384, 3, 60_000]] {
        let mut number = 0_u8;
        let pieces: Vec<Vec<u8>> = lengths
            .iter()
            .map(|length| {
                number = number.wrapping_add(1);
                vec![number; *length]
            })
            .collect();
        let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let mut slices = &mut slices[..];
        let expected = pieces.concat();
        let mut heard = vec![0; expected.len()];
        let (read, ()) = tokio::join!(theirs.read_exact(&mut heard), async {
            while !slices.is_empty() {
                let written = ours.write_vectored(slices).await.unwrap();
                IoSlice::advance_slices(&mut slices, written);
            }
            ours.flush().await.unwrap();
        });
        read.unwrap();
        assert!(heard == expected, "{lengths:?}");
    }
}

/// A client that makes its records itself, each of any kind and with any content.
struct Forger {
    tcp: TcpStream,
    key: LessSafeKey,
    iv: [u8; 12],
    sequence: u64,
}

/// Kinds of content, and a message that asks for other keys from now on (RFC 8446 section 4.6.3).
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];

impl Forger {
    async fn begin() -> (Self, Box<Secure>) {
        let mut provider = default_provider();
        provider.cipher_suites = vec![TLS13_AES_128_GCM_SHA256];
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(pair().roots.clone())
            .with_no_client_auth();
        config.enable_secret_extraction = true;
        let (theirs, ours) = shaken(Arc::new(config)).await;
        let (tcp, session) = theirs.into_inner();
        let (sequence, secrets) = session.dangerous_extract_secrets().unwrap().tx;
        let ConnectionTrafficSecrets::Aes128Gcm { key, iv } = secrets else {
            panic!("another cipher");
        };
        let forger = Self {
            tcp,
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key.as_ref()).unwrap()),
            iv: iv.as_ref().try_into().unwrap(),
            sequence,
        };
        (forger, ours)
    }

    async fn send(&mut self, kind: u8, content: &[u8]) {
        let mut nonce = self.iv;
        for (to, from) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *to ^= from;
        }
        self.sequence += 1;
        let mut sealed = [content, &[kind]].concat();
        let length = u16::try_from(sealed.len() + 16).unwrap().to_be_bytes();
        let head = [DATA, 3, 3, length[0], length[1]];
        let nonce = Nonce::assume_unique_for_key(nonce);
        let sealing = self
            .key
            .seal_in_place_append_tag(nonce, Aad::from(head), &mut sealed);
        sealing.unwrap();
        self.tcp
            .write_all(&[&head[..], &sealed].concat())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn half_a_message_of_tls_is_waited_for_and_keeps_nobody_from_writing() {
    let (mut forger, mut ours) = Forger::begin().await;
    let mut heard = [0; 5];
    forger.send(DATA, b"hello").await;
    ours.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    forger.send(HANDSHAKE, &KEY_UPDATE[..3]).await;
    let waits = timeout(Duration::from_millis(100), ours.read(&mut heard)).await;
    assert!(waits.is_err());
    assert!(ours.coming.capacity() > 0);
    ours.write_all(b"meanwhile").await.unwrap();
    forger.send(HANDSHAKE, &KEY_UPDATE[3..]).await;
    let waits = timeout(Duration::from_millis(100), ours.read(&mut heard)).await;
    assert!(waits.is_err());
    assert!(holds_nothing(&ours));
    ours.shutdown().await.unwrap();
}

#[tokio::test]
async fn who_breaks_off_a_message_of_tls_ends_the_connection_and_nothing_else() {
    let (mut forger, mut ours) = Forger::begin().await;
    forger.send(HANDSHAKE, &KEY_UPDATE[..3]).await;
    let mut byte = [0];
    let waits = timeout(Duration::from_millis(100), ours.read(&mut byte)).await;
    assert!(waits.is_err());
    forger.send(DATA, b"hello").await;
    let error = ours.read(&mut byte).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    // Whatever is tried from then on fails, or does nothing.
    assert!(ours.read(&mut byte).await.is_err());
    assert!(ours.write(&byte).await.is_err());
    ours.flush().await.unwrap();
    ours.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_came_before_a_mistake_is_read_and_then_the_mistake_is_told() {
    let (mut forger, mut ours) = Forger::begin().await;
    forger.send(DATA, b"hello").await;
    forger.send(99, b"no such kind").await;
    let mut heard = Vec::new();
    let error = loop {
        let mut byte = [0; 3];
        match timeout(PATIENCE, ours.read(&mut byte)).await.unwrap() {
            Ok(read) => heard.extend_from_slice(&byte[..read]),
            Err(error) => break error,
        }
    };
    assert_eq!(heard, b"hello");
    assert!(matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::BrokenPipe
    ));
    assert!(ours.write(b"x").await.is_err());
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
