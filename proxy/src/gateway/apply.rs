//! Apply: what the route's policies say of a request, in the order of the fields of [`Policies`].

use std::{ops::ControlFlow, sync::Arc, time::Instant};

use super::{
    Exchange, admission,
    asker::{Asker, unless_left},
    authenticate::authenticate,
    exchange::Admitted,
    head::Head,
    means::Means,
    rates,
};
use crate::{
    config::model::Mode,
    observe::{PolicyLabel, Ruling},
    policy::{Applied, Policies, Request, Verdict},
    respond::{Answer, Refusal},
    route::Asked,
    snapshot::Route,
};

/// Asks each policy in turn; the first that does not let the request pass has decided. If all do, what the route answers by itself;
/// nothing if a server does.
pub(super) async fn apply(
    means: &Means,
    asker: &mut impl Asker,
    exchange: &mut Exchange,
) -> Result<Option<Answer>, Refusal> {
    let route = exchange.route.clone().ok_or(Refusal::Internal)?;
    let mut asking = Asking {
        means,
        asker,
        exchange,
        route: &route,
    };
    match asking.policies().await {
        ControlFlow::Break(Verdict::Refuse(refusal)) => Err(refusal),
        ControlFlow::Break(Verdict::Answer(answer)) => Ok(Some(answer)),
        ControlFlow::Break(Verdict::Continue) | ControlFlow::Continue(()) => {
            let admitted = exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
            route.answer(&request(asker.head(), admitted))
        }
    }
}

/// One request before the policies of its route. Each step asks one of them, or those that ask alike; it breaks off with what was
/// decided.
struct Asking<'a, A> {
    means: &'a Means,
    asker: &'a mut A,
    exchange: &'a mut Exchange,
    route: &'a Route,
}

impl<A: Asker> Asking<'_, A> {
    async fn policies(&mut self) -> ControlFlow<Verdict> {
        self.compress(); // first, as what the others answer is compressed too
        self.let_in()?; // access, countries, block
        self.cors()?;
        self.rate_limit().await?;
        self.max_in_flight()?;
        self.maintenance()?;
        match authenticate(self.means, self.asker, self.exchange, self.route).await {
            Verdict::Continue => self.rewrite(),
            decided => ControlFlow::Break(decided),
        }
    }

    /// Notes what codings the client takes.
    fn compress(&mut self) {
        if let Some(compress) = &self.route.policies.compress {
            let head = self.asker.head();
            let offer = compress.accept(head.method, head.version, head.fields);
            self.exchange.coder.offer(offer);
        }
    }

    /// Whether client and request may come in at all.
    fn let_in(&mut self) -> ControlFlow<Verdict> {
        let route = self.route;
        let Policies {
            access,
            countries,
            block,
            ..
        } = &route.policies;
        let (request, applied) = self.parts()?;
        let access = access.as_ref().map(|access| {
            let verdict = access.judge(request.client);
            (PolicyLabel::Access, access.mode, verdict)
        });
        let countries = countries.as_ref().map(|countries| {
            let verdict = countries.judge(request.client);
            (PolicyLabel::Countries, countries.mode, verdict)
        });
        let rules = block.iter().flat_map(|block| {
            let matching = block.matching(&request);
            matching.map(|(mode, refusal)| (PolicyLabel::Block, mode, Verdict::Refuse(refusal)))
        });
        for (by, mode, verdict) in access.into_iter().chain(countries).chain(rules) {
            pass(applied.settle(by, mode, verdict, &route.meters))?;
        }
        ControlFlow::Continue(())
    }

    fn cors(&mut self) -> ControlFlow<Verdict> {
        let route = self.route;
        let Some(cors) = &route.policies.cors else {
            return ControlFlow::Continue(());
        };
        let (request, applied) = self.parts()?;
        let verdict = cors.judge(&request);
        pass(applied.settle(PolicyLabel::Cors, Mode::Enforce, verdict, &route.meters))
    }

    /// Counts what rate limits make of the request, and has it wait its turn.
    async fn rate_limit(&mut self) -> ControlFlow<Verdict> {
        const BY: PolicyLabel = PolicyLabel::RateLimit;
        let route = self.route;
        let Some(rate_limit) = &route.policies.rate_limit else {
            return ControlFlow::Continue(());
        };
        let snapshot = Arc::clone(&self.exchange.snapshot);
        let store = snapshot.limits_store.as_deref();
        let (request, applied) = self.parts()?;
        let checked = rates::check(rate_limit, store, &request, &route.label, applied).await;
        let meters = &route.meters;
        if checked.observed {
            let refused = Verdict::Refuse(Refusal::RateLimited(1));
            applied.settle(BY, Mode::Observe, refused, meters);
        }
        if let Some(refusal) = checked.refusal {
            return pass(applied.settle(BY, Mode::Enforce, Verdict::Refuse(refusal), meters));
        }
        let wait = checked.wait();
        if wait.is_zero() {
            if !checked.observed {
                meters.ruled(BY, Ruling::Passed);
            }
            return ControlFlow::Continue(());
        }
        meters.ruled(BY, Ruling::Delayed);
        match unless_left(self.asker, Box::pin(tokio::time::sleep(wait))).await {
            Some(()) => ControlFlow::Continue(()),
            None => ControlFlow::Break(Verdict::Refuse(Refusal::ClientGone)),
        }
    }

    /// Counts what limits of concurrency make of the request, and has the exchange hold what they have counted.
    fn max_in_flight(&mut self) -> ControlFlow<Verdict> {
        const BY: PolicyLabel = PolicyLabel::MaxInFlight;
        let route = self.route;
        let Some(max_in_flight) = &route.policies.max_in_flight else {
            return ControlFlow::Continue(());
        };
        let (request, applied) = self.parts()?;
        let begun = max_in_flight.begin(&request, &route.label, Instant::now());
        let meters = &route.meters;
        let refused = || Verdict::Refuse(Refusal::TooManyInFlight);
        if begun.observed {
            applied.settle(BY, Mode::Observe, refused(), meters);
        }
        if begun.is_refused {
            return pass(applied.settle(BY, Mode::Enforce, refused(), meters));
        }
        if !begun.observed {
            meters.ruled(BY, Ruling::Passed);
        }
        self.exchange.flights = begun.flights;
        ControlFlow::Continue(())
    }

    fn maintenance(&mut self) -> ControlFlow<Verdict> {
        let route = self.route;
        let Some(maintenance) = &route.policies.maintenance else {
            return ControlFlow::Continue(());
        };
        let id = self.exchange.id().to_owned();
        let (request, applied) = self.parts()?;
        let verdict = maintenance.verdict(&request, &id);
        let by = PolicyLabel::Maintenance;
        pass(applied.settle(by, Mode::Enforce, verdict, &route.meters))
    }

    /// What the server is asked for, where another path is written in the place of the client's.
    fn rewrite(&mut self) -> ControlFlow<Verdict> {
        let route = self.route;
        let (Some(rewrite), Some(strip)) = (&route.policies.rewrite, route.strip()) else {
            return ControlFlow::Continue(()); // or no server is asked
        };
        let (request, applied) = self.parts()?;
        let asked = Asked {
            path: admission::stripped(request.path, strip),
            ..request.asked()
        };
        match rewrite.target(&asked) {
            Ok(target) => applied.target = target,
            Err(refusal) => {
                let (by, refused) = (PolicyLabel::Rewrite, Verdict::Refuse(refusal));
                return pass(applied.settle(by, Mode::Enforce, refused, &route.meters));
            }
        }
        ControlFlow::Continue(())
    }

    /// What policies see of the request, and what they have made of it.
    fn parts(&mut self) -> ControlFlow<Verdict, (Request<'_>, &mut Applied)> {
        let Exchange {
            admitted: Some(admitted),
            applied,
            ..
        } = &mut *self.exchange
        else {
            return ControlFlow::Break(Verdict::Refuse(Refusal::Internal));
        };
        ControlFlow::Continue((request(self.asker.head(), admitted), applied))
    }
}

fn pass(verdict: Verdict) -> ControlFlow<Verdict> {
    match verdict {
        Verdict::Continue => ControlFlow::Continue(()),
        decided => ControlFlow::Break(decided),
    }
}

/// What policies see of a request.
pub(super) fn request<'a>(head: Head<'a>, admitted: &'a Admitted) -> Request<'a> {
    Request {
        client: admitted.client,
        method: head.method,
        announced: admitted.announced.as_ref(),
        is_tls: admitted.connection.tls.is_some(),
        host: admitted.host.name(),
        port: admitted.host.port(),
        path: &admitted.path,
        query: admission::query(head, admitted),
        fields: head.fields,
    }
}
