//! What is done to the requests and responses of a route: one file a policy, pure and synchronous.
//!
//! Policies are applied in the order of the fields of [`Policies`]; the gateway's `apply` and [`Policies::respond`] are that
//! order in Rust. What a policy sends or compares is made when the snapshot is built, once for all routes that share it.

mod accept_encoding;
mod applied;
mod counted;
mod hsts;
mod max_in_flight;
mod rate_limit;
mod request;
mod users;
mod verdict;
mod workshop;

use std::sync::Arc;

pub use accept_encoding::{AcceptEncoding, Choice, Coding};
pub use applied::Applied;
pub use hsts::Hsts;
pub use max_in_flight::{Begun, MaxInFlight};
pub use rate_limit::{Asked, Checked, Own, RateLimit};
pub use request::Request;
pub use users::{Argon2id, BadLine, BadUser, Bcrypt, PasswordHash, Users};
pub use verdict::Verdict;
pub use workshop::{Made, Workshop};

use crate::{config::model, forward::Fields};

/// The policies of one route; `None` is none.
#[derive(Debug, Default)]
pub struct Policies {
    pub rate_limit: Option<Arc<RateLimit>>,
    pub max_in_flight: Option<Arc<MaxInFlight>>,
    pub hsts: Option<Arc<Hsts>>,
}

impl Policies {
    /// `route` is the label of the route they are of.
    pub fn build(spec: &model::Policies, route: &str, workshop: &mut Workshop<'_>) -> Self {
        let model::Policies {
            rate_limit,
            max_in_flight,
            hsts,
        } = spec;
        let limits = Arc::clone(&workshop.limits);
        Self {
            rate_limit: workshop.rate_limit.of(rate_limit.as_ref(), |spec| {
                Some(RateLimit::new(spec, route, &limits))
            }),
            max_in_flight: workshop.max_in_flight.of(max_in_flight.as_ref(), |spec| {
                Some(MaxInFlight::new(spec, route, &limits))
            }),
            hsts: workshop
                .hsts
                .of(hsts.as_ref(), |hsts| Some(Hsts::new(hsts))),
        }
    }

    /// What the client sees of a final response, whoever made it: a server, the route or a refusal.
    ///
    /// `is_tls` is whether the client's own connection is.
    pub fn respond(&self, fields: &mut impl Fields, applied: &Applied, is_tls: bool) {
        let Self {
            rate_limit: _,
            max_in_flight: _,
            hsts,
        } = self;
        for (name, value) in &applied.response_fields {
            fields.add(name.clone(), value.clone());
        }
        if let Some(hsts) = hsts {
            hsts.respond(fields, is_tls);
        }
    }
}
