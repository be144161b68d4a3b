//! Policies: what is done to the requests and responses of a route.
//!
//! One file a policy. What `defaults` says is shared: every route that takes it holds the same [`Arc`], and what is built of
//! it is built once.

mod hsts;
mod rate_limit;

use std::sync::Arc;

pub use hsts::Hsts;
pub use rate_limit::{By, LimitList, MOST_KEYS, MaxInFlight, RateLimit};

/// The policies of one route, those it takes from `defaults` among them; `None` is none.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    pub rate_limit: Option<Arc<LimitList<RateLimit>>>,
    pub max_in_flight: Option<Arc<LimitList<MaxInFlight>>>,
    pub hsts: Option<Arc<Hsts>>,
}

/// What becomes of a request that a policy would refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Enforce,
    /// It passes, and the log and the metrics tell of it.
    Observe,
}
