//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use std::sync::Arc;

use pingora::proxy::Session;

use super::{Exchange, Gateway, admission, exchange::Admitted, inquiry::Inquiry, session};
use crate::{
    admit::ClientKey,
    config::model::Mode,
    observe::PolicyLabel,
    policy::{BasicAuth, Credentials, ForwardAuth, Policies, Request, Verdict},
    respond::Refusal,
};

/// Asks each policy in turn; the first that does not let the request pass has decided.
pub(super) async fn apply(
    gateway: &Gateway,
    session: &mut Session,
    exchange: &mut Exchange,
) -> Verdict {
    let Some(route) = exchange.route.clone() else {
        return Verdict::Refuse(Refusal::Internal);
    };
    let Policies {
        basic_auth,
        forward_auth,
        hsts: _,
    } = &route.policies;
    if let Some(basic_auth) = basic_auth {
        let Some(verdict) = log_in(basic_auth, gateway, session, exchange).await else {
            return Verdict::Refuse(Refusal::ClientGone);
        };
        let by = PolicyLabel::BasicAuth;
        match exchange
            .applied
            .settle(by, Mode::Enforce, verdict, &route.meters)
        {
            Verdict::Continue => {}
            decided => return decided,
        }
    }
    if let Some(forward_auth) = forward_auth {
        let Some(verdict) = inquire(forward_auth, gateway, session, exchange).await else {
            return Verdict::Refuse(Refusal::ClientGone);
        };
        let by = PolicyLabel::ForwardAuth;
        match exchange
            .applied
            .settle(by, Mode::Enforce, verdict, &route.meters)
        {
            Verdict::Continue => {}
            decided => return decided,
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

/// Nothing if the client has left meanwhile.
async fn log_in(
    basic_auth: &Arc<BasicAuth>,
    gateway: &Gateway,
    session: &mut Session,
    exchange: &mut Exchange,
) -> Option<Verdict> {
    let Some(admitted) = &exchange.admitted else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let client = ClientKey::from(admitted.client);
    let credentials = Credentials::of(&session.req_header().headers);
    let checking = gateway.logins.check(basic_auth, client, credentials);
    let login = session::unless_gone(session, checking).await?;
    let sent = &session.req_header().headers;
    Some(basic_auth.rule(login, sent, &mut exchange.applied))
}

/// Nothing if the client has left meanwhile.
async fn inquire(
    forward_auth: &Arc<ForwardAuth>,
    gateway: &Gateway,
    session: &mut Session,
    exchange: &mut Exchange,
) -> Option<Verdict> {
    let Some(admitted) = &exchange.admitted else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let Ok(origin) = admission::origin(exchange, session.req_header().version) else {
        return Some(Verdict::Refuse(Refusal::Internal));
    };
    let question = forward_auth.question(&request(session, admitted), &origin, &exchange.applied);
    let inquiry = Inquiry {
        forward_auth,
        question,
        admitted,
        spares: &gateway.spares,
    };
    let answer = match session::unless_gone(session, inquiry.ask()).await? {
        Ok(answer) => answer,
        Err(refusal) => return Some(Verdict::Refuse(refusal)),
    };
    let (request, id) = (request(session, admitted), admitted.id.as_str());
    Some(forward_auth.rule(answer, &request, id, &mut exchange.applied))
}
