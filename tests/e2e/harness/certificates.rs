//! Certificates from an authority of the test's own, as PEM files.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, RevokedCertParams,
    SerialNumber,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Trust;

/// An authority that signs what a test asks for.
pub(crate) struct Certificates {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A client's certificate and key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Certificates {
    pub(crate) fn new() -> Self {
        Self::named("an authority of the tests")
    }

    pub(crate) fn named(name: &str) -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&pair).unwrap().pem();
        Self {
            issuer: Issuer::new(params, pair),
            pem,
        }
    }

    /// Writes `name.pem` and `name.key` for these hosts.
    pub(crate) fn write(&self, directory: &Path, name: &str, hosts: &[&str]) {
        let pair = KeyPair::generate().unwrap();
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let leaf = CertificateParams::new(hosts)
            .unwrap()
            .signed_by(&pair, &self.issuer)
            .unwrap();
        std::fs::write(directory.join(format!("{name}.pem")), leaf.pem()).unwrap();
        std::fs::write(directory.join(format!("{name}.key")), pair.serialize_pem()).unwrap();
    }

    /// A certificate for a client of this name, good until then.
    pub(crate) fn client(&self, name: &str, serial: u64, until: SystemTime) -> Identity {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = until.into();
        let leaf = params.signed_by(&pair, &self.issuer).unwrap();
        Identity {
            chain: vec![leaf.der().clone()],
            key: PrivateKeyDer::try_from(pair.serialize_der()).unwrap(),
        }
    }

    /// A list that revokes these serial numbers, in PEM. `until` is when the next one is due.
    pub(crate) fn revoke(&self, serials: &[u64], until: SystemTime) -> String {
        let long_ago = SystemTime::now() - Duration::from_secs(7200);
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: long_ago.into(),
            reason_code: None,
            invalidity_date: None,
        };
        CertificateRevocationListParams {
            this_update: long_ago.into(),
            next_update: until.into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .unwrap()
        .pem()
        .unwrap()
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Trust in this authority, whose certificate is written to `directory` for it.
    pub(crate) fn trust(&self, directory: &Path) -> Trust {
        let path = directory.join("authority.pem");
        std::fs::write(&path, &self.pem).unwrap();
        Trust::in_file(&path)
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}
