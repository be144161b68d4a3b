//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use std::time::Instant;

use pingora::{http::RequestHeader, proxy::Session};

use super::{
    Exchange, Gateway, admission, authenticate::authenticate, exchange::Admitted, rates, session,
};
use crate::{
    config::model::Mode,
    limits::Flight,
    observe::{PolicyLabel, RouteMeters, Ruling},
    policy::{Applied, Begun, Checked, Policies, Request, Rewrite, Verdict},
    respond::{Answer, Refusal},
    route::Asked,
    snapshot::Route,
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
    let Exchange {
        admitted: Some(admitted),
        applied,
        coder,
        snapshot,
        flights,
        ..
    } = &mut *exchange
    else {
        return Verdict::Refuse(Refusal::Internal);
    };
    let Policies {
        access: _, // these are asked together
        countries: _,
        block: _,
        cors,
        rate_limit,
        max_in_flight,
        maintenance,
        basic_auth: _, // both by `authenticate`
        forward_auth: _,
        rewrite,
        headers: _,
        security_headers: _,
        hsts: _,
        compress,
        error_pages: _,
    } = &route.policies;
    if let Some(compress) = compress {
        // First, as what the others answer is compressed too.
        let header = session.req_header();
        coder.offer(compress.accept(&header.method, header.version, &header.headers));
    }
    let verdict = let_in(
        &route.policies,
        &request(session.req_header(), admitted),
        applied,
        &route.meters,
    );
    if !matches!(verdict, Verdict::Continue) {
        return verdict;
    }
    if let Some(cors) = cors {
        let verdict = cors.judge(&request(session.req_header(), admitted));
        let verdict = applied.settle(PolicyLabel::Cors, Mode::Enforce, verdict, &route.meters);
        if !matches!(verdict, Verdict::Continue) {
            return verdict;
        }
    }
    if let Some(rate_limit) = rate_limit {
        let request = request(session.req_header(), admitted);
        let store = snapshot.limits_store.as_deref();
        let checked = rates::check(rate_limit, store, &request, &route.label, applied).await;
        let verdict = limit(session, checked, applied, &route.meters).await;
        if !matches!(verdict, Verdict::Continue) {
            return verdict;
        }
    }
    if let Some(max_in_flight) = max_in_flight {
        let request = request(session.req_header(), admitted);
        let begun = max_in_flight.begin(&request, &route.label, Instant::now());
        let verdict = hold(begun, flights, applied, &route.meters);
        if !matches!(verdict, Verdict::Continue) {
            return verdict;
        }
    }
    if let Some(maintenance) = maintenance {
        let verdict = maintenance.verdict(
            &request(session.req_header(), admitted),
            admitted.id.as_str(),
        );
        let label = PolicyLabel::Maintenance;
        match applied.settle(label, Mode::Enforce, verdict, &route.meters) {
            Verdict::Continue => {}
            decided => return decided,
        }
    }
    match authenticate(gateway, session, exchange, &route).await {
        Verdict::Continue => {}
        decided => return decided,
    }
    if let Some(rewrite) = rewrite {
        return target(rewrite, &route, session.req_header(), exchange);
    }
    Verdict::Continue
}

/// What the server is asked for, where another path is written in the place of the client's.
fn target(
    rewrite: &Rewrite,
    route: &Route,
    header: &RequestHeader,
    exchange: &mut Exchange,
) -> Verdict {
    let (Some(strip), Some(admitted)) = (route.strip(), &exchange.admitted) else {
        return Verdict::Continue; // no server is asked
    };
    let request = request(header, admitted);
    let asked = Asked {
        path: admission::stripped(request.path, strip),
        ..request.asked()
    };
    match rewrite.target(&asked) {
        Ok(target) => exchange.applied.target = target,
        Err(refusal) => return Verdict::Refuse(refusal),
    }
    Verdict::Continue
}

/// Whether client and request may come in at all.
fn let_in(
    policies: &Policies,
    request: &Request<'_>,
    applied: &mut Applied,
    meters: &RouteMeters,
) -> Verdict {
    let access = policies.access.as_ref().map(|access| {
        let verdict = access.judge(request.client);
        (PolicyLabel::Access, access.mode, verdict)
    });
    let countries = policies.countries.as_ref().map(|countries| {
        let verdict = countries.judge(request.client);
        (PolicyLabel::Countries, countries.mode, verdict)
    });
    let rules = policies.block.iter().flat_map(|block| {
        let matching = block.matching(request);
        matching.map(|(mode, refusal)| (PolicyLabel::Block, mode, Verdict::Refuse(refusal)))
    });
    for (by, mode, verdict) in access.into_iter().chain(countries).chain(rules) {
        let verdict = applied.settle(by, mode, verdict, meters);
        if !matches!(verdict, Verdict::Continue) {
            return verdict;
        }
    }
    Verdict::Continue
}

/// Counts what limits of concurrency made of a request, and has the exchange hold what they have counted.
fn hold(
    begun: Begun,
    flights: &mut Vec<Flight>,
    applied: &mut Applied,
    meters: &RouteMeters,
) -> Verdict {
    const BY: PolicyLabel = PolicyLabel::MaxInFlight;
    let refused = || Verdict::Refuse(Refusal::TooManyInFlight);
    if begun.observed {
        applied.settle(BY, Mode::Observe, refused(), meters);
    }
    if begun.is_refused {
        return applied.settle(BY, Mode::Enforce, refused(), meters);
    }
    if !begun.observed {
        meters.ruled(BY, Ruling::Passed);
    }
    *flights = begun.flights;
    Verdict::Continue
}

/// Counts what rate limits made of a request, and has it wait its turn.
async fn limit(
    session: &mut Session,
    checked: Checked,
    applied: &mut Applied,
    meters: &RouteMeters,
) -> Verdict {
    const BY: PolicyLabel = PolicyLabel::RateLimit;
    if checked.observed {
        let refused = Verdict::Refuse(Refusal::RateLimited(1));
        applied.settle(BY, Mode::Observe, refused, meters);
    }
    if let Some(refusal) = checked.refusal {
        return applied.settle(BY, Mode::Enforce, Verdict::Refuse(refusal), meters);
    }
    let wait = checked.wait();
    if wait.is_zero() {
        if !checked.observed {
            meters.ruled(BY, Ruling::Passed);
        }
        return Verdict::Continue;
    }
    meters.ruled(BY, Ruling::Delayed);
    tokio::select! {
        () = tokio::time::sleep(wait) => Verdict::Continue,
        () = session::left(session) => Verdict::Refuse(Refusal::ClientGone),
    }
}

/// What the route answers by itself; nothing if a server does.
pub(super) fn answer(session: &Session, exchange: &Exchange) -> Result<Option<Answer>, Refusal> {
    let (Some(route), Some(admitted)) = (&exchange.route, &exchange.admitted) else {
        return Err(Refusal::Internal);
    };
    route.answer(&request(session.req_header(), admitted))
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
