//! The handshake settings of a listener.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    config::model::{Protocols, TlsProfile},
    snapshot::SnapshotCell,
};

/// Chooses the certificate from the snapshot of the moment, so that a reload needs no new listener.
pub struct Resolver(pub Arc<SnapshotCell>);

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let snapshot = self.0.load();
        snapshot
            .certificates
            .find(hello.server_name(), hello.signature_schemes())
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// Settings after Mozilla's profile. rustls has neither the versions nor the suites that the
/// profiles leave out, so `intermediate` is all it has, and `modern` is TLS 1.3 alone.
pub fn acceptor(
    profile: TlsProfile,
    protocols: Protocols,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<TlsAcceptor, rustls::Error> {
    let versions: &[_] = match profile {
        TlsProfile::Modern => &[&TLS13],
        TlsProfile::Intermediate => &[&TLS13, &TLS12],
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    if protocols.h2 {
        config.alpn_protocols.push(b"h2".to_vec());
    }
    if protocols.http1 {
        config.alpn_protocols.push(b"http/1.1".to_vec());
    }
    // Stateless resumption under keys that rotate by themselves. One ticket is what browsers use.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
