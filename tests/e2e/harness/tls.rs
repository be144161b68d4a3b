//! Handshakes with the proxy.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, SignatureScheme,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::in_time;

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

/// A connection with TLS for `name`, offering these protocols.
pub(crate) async fn shake_hands(
    port: u16,
    name: &str,
    protocols: &[&str],
    trust: &Trust,
) -> io::Result<TlsStream<TcpStream>> {
    shake_hands_as(aws_lc_rs::default_provider(), port, name, protocols, trust).await
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
    let stream = shake_hands_as(provider, port, name, &[], trust).await?;
    Ok(stream.get_ref().1.peer_certificates().unwrap()[0].clone())
}

async fn shake_hands_as(
    provider: CryptoProvider,
    port: u16,
    name: &str,
    protocols: &[&str],
    trust: &Trust,
) -> io::Result<TlsStream<TcpStream>> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(trust.0.clone())
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    in_time("the handshake", async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    })
    .await
}
