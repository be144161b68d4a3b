//! From PEM to a chain that belongs to its key.

use std::sync::Arc;

use rustls::{
    Error, InconsistentKeys,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::{CertifiedKey, SigningKey},
};

use super::{Facts, Shown};

/// Why a chain and a key cannot be used. `says` follows the name of what has the flaw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub part: Part,
    pub says: String,
    pub hint: &'static str,
}

/// What has a flaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Chain,
    Key,
    /// Each is well, but not with the other.
    Both,
}

/// Reads a chain and its key, which may stand in one text, and checks that they belong together.
pub fn parse(chain: &[u8], key: &[u8]) -> Result<Shown, Flaw> {
    let (certificates, facts) = certificates(chain)?;
    let chain = CertifiedKey::new(certificates, signing_key(key)?);
    match chain.keys_match() {
        // Some keys do not tell their public half.
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(Shown {
            chain: Arc::new(chain),
            facts: Arc::new(facts),
        }),
        Err(Error::InconsistentKeys(_)) => Err(not_together(&chain)),
        Err(error) => Err(not_x509(1, &error.to_string())),
    }
}

/// All of them, and what the first says.
fn certificates(text: &[u8]) -> Result<(Vec<CertificateDer<'static>>, Facts), Flaw> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| not_pem(Part::Chain, &error))?;
    let mut facts = Vec::with_capacity(certificates.len());
    for (nth, certificate) in (1..).zip(&certificates) {
        facts.push(Facts::read(certificate).map_err(|reason| not_x509(nth, &reason))?);
    }
    match facts.into_iter().next() {
        Some(first) => Ok((certificates, first)),
        None => Err(Flaw {
            part: Part::Chain,
            says: "holds no certificate".to_owned(),
            hint: "a chain file has one or more blocks BEGIN CERTIFICATE, the server's own first",
        }),
    }
}

fn signing_key(text: &[u8]) -> Result<Arc<dyn SigningKey>, Flaw> {
    use rustls::pki_types::pem::Error;
    let key = PrivateKeyDer::from_pem_slice(text).map_err(|error| match error {
        Error::NoItemsFound => Flaw {
            part: Part::Key,
            says: "holds no private key".to_owned(),
            hint: "a key file has one block BEGIN PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN RSA PRIVATE KEY, without a password",
        },
        error => not_pem(Part::Key, &error),
    })?;
    aws_lc_rs::default_provider()
        .key_provider
        .load_private_key(key)
        .map_err(|error| Flaw {
            part: Part::Key,
            says: format!("holds a key that cannot be used: {error}"),
            hint: "use ECDSA on P-256, P-384 or P-521, Ed25519, or RSA of 2048 to 8192 bits",
        })
}

/// The order may be the only thing that is wrong.
fn not_together(chain: &CertifiedKey) -> Flaw {
    let is_of_key = |certificate: &CertificateDer<'static>| {
        let alone = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&chain.key));
        alone.keys_match().is_ok()
    };
    match chain.cert.iter().position(is_of_key) {
        Some(at) => Flaw {
            part: Part::Both,
            says: format!(
                "do not belong together: certificate {} is the one of this key, and it is not the first",
                at + 1
            ),
            hint: "the server's own certificate comes first, then each that vouches for the one before",
        },
        None => Flaw {
            part: Part::Both,
            says: "do not belong together".to_owned(),
            hint: "compare `openssl x509 -noout -pubkey` of the chain with `openssl pkey -pubout` of the key",
        },
    }
}

fn not_x509(nth: usize, reason: &str) -> Flaw {
    Flaw {
        part: Part::Chain,
        says: format!("holds something else as certificate {nth}: {reason}"),
        hint: "each block BEGIN CERTIFICATE holds one X.509 certificate",
    }
}

fn not_pem(part: Part, error: &rustls::pki_types::pem::Error) -> Flaw {
    use rustls::pki_types::pem::Error;
    let reason = match error {
        Error::MissingSectionEnd { end_marker } => {
            let kind = String::from_utf8_lossy(end_marker);
            format!("a block BEGIN {kind} has no end")
        }
        Error::IllegalSectionStart { line } => {
            format!("a block begins with {:?}", String::from_utf8_lossy(line))
        }
        Error::Base64Decode(reason) => format!("a block is not base64: {reason}"),
        other => format!("{other:?}"),
    };
    Flaw {
        part,
        says: format!("is not a PEM file: {reason}"),
        hint: "PEM files are text with blocks that begin with -----BEGIN",
    }
}
