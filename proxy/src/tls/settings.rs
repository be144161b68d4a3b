//! What a listener settles in a handshake: versions, certificate, client, tickets.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::{
    CommonState, ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::UnixTime,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use super::{
    Chain, Facts,
    clients::Clients,
    tickets::{Policy, Ticketer, Tickets},
};
use crate::{
    config::{
        model::{Protocols, TlsSettings, TlsVersion},
        problem::Problem,
    },
    snapshot::{SnapshotCell, World},
};

/// The protocol of RFC 8737 section 6.2.
const ACME_TLS: &[u8] = b"acme-tls/1";
/// Bytes of a client's name that are kept.
const SUBJECT: usize = 256;

/// Chooses the certificate from the snapshot of the moment, so that a reload needs no new listener.
pub struct Resolver(pub Arc<SnapshotCell>);

impl Resolver {
    fn find(&self, hello: &ClientHello<'_>) -> Option<Chain> {
        let snapshot = self.0.load();
        snapshot
            .certificates
            .find(hello.server_name(), hello.signature_schemes())
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(&hello)
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Resolver")
    }
}

/// How a listener shakes hands.
pub struct Terms {
    config: ServerConfig,
    tickets: Arc<Tickets>,
    policy: Policy,
    clients: Option<Clients>,
    resolver: Arc<Resolver>,
}

/// What becomes of a client, by its first message.
#[derive(Debug, PartialEq, Eq)]
pub enum Way {
    /// The handshake goes on.
    Serve,
    /// A CA looks for the answer to a challenge for this host.
    Challenge(String),
    /// No certificate is for the host it names.
    Unknown,
}

impl Terms {
    /// Reads the files that the settings name.
    pub fn new(
        settings: &TlsSettings,
        protocols: Protocols,
        world: &World,
    ) -> Result<Self, Box<Problem>> {
        let clients = settings.client_certificates.as_ref();
        let clients = clients.map(Clients::read).transpose()?;
        let policy = policy(settings, clients.as_ref());
        let verifier = clients
            .as_ref()
            .map_or_else(WebPkiClientVerifier::no_client_auth, |clients| {
                Arc::clone(&clients.verifier)
            });
        // rustls has neither the versions nor the suites that Mozilla's profiles leave out, so that
        // `intermediate` is all it has, and `modern` is TLS 1.3 alone.
        let versions: &[_] = match settings.min_version {
            TlsVersion::V1_3 => &[&TLS13],
            TlsVersion::V1_2 => &[&TLS13, &TLS12],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(versions)
            .map_err(|error| Box::new(Problem::error(format!("TLS cannot be set up: {error}"))))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::clone(&world.resolver) as _);
        if protocols.h2 {
            config.alpn_protocols.push(b"h2".to_vec());
        }
        if protocols.http1 {
            config.alpn_protocols.push(b"http/1.1".to_vec());
        }
        config.send_tls13_tickets = 1; // what browsers use
        // TLS 1.2 could resume from memory besides; one way is enough, and tickets have an end.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.key_log = Arc::clone(&world.key_log);
        Ok(Self {
            config,
            tickets: Arc::clone(&world.tickets),
            policy,
            clients,
            resolver: Arc::clone(&world.resolver),
        })
    }

    /// For one connection, which has its own tickets.
    pub fn config(&self) -> Arc<ServerConfig> {
        let mut config = self.config.clone();
        config.ticketer = Arc::new(Ticketer::new(Arc::clone(&self.tickets), self.policy));
        Arc::new(config)
    }

    /// Whether the same clients are let in as under `other`, and under the same versions.
    pub fn has_policy_of(&self, other: &Self) -> bool {
        self.policy == other.policy
    }

    /// Whether the same certificates are asked of clients as under `other`: whoever came in under the one
    /// would have come in under the other.
    pub fn knows_clients_of(&self, other: &Self) -> bool {
        let [ours, theirs] = [self, other].map(|terms| {
            let clients = terms.clients.as_ref();
            clients.map(|clients| &clients.fingerprint)
        });
        ours == theirs
    }

    /// Decides before anything is answered.
    pub fn way(&self, hello: &ClientHello<'_>) -> Way {
        let host = || hello.server_name().unwrap_or("").to_ascii_lowercase();
        let mut offered = hello.alpn().into_iter().flatten();
        let is_challenge = offered.next() == Some(ACME_TLS) && offered.next().is_none();
        if is_challenge && self.resolver.0.load().answers.is_some() {
            return Way::Challenge(host());
        }
        match self.resolver.find(hello) {
            Some(_) => Way::Serve,
            None => Way::Unknown,
        }
    }

    /// The terms for a CA that asks for `host`; `None` if there is no challenge at issue.
    pub async fn challenge(&self, host: &str) -> Option<Arc<ServerConfig>> {
        let answers = self.resolver.0.load().answers.clone()?;
        let chain = answers.alpn(host).await?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .ok()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(CertifiedKey::clone(
                &chain,
            ))));
        config.alpn_protocols = vec![ACME_TLS.to_vec()];
        config.send_tls13_tickets = 0;
        Some(Arc::new(config))
    }

    /// Who the client is, once the handshake is done: the subject of its certificate, if it has shown one.
    ///
    /// A resumed session brings the certificate of its first handshake, which is looked at again: it may
    /// have expired since, or the revocation list.
    pub fn client(&self, session: &CommonState) -> Result<Option<Box<str>>, rustls::Error> {
        let (Some(clients), Some([first, rest @ ..])) =
            (&self.clients, session.peer_certificates())
        else {
            return Ok(None);
        };
        if session.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
            let now = UnixTime::now();
            clients.verifier.verify_client_cert(first, rest, now)?;
        }
        let mut subject = Facts::read(first).map_or_else(|_| String::new(), |facts| facts.subject);
        while subject.len() > SUBJECT {
            subject.pop();
        }
        Ok(Some(subject.into()))
    }
}

/// What a session was made under. One that was made under anything else is not resumed.
fn policy(settings: &TlsSettings, clients: Option<&Clients>) -> Policy {
    let mut policy = [0; 32];
    let mut text = match settings.min_version {
        TlsVersion::V1_2 => b"1.2 ".to_vec(),
        TlsVersion::V1_3 => b"1.3 ".to_vec(),
    };
    text.extend(clients.iter().flat_map(|clients| &clients.fingerprint));
    let digest = digest::digest(&digest::SHA256, &text);
    for (to, from) in policy.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    policy
}
