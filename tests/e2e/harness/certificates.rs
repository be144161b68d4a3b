//! Certificates from an authority of the test's own, as PEM files.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
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
        params
            .distinguished_name
            .push(DnType::CommonName, "The test's authority");
        let pem = params.self_signed(&pair).unwrap().pem();
        Self {
            issuer: Issuer::new(params, pair),
            pem,
        }
    }

    /// Writes `name.pem` and `name.key` for these hosts, valid as long as anybody tests.
    pub(crate) fn write(&self, directory: &Path, name: &str, hosts: &[&str]) {
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |_| {});
    }

    /// Writes them valid for so many days from an hour ago, and for servers only, as public
    /// authorities do.
    pub(crate) fn write_valid_for(&self, days: i64, directory: &Path, name: &str, hosts: &[&str]) {
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = OffsetDateTime::now_utc() - Duration::HOUR;
            params.not_after = params.not_before + Duration::days(days);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
        });
    }

    /// As [`Certificates::write`], with a key for RSA.
    pub(crate) fn write_rsa(&self, directory: &Path, name: &str, hosts: &[&str]) {
        self.write_for(directory, name, hosts, &PKCS_RSA_SHA256, |_| {});
    }

    /// As [`Certificates::write`], from this many days from now to that many.
    pub(crate) fn write_valid(&self, directory: &Path, name: &str, host: &str, days: (i64, i64)) {
        let day = |days| OffsetDateTime::now_utc() + Duration::days(days) + Duration::HOUR;
        let hosts = &[host];
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |params| {
            (params.not_before, params.not_after) = (day(days.0), day(days.1));
        });
    }

    fn write_for(
        &self,
        directory: &Path,
        name: &str,
        hosts: &[&str],
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) {
        let pair = KeyPair::generate_for(algorithm).unwrap();
        let mut params = params(hosts);
        change(&mut params);
        let leaf = params.signed_by(&pair, &self.issuer).unwrap();
        let chain = format!("{}{}", leaf.pem(), self.pem);
        std::fs::write(directory.join(format!("{name}.pem")), chain).unwrap();
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
