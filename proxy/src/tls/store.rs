//! The certificates of a snapshot, found by server name.

use std::{collections::HashMap, path::Path, sync::Arc};

use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use crate::config::problem::{Located, Problem, Severity};

/// Certificates by exact name and by wildcard. The first one serves clients that name no server.
#[derive(Debug, Default)]
pub struct CertificateStore {
    exact: HashMap<Box<str>, Arc<CertifiedKey>>,
    /// `*.example.ch` under `example.ch`; it covers one label (RFC 6125 section 6.4.3).
    wildcard: HashMap<Box<str>, Arc<CertifiedKey>>,
    unnamed: Option<Arc<CertifiedKey>>,
}

/// A certificate chain with its key, ready for handshakes.
pub type Chain = Arc<CertifiedKey>;

impl CertificateStore {
    pub fn insert<'a>(&mut self, hosts: impl IntoIterator<Item = &'a str>, chain: &Chain) {
        for host in hosts {
            let (names, name) = match host.strip_prefix("*.") {
                Some(suffix) => (&mut self.wildcard, suffix),
                None => (&mut self.exact, host),
            };
            names
                .entry(name.into())
                .or_insert_with(|| Arc::clone(chain));
        }
        self.unnamed.get_or_insert_with(|| Arc::clone(chain));
    }

    /// `None` ends the handshake; rustls says `access_denied` to the client.
    pub fn find(&self, server_name: Option<&str>) -> Option<Chain> {
        match server_name {
            Some(name) => self.covering(&name.to_ascii_lowercase()).cloned(),
            None => self.unnamed.clone(),
        }
    }

    /// Whether a connection made for `server_name` may carry requests for `host`: the same
    /// certificate covers both. A request without a host, or on a connection without a name, says nothing
    /// that could be wrong.
    pub fn covers_both(&self, server_name: &str, host: &str) -> bool {
        if server_name.is_empty() || host.is_empty() || server_name == host {
            return true;
        }
        match (self.covering(server_name), self.covering(host)) {
            (Some(of_connection), Some(of_host)) => Arc::ptr_eq(of_connection, of_host),
            _ => false,
        }
    }

    fn covering(&self, name: &str) -> Option<&Chain> {
        self.exact.get(name).or_else(|| {
            let (_, suffix) = name.split_once('.')?;
            self.wildcard.get(suffix)
        })
    }
}

/// Reads a chain and its key from PEM files, and checks that they belong together.
pub fn read(
    chain: &Located<impl AsRef<Path>>,
    key: &Located<impl AsRef<Path>>,
) -> Result<Chain, Box<Problem>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain.value.as_ref())
        .and_then(Iterator::collect)
        .map_err(|error| unusable(chain, "the certificate chain", &error))?;
    if certificates.is_empty() {
        return Err(problem(
            chain,
            format!("{} holds no certificate", chain.value.as_ref().display()),
            "a chain file has one or more blocks BEGIN CERTIFICATE, the server's own first",
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key.value.as_ref())
        .map_err(|error| unusable(key, "the key", &error))?;
    CertifiedKey::from_der(certificates, private, &aws_lc_rs::default_provider())
        .map(Arc::new)
        .map_err(|error| {
            problem(
                key,
                format!(
                    "{} does not belong to {}: {error}",
                    key.value.as_ref().display(),
                    chain.value.as_ref().display()
                ),
                "compare `openssl x509 -noout -pubkey` of the chain with `openssl pkey -pubout` of the key",
            )
        })
}

fn unusable(
    path: &Located<impl AsRef<Path>>,
    what: &str,
    error: &rustls::pki_types::pem::Error,
) -> Box<Problem> {
    use rustls::pki_types::pem::Error;
    let shown = path.value.as_ref().display();
    let (message, hint) = match error {
        Error::Io(error) => (
            format!("cannot read {what} {shown}: {error}"),
            "paths are relative to the configuration file; the user that runs simplon must be able to read it",
        ),
        Error::NoItemsFound => (
            format!("{shown} holds no private key"),
            "a key file has one block BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY, without a password",
        ),
        other => (
            format!("{shown} is not a PEM file: {other:?}"),
            "PEM files are text with blocks that begin with -----BEGIN",
        ),
    };
    problem(path, message, hint)
}

fn problem<T>(at: &Located<T>, message: String, hint: &str) -> Box<Problem> {
    Box::new(Problem {
        severity: Severity::Error,
        span: at.span.clone(),
        message,
        hint: Some(hint.to_owned()),
    })
}
