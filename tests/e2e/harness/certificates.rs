//! Certificates from an authority of the test's own, as PEM files.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::Trust;

/// An authority that signs what a test asks for.
pub(crate) struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&pair).unwrap().pem();
        Self {
            issuer: Issuer::new(params, pair),
            pem,
        }
    }

    /// Writes `name.pem` and `name.key` for these hosts, valid as long as anybody tests.
    pub(crate) fn write(&self, directory: &Path, name: &str, hosts: &[&str]) {
        self.sign(&params(hosts), directory, name);
    }

    /// Writes them valid for so many days from an hour ago, and for servers only, as public
    /// authorities do.
    pub(crate) fn write_valid_for(&self, days: i64, directory: &Path, name: &str, hosts: &[&str]) {
        let mut params = params(hosts);
        params.not_before = OffsetDateTime::now_utc() - Duration::HOUR;
        params.not_after = params.not_before + Duration::days(days);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        self.sign(&params, directory, name);
    }

    fn sign(&self, params: &CertificateParams, directory: &Path, name: &str) {
        let pair = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&pair, &self.issuer).unwrap();
        std::fs::write(directory.join(format!("{name}.pem")), leaf.pem()).unwrap();
        std::fs::write(directory.join(format!("{name}.key")), pair.serialize_pem()).unwrap();
    }

    /// Trust in this authority, whose certificate is written to `directory` for it.
    pub(crate) fn trust(&self, directory: &Path) -> Trust {
        let path = directory.join("authority.pem");
        std::fs::write(&path, &self.pem).unwrap();
        Trust::in_file(&path)
    }
}

fn params(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    CertificateParams::new(hosts).unwrap()
}
