//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use pingora::proxy::Session;

use super::{Exchange, admission, exchange::Admitted};
use crate::{
    config::model::Mode,
    observe::PolicyLabel,
    policy::{Policies, Request, Verdict},
    respond::{Answer, Refusal},
    route::Asked,
};

/// Asks each policy in turn; the first that does not let the request pass has decided.
#[expect(
    clippy::unused_async,
    reason = "policies that ask others wait for them"
)]
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
        maintenance,
        rewrite,
        hsts: _,
        error_pages: _,
    } = &route.policies;
    let request = request(session, admitted);
    if let Some(maintenance) = maintenance {
        let verdict = maintenance.verdict(&request, admitted.id.as_str());
        let label = PolicyLabel::Maintenance;
        match applied.settle(label, Mode::Enforce, verdict, &route.meters) {
            Verdict::Continue => {}
            decided => return decided,
        }
    }
    if let (Some(rewrite), Some(strip)) = (rewrite, route.strip()) {
        let asked = Asked {
            path: admission::stripped(request.path, strip),
            ..request.asked()
        };
        match rewrite.target(&asked) {
            Ok(target) => applied.target = target,
            Err(refusal) => return Verdict::Refuse(refusal),
        }
    }
    Verdict::Continue
}

/// What the route answers by itself; nothing if a server does.
pub(super) fn answer(session: &Session, exchange: &Exchange) -> Result<Option<Answer>, Refusal> {
    let (Some(route), Some(admitted)) = (&exchange.route, &exchange.admitted) else {
        return Err(Refusal::Internal);
    };
    route.answer(&request(session, admitted))
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
