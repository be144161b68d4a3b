//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use pingora::proxy::Session;

use super::{Exchange, admission, exchange::Admitted};
use crate::{
    observe::PolicyLabel,
    policy::{Policies, Request, Verdict},
    respond::Refusal,
};

/// Asks each policy in turn; the first that does not let the request pass has decided.
pub(super) async fn apply(session: &Session, exchange: &mut Exchange) -> Verdict {
    let Exchange {
        admitted: Some(admitted),
        route: Some(route),
        applied,
        ..
    } = exchange
    else {
        return Verdict::Refuse(Refusal::Internal);
    };
    let Policies {
        access,
        countries,
        block,
        hsts: _,
    } = &route.policies;
    let request = request(session, admitted);
    let mut decides = |by, mode, verdict| {
        let verdict = applied.settle(by, mode, verdict, &route.meters);
        (!matches!(verdict, Verdict::Continue)).then_some(verdict)
    };
    if let Some(access) = access
        && let verdict = access.judge(request.client)
        && let Some(decided) = decides(PolicyLabel::Access, access.mode, verdict)
    {
        return decided;
    }
    if let Some(countries) = countries
        && let verdict = countries.judge(request.client)
        && let Some(decided) = decides(PolicyLabel::Countries, countries.mode, verdict)
    {
        return decided;
    }
    if let Some(block) = block {
        for (mode, refusal) in block.matching(&request) {
            if let Some(decided) = decides(PolicyLabel::Block, mode, Verdict::Refuse(refusal)) {
                return decided;
            }
        }
    }
    Verdict::Continue
}

/// What policies see of a request.
fn request<'a>(session: &'a Session, admitted: &'a Admitted) -> Request<'a> {
    let header = session.req_header();
    Request {
        client: admitted.client,
        method: &header.method,
        is_tls: admitted.connection.tls.is_some(),
        host: admitted.host.name(),
        port: admitted.host.port(),
        path: &admitted.path,
        query: admission::query(header),
        fields: &header.headers,
    }
}
