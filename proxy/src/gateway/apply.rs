//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use pingora::{http::RequestHeader, proxy::Session};

use super::{Exchange, admission, exchange::Admitted};
use crate::{
    config::model::Mode,
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
        cors,
        headers: _,
        security_headers: _,
        hsts: _,
    } = &route.policies;
    let request = request(session.req_header(), admitted);
    if let Some(cors) = cors {
        let verdict = cors.judge(&request);
        let verdict = applied.settle(PolicyLabel::Cors, Mode::Enforce, verdict, &route.meters);
        if !matches!(verdict, Verdict::Continue) {
            return verdict;
        }
    }
    Verdict::Continue
}

/// What policies see of a request.
pub(super) fn request<'a>(header: &'a RequestHeader, admitted: &'a Admitted) -> Request<'a> {
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
