//! The one certificate that every peer shows: ECDSA P-256, for localhost.

use std::{fs, path::Path, sync::Arc};

use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::aws_lc_rs::{
        cipher_suite::TLS13_AES_128_GCM_SHA256, default_provider, kx_group::X25519,
    },
    pki_types::CertificateDer,
};

use crate::outcome::Outcome;

#[derive(Debug)]
pub(crate) struct Certificate {
    roots: Arc<RootCertStore>,
}

impl Certificate {
    /// Makes one, and leaves it in a folder: `cert.pem`, `key.pem`, and both in `bundle.pem`.
    pub(crate) fn make(folder: &Path) -> Outcome<Self> {
        let key = KeyPair::generate()?;
        let made = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        let (chain, key) = (made.pem(), key.serialize_pem());
        fs::write(folder.join("cert.pem"), &chain)?;
        fs::write(folder.join("key.pem"), &key)?;
        fs::write(folder.join("bundle.pem"), format!("{chain}{key}"))?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(made.der().to_vec()))?;
        Ok(Self {
            roots: Arc::new(roots),
        })
    }

    /// What a client of ours offers: TLS 1.3 with the one cipher suite and the one group that all peers have.
    pub(crate) fn client(&self, alpn: &[u8], resumption: Resumption) -> Outcome<Arc<ClientConfig>> {
        let mut provider = default_provider();
        provider.cipher_suites = vec![TLS13_AES_128_GCM_SHA256];
        provider.kx_groups = vec![X25519];
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_no_client_auth();
        config.alpn_protocols = vec![alpn.to_vec()];
        config.resumption = resumption;
        Ok(Arc::new(config))
    }
}
