//! Certificates: for which hosts, and where from.

use std::path::PathBuf;

use crate::config::problem::Located;

/// Which hosts a certificate is for, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Lower case; `*.suffix` covers one label. At least one.
    pub hosts: Vec<Located<String>>,
    pub source: CertificateSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files, relative to the configuration file that names them.
    Files {
        chain: Located<PathBuf>,
        key: Located<PathBuf>,
    },
    /// Signed by the development CA in the state directory.
    SelfSigned,
}
