//! Route: where does a request lead?

use std::sync::Arc;

use http::Method;
use pingora::http::RequestHeader;

use super::exchange::Admitted;
use crate::{
    policy::preflight,
    respond::Refusal,
    route::Found,
    snapshot::{Route, Snapshot},
};

/// The one route that is most specific.
///
/// A preflight asks about another request, which is to follow: so the route that takes that one answers it, if it has
/// `cors`. It need not take OPTIONS itself. Otherwise it is a request like any other.
pub(super) fn route(
    header: &RequestHeader,
    admitted: &Admitted,
    snapshot: &Snapshot,
) -> Result<Arc<Route>, Refusal> {
    let find = |method: &Method| {
        let (host, path) = (admitted.host.name(), &admitted.path);
        snapshot.routes.find(host, path, method)
    };
    if let Some(announced) = preflight(&header.method, &header.headers)
        && let Found::Route(route) = find(&announced)
        && route.policies.cors.is_some()
    {
        return Ok(Arc::clone(route));
    }
    match find(&header.method) {
        Found::Route(route) => Ok(Arc::clone(route)),
        Found::MethodNotAllowed(allowed) => Err(Refusal::MethodNotAllowed(allowed)),
        Found::None => Err(Refusal::NoRoute),
    }
}
