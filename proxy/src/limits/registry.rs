//! Where limits find their live state again after a reload.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Weak},
    time::Instant,
};

use parking_lot::Mutex;

use super::{Flights, Live, Top};
use crate::{
    config::model::By,
    observe::{LimiterView, PolicyLabel},
};

/// What makes a limit the same limit over reloads, and on every node: all but how much it lets through.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The label of its route, or `defaults`.
    pub owner: Arc<str>,
    /// Its name, unique within its owner.
    pub name: Arc<str>,
    pub by: By,
}

/// The live states of the process's limits. One that no snapshot uses is freed.
#[derive(Debug)]
pub struct Registry {
    /// When time began for all of them.
    begun: Instant,
    /// Whom they stop most.
    pub top: Arc<Top>,
    rates: Shelf<Live>,
    flights: Shelf<Flights>,
}

type Place = (Identity, usize);

#[derive(Debug)]
struct Shelf<T>(Mutex<HashMap<Place, Weak<T>>>);

impl Registry {
    /// `now` is when time begins for its limits.
    pub fn new(now: Instant) -> Self {
        Self {
            begun: now,
            top: Arc::new(Top::new(now)),
            rates: Shelf::default(),
            flights: Shelf::default(),
        }
    }

    /// The state of a rate limit, new if there is none. It is for so many keys: with another capacity it begins anew.
    pub fn rate(&self, identity: &Identity, capacity: usize) -> Arc<Live> {
        let place = (identity.clone(), capacity);
        self.rates.share(place, || Live::new(capacity, self.begun))
    }

    /// The same of a limit of requests in flight.
    pub fn flights(&self, identity: &Identity, capacity: usize) -> Arc<Flights> {
        self.flights
            .share((identity.clone(), capacity), || Flights::new(capacity))
    }

    /// Sweeps a slice of each table. To be called once a second.
    pub fn tick(&self, now: Instant) {
        for (_, live) in self.rates.held() {
            live.table.tick(now);
        }
    }

    /// The tables of all limits that some snapshot uses.
    pub fn views(&self) -> Vec<LimiterView> {
        let rates = self.rates.held().into_iter().map(|(identity, live)| {
            let table = &live.table;
            LimiterView {
                policy: PolicyLabel::RateLimit,
                limit: identity.to_string(),
                keys: table.keys() as u64,
                capacity: table.capacity() as u64,
                evictions: table.evictions(),
            }
        });
        let flights = self
            .flights
            .held()
            .into_iter()
            .map(|(identity, flights)| LimiterView {
                policy: PolicyLabel::MaxInFlight,
                limit: identity.to_string(),
                keys: flights.keys() as u64,
                capacity: flights.capacity() as u64,
                evictions: flights.uncounted(),
            });
        rates.chain(flights).collect()
    }
}

impl<T> Shelf<T> {
    fn share(&self, place: Place, make: impl FnOnce() -> T) -> Arc<T> {
        let mut places = self.0.lock();
        if let Some(found) = places.get(&place).and_then(Weak::upgrade) {
            return found;
        }
        places.retain(|_, held| held.strong_count() > 0);
        let made = Arc::new(make());
        places.insert(place, Arc::downgrade(&made));
        made
    }

    fn held(&self) -> Vec<(Identity, Arc<T>)> {
        let places = self.0.lock();
        let held = places
            .iter()
            .filter_map(|((identity, _), held)| Some((identity.clone(), held.upgrade()?)));
        held.collect()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(Instant::now())
    }
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

/// As a metric label: `defaults: default`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.owner, self.name)
    }
}
