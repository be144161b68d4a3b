//! Policies: what is done to the requests and responses of a route.
//!
//! One file a policy. What `defaults` says is shared: every route that takes it holds the same [`Arc`], and what is built of
//! it is built once.

mod basic_auth;
mod forward_auth;
mod hsts;

use std::sync::Arc;

pub use basic_auth::BasicAuth;
pub use forward_auth::ForwardAuth;
pub use hsts::Hsts;

/// The policies of one route, those it takes from `defaults` among them; `None` is none.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    pub basic_auth: Option<Arc<BasicAuth>>,
    pub forward_auth: Option<Arc<ForwardAuth>>,
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
