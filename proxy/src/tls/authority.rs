//! A certificate authority for development, kept in the state directory.
//!
//! Made once: whoever adds `dev-ca.pem` to a browser need not do so again after a restart.

use std::{io, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::Chain;
use crate::state::State;

const CERTIFICATE: &str = "dev-ca.pem";
const KEY: &str = "dev-ca.key";

/// Signs certificates for names of this machine. Nobody trusts it but who was told to.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
}

/// Why no development certificate can be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("cannot keep the development CA in {directory}: {error}")]
    State { directory: String, error: io::Error },
    #[error("the development CA cannot be made: {0}")]
    Unusable(String),
    #[error("no development certificate for these hosts: {0}")]
    Hosts(String),
}

impl Authority {
    /// Opens the authority in `state`, making both files if they do not belong together.
    pub fn open(state: &State) -> Result<Self, AuthorityError> {
        let in_state = |error| AuthorityError::State {
            directory: state.path("").display().to_string(),
            error,
        };
        if let Some(kept) = kept(state).map_err(in_state)? {
            return Ok(kept);
        }
        let (pair, pem) = create().map_err(|error| unusable(&error))?;
        // The certificate comes last: whoever finds it finds its key.
        state
            .write(KEY, pair.serialize_pem().as_bytes())
            .and_then(|()| state.write(CERTIFICATE, pem.as_bytes()))
            .map_err(in_state)?;
        // Two processes that start at once write both; what lies there in the end is for both.
        match kept(state).map_err(in_state)? {
            Some(kept) => Ok(kept),
            None => Self::new(&pair.serialize_pem(), &pem),
        }
    }

    /// An authority that is kept nowhere, for a look at what would be signed.
    pub fn fleeting() -> Result<Self, AuthorityError> {
        let (pair, pem) = create().map_err(|error| unusable(&error))?;
        Self::new(&pair.serialize_pem(), &pem)
    }

    fn new(key: &str, certificate: &str) -> Result<Self, AuthorityError> {
        let pair = KeyPair::from_pem(key).map_err(|error| unusable(&error))?;
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())
            .map_err(|error| unusable(&format!("{error:?}")))?;
        Ok(Self {
            issuer: Issuer::new(authority_params(), pair),
            certificate,
        })
    }

    /// A certificate for `hosts`, with a key that lives in memory alone.
    pub fn sign(&self, hosts: &[&str]) -> Result<Chain, AuthorityError> {
        let wrong = |error: &dyn std::fmt::Display| AuthorityError::Hosts(error.to_string());
        let names: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(|error| wrong(&error))?;
        if hosts.contains(&"localhost") {
            params
                .subject_alt_names
                .push(SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
            params
                .subject_alt_names
                .push(SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()));
        }
        params.distinguished_name = common_name(hosts.first().copied().unwrap_or("simplon"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = validity(90); // as public CAs do; they are signed anew in time
        let pair = KeyPair::generate().map_err(|error| wrong(&error))?;
        let leaf = params
            .signed_by(&pair, &self.issuer)
            .map_err(|error| wrong(&error))?;
        let key = PrivateKeyDer::try_from(pair.serialize_der()).map_err(|error| wrong(&error))?;
        let chain = vec![leaf.der().clone(), self.certificate.clone()];
        CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider())
            .map(Arc::new)
            .map_err(|error| wrong(&error))
    }
}

/// What lies in the state directory, if both files are there and of one making; two processes that start at
/// once may leave others.
fn kept(state: &State) -> io::Result<Option<Authority>> {
    let (Some(certificate), Some(key)) = (state.read(CERTIFICATE)?, state.read(KEY)?) else {
        return Ok(None);
    };
    let (Ok(pem), Ok(der), Ok(private)) = (
        std::str::from_utf8(&key),
        CertificateDer::from_pem_slice(&certificate),
        PrivateKeyDer::from_pem_slice(&key),
    ) else {
        return Ok(None);
    };
    let chain = vec![der.clone()];
    let pair = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .ok()
        .and_then(|_| KeyPair::from_pem(pem).ok());
    Ok(pair.map(|pair| Authority {
        issuer: Issuer::new(authority_params(), pair),
        certificate: der,
    }))
}

fn unusable(reason: &dyn std::fmt::Display) -> AuthorityError {
    AuthorityError::Unusable(reason.to_string())
}

fn create() -> Result<(KeyPair, String), rcgen::Error> {
    let pair = KeyPair::generate()?;
    let certificate = authority_params().self_signed(&pair)?;
    Ok((pair, certificate.pem()))
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("Simplon development CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = validity(3650);
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// From yesterday, so that a clock that is a little behind still accepts the certificate.
fn validity(days: i64) -> (time::OffsetDateTime, time::OffsetDateTime) {
    let now = time::OffsetDateTime::now_utc();
    (now - time::Duration::DAY, now + time::Duration::days(days))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn the_authority_is_made_once_and_its_key_is_private() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(&home.path().join("state")).unwrap();
        let first = Authority::open(&state).unwrap().certificate.to_vec();
        let again = Authority::open(&state).unwrap().certificate.to_vec();
        assert_eq!(first, again);
        let mode = fs::metadata(state.path(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn files_of_different_making_are_replaced() {
        let home = tempfile::tempdir().unwrap();
        let state = State::open(home.path()).unwrap();
        let first = Authority::open(&state).unwrap().certificate.to_vec();
        let (other, _) = create().unwrap();
        state.write(KEY, other.serialize_pem().as_bytes()).unwrap();
        let second = Authority::open(&state).unwrap().certificate.to_vec();
        assert_ne!(first, second);
        state.write(CERTIFICATE, b"half a certif").unwrap();
        let third = Authority::open(&state).unwrap().certificate.to_vec();
        assert_eq!(Authority::open(&state).unwrap().certificate.to_vec(), third);
    }

    #[test]
    fn a_certificate_covers_its_hosts_and_carries_the_authority() {
        let chain = Authority::fleeting().unwrap().sign(&["localhost", "*.lan"]);
        assert_eq!(chain.unwrap().cert.len(), 2);
    }
}
