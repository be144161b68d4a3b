//! Rate limits, asked of this process or of the store that nodes share.

use std::time::Instant;

use crate::{
    config::model::OnFailure,
    limits::shared::{SharedStore, Unanswered},
    policy::{Applied, Checked, RateLimit, Request},
};

/// With a store: what this node's own count refuses is refused; else the store is asked, once for all limits.
pub(super) async fn check(
    rate_limit: &RateLimit,
    store: Option<&SharedStore>,
    request: &Request<'_>,
    route: &str,
    applied: &mut Applied,
) -> Checked {
    let now = Instant::now();
    let Some(store) = store else {
        return rate_limit.check(request, route, now, applied);
    };
    let mut own = rate_limit.count_here(request, route, now);
    let is_lifted = store.on_failure() == OnFailure::Allow && !store.is_up();
    if own.is_refused() && !is_lifted {
        own.uncount();
        return own.decide(request, route, applied);
    }
    // In a box, as most routes have no store: their exchanges are not to be larger for it.
    let asked = Box::pin(store.check(&own.questions())).await;
    match (asked, store.on_failure()) {
        (Ok(found), _) => own.decide_by(&found, request, route, applied),
        (Err(Unanswered), OnFailure::Local) => own.decide(request, route, applied),
        (Err(Unanswered), OnFailure::Allow) => Checked::default(),
        (Err(Unanswered), OnFailure::Refuse) => own.refuse(),
    }
}
