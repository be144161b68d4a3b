//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use pingora::proxy::Session;

use super::{Exchange, admission, exchange::Admitted};
use crate::{
    policy::{Policies, Request, Verdict},
    respond::Refusal,
};

/// Asks each policy in turn; the first that does not let the request pass has decided.
pub(super) async fn apply(session: &Session, exchange: &mut Exchange) -> Verdict {
    let Exchange {
        admitted: Some(admitted),
        route: Some(route),
        applied,
        coder,
        ..
    } = exchange
    else {
        return Verdict::Refuse(Refusal::Internal);
    };
    let Policies { hsts: _, compress } = &route.policies;
    let request = request(session, admitted);
    if let Some(compress) = compress {
        // First, as it is for what the others answer too.
        let version = session.req_header().version;
        coder.offer(compress.accept(request.method, version, request.fields));
    }
    let _ = applied;
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
