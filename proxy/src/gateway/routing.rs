//! Route: where does a request lead?

use std::sync::Arc;

use http::Method;

use super::{Exchange, admission, challenge, head::Head};
use crate::{
    policy::preflight,
    respond::{Answer, Refusal},
    route::Found,
};

/// Finds the route, unless the listener has an answer for whatever is asked there.
pub(super) async fn route(
    head: Head<'_>,
    exchange: &mut Exchange,
) -> Result<Option<Answer>, Refusal> {
    let admitted = exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
    if let Some(token) = challenge::token(admitted, &exchange.snapshot) {
        let host = admitted.host.name();
        return challenge::answer(host, token, &exchange.snapshot)
            .await
            .map(Some);
    }
    if admitted.connection.listener.settings.redirect_to_https {
        let port = exchange.snapshot.https_port;
        return admission::redirect_to_https(head, admitted, port).map(Some);
    }
    find(head, exchange).map(|()| None)
}

/// Finds the one route that is most specific.
///
/// A preflight asks about another request, which is to follow: so the route that takes that one answers it, if it has
/// `cors`. It need not take OPTIONS itself. Otherwise it is a request like any other, whatever route it leads to.
fn find(head: Head<'_>, exchange: &mut Exchange) -> Result<(), Refusal> {
    let admitted = exchange.admitted.as_mut().ok_or(Refusal::Internal)?;
    let (host, path) = (admitted.host.name(), &admitted.path);
    let find = |method: &Method| exchange.snapshot.routes.find(host, path, method);
    if let Some(announced) = preflight(head.method, head.fields)
        && let Found::Route(route) = find(&announced)
        && route.policies.cors.is_some()
    {
        exchange.route = Some(Arc::clone(route));
        admitted.announced = Some(announced);
        return Ok(());
    }
    match find(head.method) {
        Found::Route(route) => exchange.route = Some(Arc::clone(route)),
        Found::MethodNotAllowed(allowed) => return Err(Refusal::MethodNotAllowed(allowed)),
        Found::None => return Err(Refusal::NoRoute),
    }
    Ok(())
}
