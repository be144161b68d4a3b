//! Policies of the whole configuration: what they lack, and what can have no effect.

use super::tls_listeners;
use crate::config::{
    problem::{Problem, Problems},
    read::{Draft, PoliciesDraft},
};

/// What policies cannot do without.
pub(super) fn refuse(draft: &Draft, problems: &Problems) {
    if draft.settings.is_set("country_database") {
        return;
    }
    for countries in all(draft).filter_map(|policies| policies.countries.as_ref()) {
        if countries.value.is_some() {
            problems.push(
                Problem::error("\"countries\" needs a database of countries")
                    .at_value(countries)
                    .hint("add `country_database: GeoLite2-Country.mmdb`, beside `routes`; it is free at maxmind.com, others at db-ip.com"),
            );
        }
    }
}

/// What is said of policies under `defaults` and by each route.
fn all(draft: &Draft) -> impl Iterator<Item = &PoliciesDraft> {
    let of_routes = draft.routes.iter().map(|route| &route.policies);
    std::iter::once(&draft.settings.defaults).chain(of_routes)
}

/// What is odd about policies that can be used.
pub(super) fn warn(draft: &Draft, problems: &Problems) {
    if tls_listeners(draft).next().is_some() {
        return;
    }
    for hsts in all(draft).filter_map(|policies| policies.hsts.as_ref()) {
        if hsts.value.is_some() {
            problems.push(
                Problem::warning("\"hsts\" is never sent: no listener has TLS")
                    .at_value(hsts)
                    .hint("add `tls: intermediate` to a listener, or remove `hsts`"),
            );
        }
    }
}
