//! Handshakes with the proxy.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, HandshakeKind, RootCertStore, SignatureScheme, SupportedProtocolVersion,
    client::Resumption,
    crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Client, Identity, Message, Wire, in_time};

/// Whose certificates a client accepts.
#[derive(Clone)]
pub(crate) struct Trust(RootCertStore);

impl Trust {
    pub(crate) fn in_file(path: &Path) -> Self {
        Self::in_certificate(CertificateDer::from_pem_file(path).unwrap())
    }

    pub(crate) fn in_certificate(certificate: CertificateDer<'_>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        Self(roots)
    }
}

/// One client, which keeps its sessions and resumes them.
#[derive(Clone)]
pub(crate) struct Hands(ClientConfig);

impl Hands {
    pub(crate) fn new(trust: &Trust) -> Self {
        Self::build(trust, None, rustls::ALL_VERSIONS, None)
    }

    /// Shows a certificate if it is asked for one.
    pub(crate) fn of(trust: &Trust, identity: &Identity) -> Self {
        Self::build(trust, Some(identity), rustls::ALL_VERSIONS, None)
    }

    pub(crate) fn speaking(trust: &Trust, version: &'static SupportedProtocolVersion) -> Self {
        Self::build(trust, None, &[version], None)
    }

    /// Agrees on keys in one way alone.
    pub(crate) fn agreeing_by(trust: &Trust, group: &'static dyn SupportedKxGroup) -> Self {
        Self::build(trust, None, rustls::ALL_VERSIONS, Some(group))
    }

    pub(crate) fn build(
        trust: &Trust,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
        group: Option<&'static dyn SupportedKxGroup>,
    ) -> Self {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(group) = group {
            provider.kx_groups = vec![group];
        }
        Self::with(provider, trust, identity, versions)
    }

    fn with(
        provider: CryptoProvider,
        trust: &Trust,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(trust.0.clone());
        let config = match identity {
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        Self(config).offering(&["http/1.1"])
    }

    pub(crate) fn offering(mut self, protocols: &[&str]) -> Self {
        let bytes = |name: &&str| name.as_bytes().to_vec();
        self.0.alpn_protocols = protocols.iter().map(bytes).collect();
        self
    }

    /// The same client, which remembers nothing.
    pub(crate) fn without_memory(&self) -> Self {
        let mut config = self.0.clone();
        config.resumption = Resumption::in_memory_sessions(4);
        Self(config)
    }

    /// A connection with TLS for `name`.
    pub(crate) async fn shake(&self, port: u16, name: &str) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        self.shake_on(stream, name).await
    }

    /// As [`Hands::shake`], on a connection on which something else has been said before.
    pub(crate) async fn shake_on(
        &self,
        stream: TcpStream,
        name: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connector = TlsConnector::from(Arc::new(self.0.clone()));
        in_time("the handshake", connector.connect(name, stream)).await
    }

    /// A connection, once it has answered a request: only then is it certain that the proxy lets the client in
    /// (RFC 8446 section 4.4.2 lets a client speak first), and the client has its tickets.
    pub(crate) async fn enter(&self, port: u16, name: &str) -> io::Result<Entered> {
        let stream = self.shake(port, name).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        let mut client = Client::new(Wire::new(stream));
        let host = format!("host: {name}");
        let answer = client.try_ask("GET", "/", &[&host], b"").await?;
        Ok(Entered {
            client,
            answer,
            resumed,
        })
    }
}

/// A client that was let in.
pub(crate) struct Entered {
    pub(crate) client: Client,
    pub(crate) answer: Message,
    pub(crate) resumed: bool,
}

/// A connection with TLS for `name`, offering these protocols.
pub(crate) async fn shake_hands(
    port: u16,
    name: &str,
    protocols: &[&str],
    trust: &Trust,
) -> io::Result<TlsStream<TcpStream>> {
    Hands::new(trust)
        .offering(protocols)
        .shake(port, name)
        .await
}

/// The certificate that a client gets who can verify these signatures alone.
pub(crate) async fn certificate_for(
    can_verify: impl Fn(SignatureScheme) -> bool,
    port: u16,
    name: &str,
    trust: &Trust,
) -> io::Result<CertificateDer<'static>> {
    let mut provider = aws_lc_rs::default_provider();
    let verifying = &mut provider.signature_verification_algorithms;
    let known = verifying.mapping.iter().copied();
    let known: Vec<_> = known.filter(|(scheme, _)| can_verify(*scheme)).collect();
    verifying.mapping = known.leak(); // what rustls asks for lives as long as the process
    let hands = Hands::with(provider, trust, None, rustls::ALL_VERSIONS);
    let stream = hands.shake(port, name).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].clone())
}
