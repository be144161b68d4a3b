//! How an origin shakes hands: what it shows, and what it wants to see.

use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

/// The server's side of TLS.
#[derive(Clone)]
pub(crate) struct Handshake {
    chain: CertificateDer<'static>,
    key: Arc<PrivateKeyDer<'static>>,
    protocols: Vec<Vec<u8>>,
    clients: Option<Arc<RootCertStore>>,
}

impl Handshake {
    pub(super) fn showing(chain: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Self {
        Self {
            chain,
            key: Arc::new(key),
            protocols: vec![b"http/1.1".to_vec()],
            clients: None,
        }
    }

    /// Agrees to these protocols, and to nothing else.
    pub(crate) fn speaking(mut self, protocols: &[&str]) -> Self {
        self.protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        self
    }

    /// Serves only clients with a certificate of this authority.
    pub(super) fn for_clients_of(mut self, authority: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        self.clients = Some(Arc::new(roots));
        self
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(roots) => {
                let roots = Arc::clone(roots);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let chain = vec![self.chain.clone()];
        let mut config = builder
            .with_single_cert(chain, self.key.clone_key())
            .unwrap();
        config.alpn_protocols.clone_from(&self.protocols);
        TlsAcceptor::from(Arc::new(config))
    }
}
