//! The place of one certificate of the configuration: what is shown there changes, the place stays.

use std::{sync::Arc, time::SystemTime};

use parking_lot::RwLock;
use rustls::{SignatureAlgorithm, SignatureScheme};

use super::{Chain, Facts};

/// Kept over reloads while hosts and source are the same. Connections that stand are not touched by a
/// change: a handshake takes what is there at that moment.
#[derive(Debug)]
pub struct Slot {
    /// Lower case; `*.suffix` covers one label. At least one.
    pub hosts: Vec<String>,
    pub source: Source,
    shown: RwLock<Option<Shown>>,
    /// For hosts whose own certificate is still on its way.
    temporary: RwLock<Option<Chain>>,
    outlook: RwLock<Outlook>,
}

/// Where the certificate comes from, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Files,
    SelfSigned,
    /// The name of the issuer in the configuration.
    Acme(Arc<str>),
}

/// A chain with what its first certificate says.
#[derive(Clone, Debug)]
pub struct Shown {
    pub chain: Chain,
    pub facts: Arc<Facts>,
}

impl Shown {
    /// `Err` says in plain words what is wrong with the chain's first certificate.
    pub fn new(chain: Chain) -> Result<Self, String> {
        let first = chain.cert.first().ok_or("a chain without a certificate")?;
        let facts = Arc::new(Facts::read(first)?);
        Ok(Self { chain, facts })
    }
}

/// What comes next, for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    pub next: Next,
    /// Since the last success.
    pub failures: u32,
    /// Why the last order failed, in the CA's own words.
    pub problem: Option<String>,
    /// The kind of that problem, one of a few words that never change; for alerts.
    pub reason: Option<&'static str>,
    /// What the CA suggests for the renewal (ARI, RFC 9773): begin and end.
    pub window: Option<(SystemTime, SystemTime)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Next {
    /// Nobody but an operator renews it.
    #[default]
    Nothing,
    Ordering,
    Renew(SystemTime),
    Retry(SystemTime),
}

impl Slot {
    pub fn new(hosts: Vec<String>, source: Source) -> Self {
        Self {
            hosts,
            source,
            shown: RwLock::new(None),
            temporary: RwLock::new(None),
            outlook: RwLock::default(),
        }
    }

    /// What is shown to clients, unless all that is there is temporary.
    pub fn shown(&self) -> Option<Shown> {
        self.shown.read().clone()
    }

    pub fn show(&self, shown: Shown) {
        *self.shown.write() = Some(shown);
    }

    /// Shows it no more: it has expired.
    pub fn withdraw(&self) {
        *self.shown.write() = None;
    }

    pub fn set_temporary(&self, chain: Option<Chain>) {
        *self.temporary.write() = chain;
    }

    pub fn outlook(&self) -> Outlook {
        self.outlook.read().clone()
    }

    pub fn set_outlook(&self, outlook: Outlook) {
        *self.outlook.write() = outlook;
    }

    /// The chain for a client that asks for `host`: our own, or a temporary one while that is on its way.
    pub fn chain(&self, host: &str) -> Option<Chain> {
        self.face(host).map(Face::into_chain)
    }

    /// What a client that asks for `host` sees.
    pub fn face(&self, host: &str) -> Option<Face> {
        // Both at once: whoever replaces the temporary one shows the other first.
        let shown = self.shown.read();
        let temporary = self.temporary.read();
        match (&*shown, &*temporary) {
            (Some(shown), None) => Some(Face::Own(shown.clone())),
            (Some(shown), Some(_)) if shown.facts.covers(host) => Some(Face::Own(shown.clone())),
            (_, Some(temporary)) => Some(Face::Temporary(Arc::clone(temporary))),
            (None, None) => None,
        }
    }
}

/// A certificate as clients see it.
#[derive(Clone, Debug)]
pub enum Face {
    Own(Shown),
    Temporary(Chain),
}

/// How well a certificate suits a client; the less the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Cheap,
    /// RSA costs us about twenty times as much as ECDSA.
    Dear,
    Temporary,
    /// The client knows no scheme that the key could sign with.
    Unverifiable,
}

impl Face {
    pub(super) fn fit(&self, schemes: &[SignatureScheme]) -> Fit {
        let Self::Own(shown) = self else {
            return Fit::Temporary;
        };
        let mut ours = shown.facts.schemes.iter();
        if !ours.any(|scheme| schemes.contains(scheme)) {
            return Fit::Unverifiable;
        }
        match shown.chain.key.algorithm() {
            SignatureAlgorithm::RSA => Fit::Dear,
            _ => Fit::Cheap,
        }
    }

    pub(super) fn into_chain(self) -> Chain {
        match self {
            Self::Own(shown) => shown.chain,
            Self::Temporary(chain) => chain,
        }
    }
}
