//! Handshakes with the proxy.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
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
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
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
