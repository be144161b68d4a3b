//! Policies: what is done to the requests and responses of a route.
//!
//! One file a policy. What `defaults` says is shared: every route that takes it holds the same [`Arc`], and what is built of
//! it is built once.

mod access;
mod basic_auth;
mod block;
mod compress;
mod cors;
mod countries;
mod error_pages;
mod forward_auth;
mod headers;
mod hsts;
mod maintenance;
mod rate_limit;
mod rewrite;
mod security_headers;

use std::sync::Arc;

pub use access::Access;
pub use basic_auth::BasicAuth;
pub use block::{Block, BlockRule, Conditions, HeaderCondition, Preset, Refused};
pub use compress::{Compress, Levels, MediaRange};
pub use cors::{Cors, Names, OriginPattern, Origins};
pub use countries::{Countries, Country, CountryList, Unknown};
pub use error_pages::{ErrorPages, ErrorStatus};
pub use forward_auth::ForwardAuth;
pub use headers::{Edits, Headers, NamePattern, Piece, Placeholder, Template};
pub use hsts::Hsts;
pub use maintenance::{Maintenance, Notice};
pub use rate_limit::{By, LimitList, MOST_KEYS, MaxInFlight, RateLimit};
pub use rewrite::Rewrite;
pub use security_headers::{FrameOptions, SecurityHeaders};

/// The policies of one route, those it takes from `defaults` among them; `None` is none.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    pub access: Option<Arc<Access>>,
    pub countries: Option<Arc<Countries>>,
    pub block: Option<Arc<Block>>,
    pub cors: Option<Arc<Cors>>,
    pub rate_limit: Option<Arc<LimitList<RateLimit>>>,
    pub max_in_flight: Option<Arc<LimitList<MaxInFlight>>>,
    pub maintenance: Option<Arc<Maintenance>>,
    pub basic_auth: Option<Arc<BasicAuth>>,
    pub forward_auth: Option<Arc<ForwardAuth>>,
    pub rewrite: Option<Arc<Rewrite>>,
    pub headers: Option<Arc<Headers>>,
    pub security_headers: Option<Arc<SecurityHeaders>>,
    pub hsts: Option<Arc<Hsts>>,
    pub compress: Option<Arc<Compress>>,
    pub error_pages: Option<Arc<ErrorPages>>,
}

/// What becomes of a request that a policy would refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Enforce,
    /// It passes, and the log and the metrics tell of it.
    Observe,
}
