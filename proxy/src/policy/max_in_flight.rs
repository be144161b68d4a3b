//! Limits of concurrency: how many requests may be under way at a time.
//!
//! A request is under way until its exchange is over: the last byte of its response has left, or the tunnel has ended that it was
//! upgraded to. Each limit that counted it counts it out then.

use std::{num::NonZeroU32, sync::Arc, time::Instant};

use super::{
    Request,
    counted::{owner, subject},
};
use crate::{
    config::model::{By, LimitList, MaxInFlight as Spec, Mode},
    limits::{Flight, Flights, Identity, Registry, Top},
    observe::PolicyLabel,
};

/// The limits of a route, in the order in which they are asked.
#[derive(Debug)]
pub struct MaxInFlight {
    limits: Box<[Limited]>,
    top: Arc<Top>,
}

#[derive(Debug)]
struct Limited {
    identity: Identity,
    /// The limit as in metrics.
    label: Arc<str>,
    max: NonZeroU32,
    mode: Mode,
    flights: Arc<Flights>,
}

/// What the limits made of a request.
#[derive(Debug, Default)]
pub struct Begun {
    /// To be held until the exchange is over.
    pub flights: Vec<Flight>,
    /// A limit that only observes would have refused it.
    pub observed: bool,
    pub is_refused: bool,
}

impl MaxInFlight {
    /// `route` is the label of the route that the limits stand on, if it is not `defaults`.
    pub fn new(spec: &LimitList<Spec>, route: &str, registry: &Registry) -> Self {
        let owner = owner(spec.of_defaults, route);
        let limited = |spec: &Spec| {
            let identity = Identity {
                owner: Arc::clone(&owner),
                name: Arc::clone(&spec.name),
                by: spec.by.clone(),
            };
            Limited {
                flights: registry.flights(&identity, spec.max_keys),
                label: identity.to_string().into(),
                identity,
                max: spec.max,
                mode: spec.mode,
            }
        };
        Self {
            limits: spec.limits.iter().map(limited).collect(),
            top: Arc::clone(&registry.top),
        }
    }

    /// Asks the limits in turn, up to the first that refuses; what the ones before it have counted is counted out again with
    /// the exchange. `route` is the label of the request's route.
    pub fn begin(&self, request: &Request<'_>, route: &str, now: Instant) -> Begun {
        let mut begun = Begun::default();
        for limited in &self.limits {
            let by: &By = &limited.identity.by;
            let subject = subject(by, request, route);
            let key = limited.flights.key(subject);
            let flight = limited.flights.begin(key, limited.max.get());
            if flight.is_none() {
                self.top.note(
                    (PolicyLabel::MaxInFlight, &limited.label),
                    subject,
                    key,
                    now,
                );
            }
            match (flight, limited.mode) {
                (Some(flight), _) => begun.flights.push(flight),
                (None, Mode::Observe) => begun.observed = true,
                (None, Mode::Enforce) => {
                    begun.is_refused = true;
                    break;
                }
            }
        }
        begun
    }
}
