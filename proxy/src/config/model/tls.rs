//! What a listener asks of a handshake.

use std::path::PathBuf;

use crate::config::problem::Located;

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    pub profile: TlsProfile,
    /// Never older than the profile's own.
    pub min_version: TlsVersion,
    pub client_certificates: Option<ClientCertificates>,
}

/// Mozilla's profiles for servers, as of guideline 5.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsProfile {
    /// TLS 1.3 alone.
    Modern,
    /// TLS 1.2 and 1.3, forward-secret AEAD suites alone.
    Intermediate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

/// Which clients are known by a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// PEM files with the CAs that vouch for clients. At least one.
    pub ca: Vec<Located<PathBuf>>,
    pub mode: ClientMode,
    /// PEM files with revocation lists. Where there is one, a certificate whose status no list tells, or
    /// whose list has expired, counts as revoked.
    pub crl: Vec<Located<PathBuf>>,
}

/// What becomes of a client that shows no certificate. One that shows a bad one is refused in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientMode {
    /// It is refused in the handshake.
    Require,
    /// It is let in.
    Request,
}

impl TlsSettings {
    /// A profile and nothing more.
    pub const fn of(profile: TlsProfile) -> Self {
        Self {
            profile,
            min_version: profile.min_version(),
            client_certificates: None,
        }
    }
}

impl TlsProfile {
    pub const fn min_version(self) -> TlsVersion {
        match self {
            Self::Modern => TlsVersion::V1_3,
            Self::Intermediate => TlsVersion::V1_2,
        }
    }
}
