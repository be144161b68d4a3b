//! Which clients a listener knows by their certificates.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use aws_lc_rs::digest;
use rustls::{
    RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, CertificateRevocationListDer, pem, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};
use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

use super::files;
use crate::config::{
    model::{ClientCertificates, ClientMode},
    problem::{Located, Problem},
};

/// What was read of a listener's `client_certificates`.
pub(super) struct Clients {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Every byte that decides who is let in.
    pub(super) fingerprint: Vec<u8>,
}

impl Clients {
    /// Reads the files anew. What is wrong with any of them is an error, so that a listener never knows
    /// fewer CAs or lists than the operator thinks.
    ///
    /// A certificate that a list names is refused, and where there are lists also one whose status none of them
    /// tells, at any step of its chain, and one whose list has expired.
    pub(super) fn read(settings: &ClientCertificates) -> Result<Self, Box<Problem>> {
        let mut fingerprint = digest::Context::new(&digest::SHA256);
        fingerprint.update(match settings.mode {
            ClientMode::Require => b"require",
            ClientMode::Request => b"request",
        });
        let mut roots = RootCertStore::empty();
        for file in &settings.ca {
            for certificate in objects::<CertificateDer<'static>>(file, "certificate")? {
                update(&mut fingerprint, b"ca", &certificate);
                roots
                    .add(certificate)
                    .map_err(|error| unusable(file, "certificate of a CA", &error))?;
            }
        }
        let roots = Arc::new(roots);
        let mut lists = Vec::new();
        for file in &settings.crl {
            let found = objects::<CertificateRevocationListDer<'static>>(file, "revocation list")?;
            for list in &found {
                update(&mut fingerprint, b"crl", list);
                warn_if_expired(file, list);
            }
            // One file at a time, to know which is to blame.
            builder(&roots)
                .with_crls(found.iter().cloned())
                .build()
                .map_err(|error| unusable(file, "revocation list", &error))?;
            lists.extend(found);
        }
        let mut builder = builder(&roots)
            .with_crls(lists)
            .enforce_revocation_expiration();
        if settings.mode == ClientMode::Request {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().map_err(|error| match settings.ca.first() {
            Some(file) => unusable(file, "set of CAs", &error),
            None => Box::new(Problem::error(format!(
                "no CA for client certificates: {error}"
            ))),
        })?;
        Ok(Self {
            verifier,
            fingerprint: fingerprint.finish().as_ref().to_vec(),
        })
    }
}

fn builder(roots: &Arc<RootCertStore>) -> rustls::server::ClientCertVerifierBuilder {
    WebPkiClientVerifier::builder_with_provider(Arc::clone(roots), Arc::new(default_provider()))
}

/// With its length, so that no two lists of objects have the same bytes.
fn update(fingerprint: &mut digest::Context, what: &[u8], object: &[u8]) {
    fingerprint.update(what);
    fingerprint.update(&object.len().to_be_bytes());
    fingerprint.update(object);
}

/// Every object of one kind in a PEM file; at least one.
fn objects<T: PemObject>(file: &Located<PathBuf>, what: &str) -> Result<Vec<T>, Box<Problem>> {
    let path: &Path = &file.value;
    let shown = path.display();
    let found = files::content(path, files::LONGEST_LIST)
        .map_err(pem::Error::Io)
        .and_then(|text| T::pem_slice_iter(&text).collect::<Result<Vec<T>, _>>());
    let (message, hint) = match found {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) => (
            format!("{shown} holds no {what}"),
            "a PEM file is text with blocks that begin with -----BEGIN; `openssl x509 -inform DER` and `openssl crl -inform DER` turn others into one",
        ),
        Err(pem::Error::Io(error)) => (
            format!("cannot read {shown}: {error}"),
            match error.kind() {
                ErrorKind::NotFound => "paths are relative to the configuration file",
                _ => "the user that runs simplon must be able to read it",
            },
        ),
        Err(error) => (
            format!("{shown} is not a PEM file: {error:?}"),
            "PEM files are text with blocks that begin with -----BEGIN",
        ),
    };
    Err(Box::new(Problem::error(message).at_value(file).hint(hint)))
}

fn unusable(file: &Located<PathBuf>, what: &str, error: &dyn std::fmt::Display) -> Box<Problem> {
    let shown = file.value.display();
    Box::new(
        Problem::error(format!("{shown} holds no usable {what}: {error}"))
            .at_value(file)
            .hint("`openssl x509 -text` and `openssl crl -text` show what is in it"),
    )
}

/// Every client is refused under such a list. That is as it must be, but the operator should know why.
fn warn_if_expired(file: &Located<PathBuf>, list: &CertificateRevocationListDer<'_>) {
    let Ok((_, list)) = CertificateRevocationList::from_der(list) else {
        return; // rustls says what is wrong with it
    };
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let expired = list
        .next_update()
        .and_then(|until| u64::try_from(until.timestamp()).ok())
        .is_some_and(|until| until <= now.as_secs());
    if expired {
        tracing::warn!(
            "the revocation list {} of {} has expired: clients of that CA are refused",
            file.value.display(),
            list.issuer()
        );
    }
}
