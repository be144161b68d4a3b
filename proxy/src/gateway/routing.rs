//! Route: where does a request lead?

use std::sync::Arc;

use http::Method;

use super::{Exchange, head::Head};
use crate::{policy::preflight, respond::Refusal, route::Found};

/// Finds the one route that is most specific.
///
/// A preflight asks about another request, which is to follow: so the route that takes that one answers it, if it has
/// `cors`. It need not take OPTIONS itself. Otherwise it is a request like any other, whatever route it leads to.
pub(super) fn route(head: Head<'_>, exchange: &mut Exchange) -> Result<(), Refusal> {
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
