//! CAs that issue certificates by ACME (RFC 8555).

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use super::Name;
use crate::config::problem::Located;

/// One CA, with the account we have there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    pub name: Name,
    /// The URL of its directory; always https.
    pub directory: String,
    /// As `mailto:` URLs.
    pub contact: Vec<String>,
    /// In the order in which they are tried. At least one.
    pub challenges: Vec<Challenge>,
    pub external_account: Option<ExternalAccount>,
    pub profile: Option<String>,
    /// A PEM file with further CAs that may vouch for the CA's own server.
    pub root: Option<Located<PathBuf>>,
    /// Index into [`super::Config::issuers`] of the CA that is asked when this one does not deliver.
    pub fallback: Option<usize>,
    pub limits: IssuerLimits,
}

/// How we show that a host is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// On port 80 (RFC 8555 section 8.3).
    Http01,
    /// On port 443 (RFC 8737).
    TlsAlpn01,
    /// By a record in the DNS (RFC 8555 section 8.4); the only one for wildcards.
    Dns01(DnsHook),
}

/// A command that sets and clears TXT records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsHook {
    /// The program and its first arguments; `present NAME VALUE` or `cleanup NAME VALUE` follow.
    pub command: Vec<String>,
    /// Where it runs: beside the configuration file that names it.
    pub directory: PathBuf,
    /// Of one run.
    pub timeout: Duration,
    pub propagation: Propagation,
}

/// How we make sure that the CA will see a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Propagation {
    /// Whom to ask. Empty: the name servers of the zone.
    pub servers: Vec<SocketAddr>,
    /// How long it may take; zero does not look at all.
    pub timeout: Duration,
    /// A rest after the record was seen.
    pub delay: Duration,
}

/// External account binding (RFC 8555 section 7.3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalAccount {
    pub key_id: String,
    /// Holds the HMAC key in base64url, as CAs hand it out.
    pub hmac_file: Located<PathBuf>,
}

/// So many within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    pub count: NonZeroU32,
    pub within: Duration,
}

/// What we never ask more of a CA. The defaults are within the limits of Let's Encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerLimits {
    /// Orders of all certificates; default 300 in 3 h.
    pub orders: Quota,
    /// Certificates for one set of hosts; default 5 in 7 d.
    pub duplicates: Quota,
    /// Failed orders for one set of hosts; default 5 in 1 h.
    pub failures: Quota,
}

impl Default for IssuerLimits {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        let quota = |count, within| Quota {
            count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            within,
        };
        Self {
            orders: quota(300, 3 * HOUR),
            duplicates: quota(5, 7 * 24 * HOUR),
            failures: quota(5, HOUR),
        }
    }
}
