//! Which clients are let in, by network.

use std::path::PathBuf;

use ipnet::IpNet;

use super::Mode;
use crate::config::Located;

/// Which clients are let in: the most specific network decides. With anything under `allow` or `allow_file`, who is in no
/// network at all is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
    /// Files with a network or an address a line.
    pub allow_files: Vec<Located<PathBuf>>,
    pub deny_files: Vec<Located<PathBuf>>,
    pub mode: Mode,
}
