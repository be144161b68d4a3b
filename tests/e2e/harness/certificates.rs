//! Certificates from an authority of the test's own, as PEM files.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use super::{Handshake, Trust};

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
        let pem = params.self_signed(&pair).unwrap().pem();
        Self {
            issuer: Issuer::new(params, pair),
            pem,
        }
    }

    /// Writes `name.pem` and `name.key` for these hosts.
    pub(crate) fn write(&self, directory: &Path, name: &str, hosts: &[&str]) {
        let pair = KeyPair::generate().unwrap();
        let leaf = params_for(hosts).signed_by(&pair, &self.issuer).unwrap();
        std::fs::write(directory.join(format!("{name}.pem")), leaf.pem()).unwrap();
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
