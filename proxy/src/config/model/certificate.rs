//! Certificates: for which hosts, and where from.

use std::path::PathBuf;

use crate::config::problem::Located;

/// Which hosts a certificate is for, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Lower case; `*.suffix` covers one label. At least one.
    pub hosts: Vec<Located<String>>,
    pub source: CertificateSource,
    /// Shown to clients that name no host, or one that no certificate is for.
    pub is_default: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files, relative to the configuration file that names them.
    Files {
        chain: Located<PathBuf>,
        key: Located<PathBuf>,
    },
    /// Obtained by ACME; an index into [`super::Config::issuers`].
    Acme(usize),
    /// Signed by the development CA in the state directory.
    SelfSigned,
}
