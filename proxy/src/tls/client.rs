//! TLS to servers, where we are the client: with whom we shake hands, and what they must prove.
//!
//! Everything is made when a snapshot is built. What a handshake needs is then a handful of shared
//! pointers, and sessions are resumed, which Pingora's own connector cannot do with a CA of one's own.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName, TrustAnchor},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Chain, files, reason,
    roots::{self, SystemRoots},
    unverified::Unverified,
};
use crate::config::{
    model::{self, Address, UpstreamProtocol},
    problem::Problem,
};

/// How the servers of one upstream are reached by TLS.
#[derive(Debug)]
pub struct ClientTls {
    material: Material,
    requests: Arc<ClientConfig>,
    /// A check asks in HTTP/1.1 whatever requests speak; a server of HTTP/2 nearly always speaks both.
    checks: Arc<ClientConfig>,
}

/// What the files held. Two upstreams of different material never share anything.
#[derive(Debug)]
struct Material {
    /// Whom to trust; nothing if servers need not prove anything.
    roots: Option<Arc<RootCertStore>>,
    /// The certificate to show. Its key is the one that belongs to it, so that it stands for both.
    shown: Option<Vec<CertificateDer<'static>>>,
    speaks_h2: bool,
}

/// One server, as a client that is careful with whom it speaks sees it.
#[derive(Debug)]
pub struct ServerTls {
    client: Arc<ClientTls>,
    name: ServerName<'static>,
    number: u64,
    complained: Mutex<Option<Instant>>,
}

/// No two servers ever have the same. Small numbers are left to others who number connections.
static NEXT: AtomicU64 = AtomicU64::new(1 << 32);

/// How often a server's failing handshakes are worth a line of the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

impl ClientTls {
    /// Reads the files of `spec`. What `before` has is kept if it would come out the same,
    /// and with it the sessions that can be resumed.
    pub fn build(
        spec: &model::ServerTls,
        protocol: UpstreamProtocol,
        system: &mut SystemRoots,
        before: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, Vec<Problem>> {
        let roots = match &spec.ca {
            Some(ca) => roots::in_file(ca).map(Some),
            None if spec.verify => system.get().map(Some).map_err(|no| no.at_value(&spec.at)),
            None => Ok(None),
        };
        let shown = spec.certificate.as_ref();
        let shown = shown
            .map(|pair| files::read(&pair.chain, &pair.key))
            .transpose()
            .map_err(|problem| *problem)
            .map(|shown| shown.map(|shown| shown.chain));
        let (roots, shown) = match (roots, shown) {
            (Ok(roots), Ok(shown)) => (roots, shown),
            (roots, shown) => return Err(roots.err().into_iter().chain(shown.err()).collect()),
        };
        let material = Material {
            roots: roots.filter(|_| spec.verify),
            shown: shown.as_ref().map(|shown| shown.cert.clone()),
            speaks_h2: protocol == UpstreamProtocol::H2,
        };
        if let Some(before) = before.filter(|before| before.material.is(&material)) {
            return Ok(Arc::clone(before));
        }
        Self::of(material, shown).map(Arc::new).map_err(|error| {
            let message = format!("TLS to these servers cannot be set up: {error}");
            vec![Problem::error(message).at_value(&spec.at)]
        })
    }

    fn of(material: Material, shown: Option<Chain>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifying = verifying(&provider, material.roots.as_ref())?;
        let mut checks = match shown {
            Some(chain) => {
                let always = SingleCertAndKey::from(CertifiedKey::clone(&chain));
                verifying.with_client_cert_resolver(Arc::new(always))
            }
            None => verifying.with_no_client_auth(),
        };
        checks.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut requests = checks.clone();
        if material.speaks_h2 {
            requests.alpn_protocols = vec![b"h2".to_vec()];
        }
        Ok(Self {
            material,
            requests: Arc::new(requests),
            checks: Arc::new(checks),
        })
    }

    /// For a client that agrees to protocols by itself.
    pub fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::clone(&self.checks);
        config.alpn_protocols.clear();
        config
    }

    /// What it takes to shake hands with one of the servers. `before` is the same server's of the
    /// generation before, and kept if nothing about it is new.
    pub fn server(
        self: &Arc<Self>,
        spec: &model::ServerTls,
        address: &Address,
        before: Option<&Arc<ServerTls>>,
    ) -> Result<Arc<ServerTls>, Problem> {
        let name = name_of(spec, address).ok_or_else(|| {
            Problem::error(format!("no certificate can be for the server {address}"))
                .at_value(&spec.at)
                .hint("name it with `server_name` under `tls`")
        })?;
        let same = before.filter(|it| Arc::ptr_eq(&it.client, self) && it.name == name);
        Ok(same.map_or_else(
            || {
                Arc::new(ServerTls {
                    client: Arc::clone(self),
                    name,
                    number: NEXT.fetch_add(1, Relaxed),
                    complained: Mutex::new(None),
                })
            },
            Arc::clone,
        ))
    }
}

impl Material {
    fn is(&self, other: &Self) -> bool {
        let Self {
            roots: _, // by its anchors
            shown,
            speaks_h2,
        } = self;
        self.anchors() == other.anchors() && *shown == other.shown && *speaks_h2 == other.speaks_h2
    }

    fn anchors(&self) -> Option<&[TrustAnchor<'static>]> {
        self.roots.as_ref().map(|roots| roots.roots.as_slice())
    }
}

fn verifying(
    provider: &Arc<CryptoProvider>,
    roots: Option<&Arc<RootCertStore>>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()?;
    Ok(match roots {
        Some(roots) => builder.with_root_certificates(Arc::clone(roots)),
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified::with(provider))),
    })
}

/// Whom a certificate must be for. An address of the network stands for itself (RFC 9525 section 4.1.2).
fn name_of(spec: &model::ServerTls, address: &Address) -> Option<ServerName<'static>> {
    if let Some(name) = &spec.server_name {
        return ServerName::try_from(name.value.clone()).ok();
    }
    match address {
        Address::Socket(address) => Some(ServerName::from(address.ip())),
        Address::Named { host, .. } => ServerName::try_from(host.clone()).ok(),
        Address::Unix(_) => None,
    }
}

impl ServerTls {
    /// What all servers of the upstream have in common.
    pub fn client(&self) -> &Arc<ClientTls> {
        &self.client
    }

    /// Another number means other settings or another name: what was verified by one says nothing
    /// about the other.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn speaks_h2(&self) -> bool {
        self.client.material.speaks_h2
    }

    /// Shakes hands for requests. An error says why not, in plain words.
    ///
    /// With HTTP/2 the server has agreed to it; without, it has not agreed to anything else.
    pub async fn shake_hands<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let stream = self.handshake(&self.client.requests, stream).await?;
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.speaks_h2() && agreed != Some(b"h2") {
            return Err(io::Error::other("it does not agree to HTTP/2 (ALPN)"));
        }
        Ok(stream)
    }

    /// As [`Self::shake_hands`], for a health check.
    pub async fn shake_hands_for_check<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.handshake(&self.client.checks, stream).await
    }

    /// As [`Self::shake_hands`], with a server that speaks no HTTP: no protocol is agreed on.
    pub async fn shake_hands_without_protocol<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut config = ClientConfig::clone(&self.client.checks);
        config.alpn_protocols.clear();
        self.handshake(&Arc::new(config), stream).await
    }

    async fn handshake<S>(&self, config: &Arc<ClientConfig>, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsConnector::from(Arc::clone(config))
            .connect(self.name.clone(), stream)
            .await
            .map_err(|error| reason::of_handshake(&error))
    }

    /// Whether a failure at `now` is to be logged: a server that fails every request fills no disk.
    pub fn may_complain(&self, now: Instant) -> bool {
        let mut complained = self.complained.lock();
        let is_due =
            complained.is_none_or(|last| now.saturating_duration_since(last) >= COMPLAIN_EVERY);
        if is_due {
            *complained = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::Located;

    fn authority(directory: &std::path::Path, name: &str) -> Located<std::path::PathBuf> {
        let pair = rcgen::KeyPair::generate().unwrap();
        let pem = rcgen::CertificateParams::default()
            .self_signed(&pair)
            .unwrap()
            .pem();
        std::fs::write(directory.join(name), pem).unwrap();
        Located::nowhere(directory.join(name))
    }

    fn spec(ca: &Located<std::path::PathBuf>) -> model::ServerTls {
        model::ServerTls {
            at: Located::nowhere(()),
            server_name: None,
            ca: Some(ca.clone()),
            certificate: None,
            verify: true,
        }
    }

    fn build(spec: &model::ServerTls, before: Option<&Arc<ServerTls>>) -> Arc<ServerTls> {
        let protocol = UpstreamProtocol::Http1;
        let client = before.map(|before| before.client());
        let client = ClientTls::build(spec, protocol, &mut SystemRoots::default(), client);
        let address = Address::Socket("10.0.0.1:443".parse().unwrap());
        client.unwrap().server(spec, &address, before).unwrap()
    }

    #[test]
    fn a_server_is_the_same_as_long_as_trust_and_name_are() {
        let directory = tempfile::tempdir().unwrap();
        let first = authority(directory.path(), "first.pem");
        let second = authority(directory.path(), "second.pem");
        let copy = Located::nowhere(directory.path().join("copy.pem"));
        std::fs::copy(&first.value, &copy.value).unwrap();
        let before = build(&spec(&first), None);
        let named = model::ServerTls {
            server_name: Some(Located::nowhere("10.0.0.1".to_owned())),
            ..spec(&first)
        };
        for same in [spec(&first), spec(&copy), named] {
            assert!(Arc::ptr_eq(&build(&same, Some(&before)), &before));
        }
        let renamed = model::ServerTls {
            server_name: Some(Located::nowhere("api.lan".to_owned())),
            ..spec(&first)
        };
        let unverified = model::ServerTls {
            verify: false,
            ..spec(&first)
        };
        for other in [spec(&second), renamed, unverified] {
            assert_ne!(build(&other, Some(&before)).number(), before.number());
        }
        assert_ne!(build(&spec(&first), None).number(), before.number());
    }

    #[test]
    fn a_certificate_must_be_for_the_host_of_the_address() {
        let ca = Located::nowhere("ca.pem".into());
        let table = [
            (
                Address::Socket("10.0.0.1:443".parse().unwrap()),
                Some("10.0.0.1"),
            ),
            (Address::Socket("[::1]:443".parse().unwrap()), Some("::1")),
            (
                Address::Named {
                    host: "api.lan".to_owned(),
                    port: 443,
                },
                Some("api.lan"),
            ),
            (Address::Unix("/run/app.sock".into()), None),
        ];
        for (address, expected) in table {
            let name = name_of(&spec(&ca), &address);
            let name = name.as_ref().map(ServerName::to_str);
            assert_eq!(name.as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn failures_are_logged_once_in_a_while() {
        let directory = tempfile::tempdir().unwrap();
        let server = build(&spec(&authority(directory.path(), "ca.pem")), None);
        let start = Instant::now();
        let after = |seconds| server.may_complain(start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 0, 9, 10, 11, 20].map(after),
            [true, false, false, true, false, true]
        );
    }
}
