//! Challenges by TLS, from both ends of a real socket.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant as Clock},
};

use futures_util::future::BoxFuture;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;
use crate::{
    acme::Answers,
    listen::Stream,
    observe::{CertificateView, Certificates, Metrics},
    snapshot::{Snapshot, SnapshotCell, World},
    state::State,
    tls::Resolver,
};

const DIGEST: [u8; 32] = [7; 32];
/// id-pe-acmeIdentifier (RFC 8737 section 3).
const IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

struct Nobody;

impl Host for Nobody {
    fn serve(&self, _stream: Box<Stream>) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn turned_away(&self, _listener: &Listener, _refusal: Refusal) {}
}

impl Certificates for Nobody {
    fn each_host(&self, _see: &mut dyn FnMut(CertificateView<'_>)) {}
}

/// What a CA does: it takes any certificate, and looks at it.
#[derive(Debug, Default)]
struct Curious(Mutex<Vec<u8>>);

impl ServerCertVerifier for Curious {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = end_entity.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A listener with a certificate for `localhost` on which challenges are answered.
struct Stage {
    _home: tempfile::TempDir,
    answers: Arc<Answers>,
    metrics: Arc<Metrics>,
    listener: Arc<Listener>,
}

fn stage() -> Stage {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("simplon.yaml");
    let text = "listeners: { https: { bind: 127.0.0.1:1, tls: intermediate, limits: { handshake_timeout: 300ms } } }\n\
        certificates: [{ hosts: localhost, self_signed: true }]\nroutes: [{ respond: { status: 204 } }]\n";
    std::fs::write(&file, text).unwrap();
    let config = crate::config::load(&file).ok().unwrap().config;
    let cell = Arc::new(SnapshotCell::default());
    let metrics = Metrics::new(&[], &crate::listen::REASONS, SystemTime::now()).unwrap();
    let world = World {
        metrics: Arc::clone(&metrics),
        resolver: Arc::new(Resolver(Arc::clone(&cell))),
        tickets: Arc::default(),
        key_log: Arc::new(rustls::NoKeyLog),
        orders: Arc::default(),
        limits: Arc::default(),
        engines: Arc::default(),
        pressure: Arc::default(),
        may_write: false,
    };
    let built = Snapshot::build(config, &cell.load(), &world, Clock::now())
        .ok()
        .unwrap();
    let mut snapshot = built.snapshot;
    let answers = Arc::new(Answers::new(State::open(home.path()).unwrap()));
    snapshot.answers = Some(Arc::clone(&answers));
    let listener = Arc::clone(&snapshot.listeners[0]);
    cell.publish(snapshot);
    Stage {
        _home: home,
        answers,
        metrics,
        listener,
    }
}

impl Stage {
    /// Accepts one connection; true if it came to one that is served.
    async fn accept(self: &Arc<Self>) -> (u16, tokio::task::JoinHandle<bool>) {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let stage = Arc::clone(self);
        let accepting = tokio::spawn(async move {
            let (tcp, peer) = socket.accept().await.unwrap();
            let client = ClientKey::from(peer.ip());
            let listener = &stage.listener;
            let terms = listener.tls.as_ref().unwrap();
            let settled = shake_hands(tcp, terms, listener, client, &Nobody).await;
            settled.is_some()
        });
        (port, accepting)
    }

    fn count(&self, series: &str) -> u64 {
        let text = self.metrics.text(&[], &Nobody);
        let line = text.lines().find(|line| line.starts_with(series));
        let line = line.unwrap_or_else(|| panic!("{series} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

fn as_a_ca_would(curious: &Arc<Curious>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(curious) as _)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    Arc::new(config)
}

/// A handshake as a CA makes it: the protocol that was agreed on, and the certificate that was shown.
async fn ask(port: u16, host: &str) -> io::Result<(Option<Vec<u8>>, Vec<u8>)> {
    let curious = Arc::new(Curious::default());
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut tls = TlsConnector::from(as_a_ca_would(&curious))
        .connect(name, tcp)
        .await?;
    let agreed = tls.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    // Nothing is said after the handshake.
    assert_eq!(tls.read(&mut [0; 16]).await?, 0);
    let shown = curious.0.lock().unwrap().clone();
    Ok((agreed, shown))
}

#[tokio::test]
async fn a_ca_is_shown_the_certificate_of_the_challenge_and_nothing_else() {
    let stage = Arc::new(stage());
    let offer = stage.answers.offer_alpn("example.ch", &DIGEST).unwrap();
    let (port, accepting) = stage.accept().await;
    let (agreed, shown) = ask(port, "Example.CH").await.unwrap();
    assert_eq!(agreed.as_deref(), Some(&b"acme-tls/1"[..]));
    let (_, certificate) = X509Certificate::from_der(&shown).unwrap();
    let extensions = certificate.extensions().iter();
    let mut identifiers = extensions.filter(|found| found.oid.to_id_string() == IDENTIFIER);
    let identifier = identifiers.next().unwrap();
    // An octet string of 32 bytes.
    assert_eq!(identifier.value, [&[4, 32][..], &DIGEST].concat());
    assert!(!accepting.await.unwrap(), "nothing is served");
    drop(offer);
    assert_eq!(stage.count("simplon_tls_challenges_total"), 1);
    assert_eq!(stage.count("simplon_tls_handshake_failures_total"), 0);
    assert_eq!(stage.listener.meters.total_refused(), 0);
}

#[tokio::test]
async fn a_challenge_that_is_not_at_issue_has_an_unknown_name() {
    let stage = Arc::new(stage());
    let _offer = stage.answers.offer_alpn("example.ch", &DIGEST).unwrap();
    for host in ["example.com", "localhost", "127.0.0.1"] {
        let (port, accepting) = stage.accept().await;
        let error = ask(port, host).await.unwrap_err();
        let error = error.get_ref().unwrap().downcast_ref::<rustls::Error>();
        let alert = rustls::Error::AlertReceived(AlertDescription::UnrecognisedName);
        assert_eq!(error, Some(&alert), "{host}");
        assert!(!accepting.await.unwrap());
    }
    assert_eq!(stage.listener.meters.total_refused(), 3);
    assert_eq!(stage.count("simplon_tls_challenges_total"), 0);
}

#[tokio::test]
async fn a_ca_that_stalls_in_its_handshake_is_closed_on_in_time() {
    let stage = Arc::new(stage());
    let _offer = stage.answers.offer_alpn("example.ch", &DIGEST).unwrap();
    let (port, accepting) = stage.accept().await;
    let config = as_a_ca_would(&Arc::default());
    let name = ServerName::try_from("example.ch").unwrap();
    let mut client = rustls::ClientConnection::new(config, name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    tcp.write_all(&hello).await.unwrap();
    let settled = tokio::time::timeout(Duration::from_secs(5), accepting).await;
    assert!(!settled.unwrap().unwrap());
    let refused =
        "simplon_connections_refused_total{listener=\"https\",reason=\"handshake_timeout\"}";
    assert_eq!(stage.count(refused), 1);
}
