//! Policies, as a route or `defaults` says them: one file a policy, with its keys.

pub(super) mod error_pages;
pub(super) mod hsts;
mod limits;
pub(super) mod maintenance;
pub(super) mod max_in_flight;
mod page;
pub(super) mod rate_limit;
pub(super) mod rewrite;

use std::sync::Arc;

use crate::config::{
    decode::Fields,
    model::{ErrorPages, Hsts, LimitList, Maintenance, MaxInFlight, Policies, RateLimit, Rewrite},
    problem::{Located, Span},
    raw::Value,
};

/// What is said of a policy: `None` is nothing, which leaves it to `defaults`; `Some` of `None` is that there is none, which
/// turns off what `defaults` turns on.
pub(in crate::config) type Said<T> = Option<Located<Option<Arc<T>>>>;

/// What a route or `defaults` says of each policy, in the order in which they are applied.
#[derive(Default)]
pub(in crate::config) struct PoliciesDraft {
    pub(in crate::config) rate_limit: Said<LimitList<RateLimit>>,
    pub(in crate::config) max_in_flight: Said<LimitList<MaxInFlight>>,
    pub(in crate::config) maintenance: Said<Maintenance>,
    pub(in crate::config) rewrite: Said<Rewrite>,
    pub(in crate::config) hsts: Said<Hsts>,
    pub(in crate::config) error_pages: Said<ErrorPages>,
}

pub(super) fn read(fields: &Fields<'_>) -> PoliciesDraft {
    PoliciesDraft {
        rate_limit: rate_limit::read(fields),
        max_in_flight: max_in_flight::read(fields),
        maintenance: maintenance::read(fields),
        rewrite: rewrite::read(fields),
        hsts: hsts::read(fields),
        error_pages: error_pages::read(fields),
    }
}

impl PoliciesDraft {
    /// The policies of a route: what it says itself, else what `defaults` says.
    pub(in crate::config) fn resolve(self, defaults: &Self) -> Policies {
        Policies {
            rate_limit: or(self.rate_limit, defaults.rate_limit.as_ref()),
            max_in_flight: or(self.max_in_flight, defaults.max_in_flight.as_ref()),
            maintenance: or(self.maintenance, defaults.maintenance.as_ref()),
            rewrite: or(self.rewrite, defaults.rewrite.as_ref()),
            hsts: or(self.hsts, defaults.hsts.as_ref()),
            error_pages: or(self.error_pages, defaults.error_pages.as_ref()),
        }
    }
}

fn or<T>(route: Said<T>, defaults: Option<&Located<Option<Arc<T>>>>) -> Option<Arc<T>> {
    match route {
        Some(said) => said.value,
        None => defaults?.value.clone(),
    }
}

/// The mapping under `name` and the place of its key, or nothing in the place of the mapping for `false`.
fn off_or<'a>(fields: &Fields<'a>, name: &str) -> Option<(Option<Fields<'a>>, &'a Span)> {
    let entry = fields.entry(name)?;
    match &entry.node.value {
        Value::Map(_) => Some((Some(fields.fields(name)?), &entry.at)),
        Value::Bool(false) => Some((None, &entry.at)),
        _ => fields.wrong(
            name,
            "a mapping, or false",
            &entry.node,
            "write what it is to do below it, or false",
        ),
    }
}
