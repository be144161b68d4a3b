//! A page in the place of a site that is being worked on.

use std::{path::PathBuf, time::Duration};

use http::StatusCode;
use ipnet::IpNet;

use crate::config::problem::Located;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// 400 to 599; default 503.
    pub status: StatusCode,
    pub notice: Notice,
    /// In whole seconds, of which zero says nothing. Default [`Maintenance::RETRY_AFTER`].
    pub retry_after: Duration,
    /// Clients for whom all is as ever.
    pub allow: Vec<IpNet>,
}

/// What the client is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Notice {
    /// Our page, with our sentence.
    #[default]
    Ours,
    /// Our page, with this sentence.
    Sentence(String),
    /// A page of the operator's.
    File(Located<PathBuf>),
}

impl Maintenance {
    pub const RETRY_AFTER: Duration = Duration::from_secs(300);
}

impl Default for Maintenance {
    fn default() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            notice: Notice::Ours,
            retry_after: Self::RETRY_AFTER,
            allow: Vec::new(),
        }
    }
}
