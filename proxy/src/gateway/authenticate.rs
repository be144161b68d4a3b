//! Who may come in: by name and password, and because a server says so.

use std::sync::Arc;

use super::{
    Exchange,
    apply::request,
    asker::{Asker, unless_left},
    forwarding,
    inquiry::Inquiry,
    means::Means,
};
use crate::{
    admit::ClientKey,
    config::model::Mode,
    observe::PolicyLabel,
    policy::{BasicAuth, Credentials, ForwardAuth, Verdict},
    respond::Refusal,
    snapshot::Route,
};

/// What the policies of the route say that find out who it is.
pub(super) async fn authenticate(
    means: &Means,
    asker: &mut impl Asker,
    exchange: &mut Exchange,
    route: &Route,
) -> Verdict {
    let policies = &route.policies;
    if let Some(basic_auth) = &policies.basic_auth {
        let Some(verdict) = log_in(basic_auth, means, asker, exchange).await else {
            return Verdict::Refuse(Refusal::ClientGone);
        };
        let (by, applied) = (PolicyLabel::BasicAuth, &mut exchange.applied);
        match applied.settle(by, Mode::Enforce, verdict, &route.meters) {
            Verdict::Continue => {}
            decided => return decided,
        }
    }
    if let Some(forward_auth) = &policies.forward_auth {
        let Some(verdict) = inquire(forward_auth, means, asker, exchange).await else {
            return Verdict::Refuse(Refusal::ClientGone);
        };
        let (by, applied) = (PolicyLabel::ForwardAuth, &mut exchange.applied);
        return applied.settle(by, Mode::Enforce, verdict, &route.meters);
    }
    Verdict::Continue
}

/// Nothing if the client has left meanwhile.
async fn log_in(
    basic_auth: &Arc<BasicAuth>,
    means: &Means,
    asker: &mut impl Asker,
    exchange: &mut Exchange,
) -> Option<Verdict> {
    let Some(admitted) = &exchange.admitted else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let client = ClientKey::from(admitted.client);
    let credentials = Credentials::of(asker.head().fields);
    let checking = means.logins.check(basic_auth, client, credentials);
    let login = unless_left(asker, Box::pin(checking)).await?;
    let sent = asker.head().fields;
    Some(basic_auth.rule(login, sent, &mut exchange.applied))
}

/// Nothing if the client has left meanwhile.
async fn inquire(
    forward_auth: &Arc<ForwardAuth>,
    means: &Means,
    asker: &mut impl Asker,
    exchange: &mut Exchange,
) -> Option<Verdict> {
    let Some(admitted) = &exchange.admitted else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let Ok(origin) = forwarding::origin(exchange, asker.head().version) else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let question =
        forward_auth.question(&request(asker.head(), admitted), &origin, &exchange.applied);
    let inquiry = Inquiry {
        forward_auth,
        question,
        admitted,
        spares: means.spares.mine(),
    };
    let answer = match unless_left(asker, Box::pin(inquiry.ask())).await? {
        Ok(answer) => answer,
        Err(refusal) => return Some(Verdict::Refuse(refusal)),
    };
    let (request, id) = (request(asker.head(), admitted), admitted.id.as_str());
    Some(forward_auth.rule(answer, &request, id, &mut exchange.applied))
}
