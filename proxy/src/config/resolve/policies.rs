//! Policies of the whole configuration: what a route takes from `defaults`, and what can have no effect.

use super::tls_listeners;
use crate::config::{
    model::Policies,
    problem::{Problem, Problems},
    read::{Draft, PoliciesDraft},
};

/// The policies of a route: what it says itself, else what `defaults` says.
pub(super) fn policies(route: PoliciesDraft, defaults: &PoliciesDraft) -> Policies {
    let PoliciesDraft { hsts } = route;
    Policies {
        hsts: hsts
            .as_ref()
            .or(defaults.hsts.as_ref())
            .and_then(|hsts| hsts.value),
    }
}

/// What is odd about policies that can be used.
pub(super) fn warn(draft: &Draft, problems: &Problems) {
    if tls_listeners(draft).next().is_some() {
        return;
    }
    let of_routes = draft.routes.iter().map(|route| &route.policies);
    let all = std::iter::once(&draft.settings.defaults).chain(of_routes);
    for hsts in all.filter_map(|policies| policies.hsts.as_ref()) {
        if hsts.value.is_some() {
            problems.push(
                Problem::warning("\"hsts\" is never sent: no listener has TLS")
                    .at_value(hsts)
                    .hint("add `tls: intermediate` to a listener, or remove `hsts`"),
            );
        }
    }
}
