//! Whom we trust to say who a server is: the authorities of the system, or those of a file.

use std::{path::PathBuf, sync::Arc};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::files;
use crate::config::problem::{Located, Problem};

/// The authorities of the system, read once and only if somebody needs them.
#[derive(Debug, Default)]
pub struct SystemRoots(Option<Result<Arc<RootCertStore>, Problem>>);

impl SystemRoots {
    /// Reads them the first time; waits for the disk.
    pub fn get(&mut self) -> Result<Arc<RootCertStore>, Problem> {
        self.0.get_or_insert_with(of_system).clone()
    }
}

fn of_system() -> Result<Arc<RootCertStore>, Problem> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (_, ignored) = roots.add_parsable_certificates(found.certs);
    if ignored > 0 {
        tracing::warn!(ignored, "some of the system's authorities cannot be read");
    }
    if roots.is_empty() {
        let reason = found
            .errors
            .first()
            .map(|error| format!(": {error}"))
            .unwrap_or_default();
        return Err(
            Problem::error(format!("the system knows no authority to trust{reason}"))
                .hint("install the package ca-certificates, or name a file with `ca`"),
        );
    }
    Ok(Arc::new(roots))
}

/// The authorities of a PEM file, every one of which must be sound.
pub(super) fn in_file(path: &Located<PathBuf>) -> Result<Arc<RootCertStore>, Problem> {
    let shown = path.value.display();
    let wrong = |message: String, hint: &str| Problem::error(message).at_value(path).hint(hint);
    let text = files::content(&path.value, files::LONGEST_LIST).map_err(|error| {
        wrong(
            format!("cannot read the authorities in {shown}: {error}"),
            "paths are relative to the configuration file; the user that runs simplon must be able to read it",
        )
    })?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| {
            wrong(
                format!("{shown} is not a PEM file: {error:?}"),
                "PEM files are text with blocks that begin with -----BEGIN",
            )
        })?;
    let mut roots = RootCertStore::empty();
    for (certificate, nth) in certificates.into_iter().zip(1..) {
        roots.add(certificate).map_err(|error| {
            wrong(
                format!("certificate {nth} of {shown} cannot be an authority: {error}"),
                "`openssl x509 -noout -text` shows what is in a certificate",
            )
        })?;
    }
    if roots.is_empty() {
        return Err(wrong(
            format!("{shown} holds no certificate"),
            "a file of authorities has one or more blocks BEGIN CERTIFICATE",
        ));
    }
    Ok(Arc::new(roots))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arc<RootCertStore>, Problem> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, text).unwrap();
        in_file(&Located::nowhere(path))
    }

    #[test]
    fn a_file_of_authorities_must_be_sound() {
        let pair = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default()
            .self_signed(&pair)
            .unwrap()
            .pem();
        assert_eq!(read(&certificate).unwrap().len(), 1);
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let table = [
            (String::new(), "holds no certificate"),
            ("no PEM".to_owned(), "holds no certificate"),
            (pair.serialize_pem(), "holds no certificate"),
            (
                "-----BEGIN CERTIFICATE-----\n".to_owned(),
                "is not a PEM file",
            ),
            (format!("{certificate}{broken}"), "certificate 2 of"),
        ];
        for (text, message) in table {
            let problem = read(&text).unwrap_err();
            assert!(problem.message.contains(message), "{}", problem.message);
        }
        let missing = in_file(&Located::nowhere(PathBuf::from("nowhere.pem"))).unwrap_err();
        assert!(
            missing
                .message
                .contains("cannot read the authorities in nowhere.pem")
        );
    }
}
