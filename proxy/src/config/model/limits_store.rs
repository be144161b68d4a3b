//! Where rate limits are shared over nodes.

use std::{path::PathBuf, time::Duration};

use super::{Address, ServerTls};
use crate::config::problem::Located;

/// A Redis server, version 5 or newer, or one that speaks its protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsStore {
    /// Where it is named.
    pub at: Located<()>,
    pub address: Address,
    /// The number of its database; default 0.
    pub database: u16,
    /// Without it the server is reached without TLS.
    pub tls: Option<ServerTls>,
    /// Default the server's default user.
    pub user: Option<String>,
    /// Holds the password and nothing else, but for white space around it.
    pub password_file: Option<Located<PathBuf>>,
    /// How long a request may wait for an answer. Default 20 ms.
    pub timeout: Duration,
    pub on_failure: OnFailure,
}

/// What becomes of a request that the store does not answer for in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// This node's own count decides.
    #[default]
    Local,
    /// It passes, as if there were no limits.
    Allow,
    /// It is answered with 503.
    Refuse,
}
