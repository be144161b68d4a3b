//! Policies, as a route or `defaults` says them: one file a policy, with its keys.

pub(super) mod hsts;
mod limits;
pub(super) mod max_in_flight;
pub(super) mod rate_limit;

use std::sync::Arc;

use crate::config::{
    decode::Fields,
    model::{Hsts, LimitList, MaxInFlight, Policies, RateLimit},
    problem::Located,
};

/// What is said of a policy: `None` is nothing, which leaves it to `defaults`; `Some` of `None` is that there is none, which
/// turns off what `defaults` turns on.
pub(in crate::config) type Said<T> = Option<Located<Option<Arc<T>>>>;

/// What a route or `defaults` says of each policy, in the order in which they are applied.
#[derive(Default)]
pub(in crate::config) struct PoliciesDraft {
    pub(in crate::config) rate_limit: Said<LimitList<RateLimit>>,
    pub(in crate::config) max_in_flight: Said<LimitList<MaxInFlight>>,
    pub(in crate::config) hsts: Said<Hsts>,
}

pub(super) fn read(fields: &Fields<'_>) -> PoliciesDraft {
    PoliciesDraft {
        rate_limit: rate_limit::read(fields),
        max_in_flight: max_in_flight::read(fields),
        hsts: hsts::read(fields),
    }
}

impl PoliciesDraft {
    /// The policies of a route: what it says itself, else what `defaults` says.
    pub(in crate::config) fn resolve(self, defaults: &Self) -> Policies {
        Policies {
            rate_limit: or(self.rate_limit, defaults.rate_limit.as_ref()),
            max_in_flight: or(self.max_in_flight, defaults.max_in_flight.as_ref()),
            hsts: or(self.hsts, defaults.hsts.as_ref()),
        }
    }
}

fn or<T>(route: Said<T>, defaults: Option<&Located<Option<Arc<T>>>>) -> Option<Arc<T>> {
    match route {
        Some(said) => said.value,
        None => defaults?.value.clone(),
    }
}
