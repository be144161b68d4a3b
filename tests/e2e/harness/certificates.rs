//! Certificates from an authority of the test's own, as PEM files.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use ::time::OffsetDateTime;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RevokedCertParams, SerialNumber, SignatureAlgorithm,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Handshake, Trust};

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
        Self::named("The test's authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
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
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |_| {});
    }

    /// Writes them valid for so many days from an hour ago, and for servers only, as public
    /// authorities do.
    pub(crate) fn write_valid_for(&self, days: i64, directory: &Path, name: &str, hosts: &[&str]) {
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = OffsetDateTime::now_utc() - ::time::Duration::HOUR;
            params.not_after = params.not_before + ::time::Duration::days(days);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
        });
    }

    /// As [`Certificates::write`], for a day that begins so long from now.
    pub(crate) fn write_beginning_in(
        &self,
        wait: Duration,
        directory: &Path,
        name: &str,
        hosts: &[&str],
    ) {
        self.write_for(directory, name, hosts, &PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = OffsetDateTime::now_utc() + wait;
            params.not_after = params.not_before + ::time::Duration::DAY;
        });
    }

    /// As [`Certificates::write`], with a key for RSA.
    pub(crate) fn write_rsa(&self, directory: &Path, name: &str, hosts: &[&str]) {
        self.write_for(directory, name, hosts, &PKCS_RSA_SHA256, |_| {});
    }

    /// As [`Certificates::write`], from this many days from now to that many.
    pub(crate) fn write_valid(&self, directory: &Path, name: &str, host: &str, days: (i64, i64)) {
        let day = |days| {
            OffsetDateTime::now_utc() + ::time::Duration::days(days) + ::time::Duration::HOUR
        };
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
        let mut params = params_for(hosts);
        change(&mut params);
        let leaf = params.signed_by(&pair, &self.issuer).unwrap();
        let chain = format!("{}{}", leaf.pem(), self.pem);
        std::fs::write(directory.join(format!("{name}.pem")), chain).unwrap();
        std::fs::write(directory.join(format!("{name}.key")), pair.serialize_pem()).unwrap();
    }

    /// Handshakes with a certificate for these hosts.
    pub(crate) fn handshake(&self, hosts: &[&str]) -> Handshake {
        self.signed(&params_for(hosts))
    }

    /// As [`Self::handshake`], with a certificate that expired long ago.
    pub(crate) fn expired(&self, hosts: &[&str]) -> Handshake {
        let mut params = params_for(hosts);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.signed(&params)
    }

    /// As [`Self::handshake`], with clients alone that show a certificate of this authority.
    pub(crate) fn mutual(&self, hosts: &[&str]) -> Handshake {
        let authority = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        self.handshake(hosts).for_clients_of(authority)
    }

    fn signed(&self, params: &CertificateParams) -> Handshake {
        let pair = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&pair, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(pair.serialize_der()).unwrap();
        Handshake::showing(leaf.der().clone(), key)
    }

    /// Writes the authority's own certificate.
    pub(crate) fn write_authority(&self, path: &Path) {
        std::fs::write(path, &self.pem).unwrap();
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
        self.write_authority(&path);
        Trust::in_file(&path)
    }
}

fn params_for(hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    CertificateParams::new(hosts).unwrap()
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}
