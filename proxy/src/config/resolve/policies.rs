//! Policies of the whole configuration: what can have no effect.

use super::tls_listeners;
use crate::config::{
    problem::{Problem, Problems},
    read::Draft,
};

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
