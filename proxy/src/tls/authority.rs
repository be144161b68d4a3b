//! A certificate authority for development, kept in the state directory.
//!
//! Made once: whoever adds `dev-ca.pem` to a browser need not do so again after a restart.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

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
    #[error("the development CA in {directory} cannot be used: {reason}")]
    Unusable { directory: String, reason: String },
    #[error("no development certificate for these hosts: {0}")]
    Hosts(String),
}

impl Authority {
    /// Opens the authority in `state`, making both if they are missing.
    pub fn open(state: &Path) -> Result<Self, AuthorityError> {
        let in_state = |error| AuthorityError::State {
            directory: state.display().to_string(),
            error,
        };
        let unusable = |reason: String| AuthorityError::Unusable {
            directory: state.display().to_string(),
            reason,
        };
        private_directory(state).map_err(in_state)?;
        let (certificate, key) = (state.join(CERTIFICATE), state.join(KEY));
        if !belong_together(&certificate, &key) {
            let (pair, pem) = create().map_err(|error| unusable(error.to_string()))?;
            write_private(&key, &pair.serialize_pem()).map_err(in_state)?;
            write_private(&certificate, &pem).map_err(in_state)?;
        }
        let pair = fs::read_to_string(&key).map_err(in_state)?;
        let pair = KeyPair::from_pem(&pair).map_err(|error| unusable(error.to_string()))?;
        let certificate = CertificateDer::from_pem_file(&certificate)
            .map_err(|error| unusable(format!("{CERTIFICATE}: {error:?}")))?;
        Ok(Self {
            issuer: Issuer::new(authority_params(), pair),
            certificate,
        })
    }

    /// An authority that is kept nowhere, for a look at what would be signed.
    pub fn fleeting() -> Result<Self, AuthorityError> {
        let wrong = |error: &dyn std::fmt::Display| AuthorityError::Hosts(error.to_string());
        let (pair, pem) = create().map_err(|error| wrong(&error))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
        Ok(Self {
            issuer: Issuer::new(authority_params(), pair),
            certificate: certificate.map_err(|error| wrong(&format!("{error:?}")))?,
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
        (params.not_before, params.not_after) = validity(397); // what browsers accept at most
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

/// Whether both files are there and of one making; two processes that start at once may leave others.
fn belong_together(certificate: &Path, key: &Path) -> bool {
    let (Ok(certificate), Ok(key)) = (
        CertificateDer::from_pem_file(certificate),
        PrivateKeyDer::from_pem_file(key),
    ) else {
        return false;
    };
    CertifiedKey::from_der(vec![certificate], key, &aws_lc_rs::default_provider()).is_ok()
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

/// Makes the directory with mode 0700. One that others may open is used as it is, and told of.
fn private_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        tracing::warn!(
            "the state directory {} has mode {mode:o}; 700 keeps keys from others",
            path.display()
        );
    }
    Ok(())
}

/// Writes a file of mode 0600 whole or not at all.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use io::Write as _;
    let draft = path.with_extension(format!("new-{:016x}", fastrand::u64(..)));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true) // whatever has that name already is not ours
        .mode(0o600)
        .open(&draft)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authority_is_made_once_and_its_key_is_private() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path().join("state");
        let first = Authority::open(&state).unwrap().certificate.to_vec();
        let again = Authority::open(&state).unwrap().certificate.to_vec();
        assert_eq!(first, again);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&state.join(KEY)), 0o600);
        assert_eq!(mode(&state), 0o700);
    }

    #[test]
    fn a_certificate_covers_its_hosts_and_carries_the_authority() {
        let state = tempfile::tempdir().unwrap();
        let chain = Authority::open(state.path())
            .unwrap()
            .sign(&["localhost", "*.lan"])
            .unwrap();
        assert_eq!(chain.cert.len(), 2);
    }
}
