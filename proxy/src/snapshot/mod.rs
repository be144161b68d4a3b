//! Everything a request needs to know, immutable, as of one generation.
//!
//! What is wrong with the text was found by `config`; what is wrong with the world (files, keys) is
//! found here, all of it at once. After [`SnapshotCell::publish`] nothing can fail because of
//! configuration. Live state outlives a snapshot: the next one adopts it where the thing is the same.

mod cell;
mod certificates;
mod countries;
mod issuers;
mod limits_store;
mod route;
mod traces;
mod upstreams;

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use rustls::KeyLog;

pub use cell::SnapshotCell;
pub use route::{Action, Route};
pub use upstreams::Upstreams;

use crate::{
    acme::{Answers, Issuer},
    admit::Networks,
    balance::Orders,
    config::{
        Config,
        model::{self, Country},
        problem::Problem,
    },
    limits::{Registry, shared::SharedStore},
    listen::{Listener, Pressure},
    observe::{Metrics, Tracer},
    policy::{BasicAuth, CountryDatabase, Engines, Policies, Workshop},
    route::RouteTable,
    tls::{self, CertificateStore, Terms},
};

/// How many configurations came before this one, plus one.
pub type Generation = u64;

pub struct Snapshot {
    pub generation: Generation,
    pub config: Config,
    pub listeners: Vec<Arc<Listener>>,
    pub trusted_proxies: Networks,
    /// If one is configured.
    pub country_database: Option<Arc<CountryDatabase>>,
    pub routes: RouteTable<Arc<Route>>,
    /// The policies of a request whose route is not known.
    pub defaults: Policies,
    /// Who may see the page and operate by it, if anybody is named.
    pub admin_users: Option<Arc<BasicAuth>>,
    pub upstreams: Upstreams,
    pub certificates: CertificateStore,
    /// Answers to a CA's challenges, if any certificate is obtained by ACME.
    pub answers: Option<Arc<Answers>>,
    /// The CAs that certificates are obtained from, in the order of the configuration.
    pub issuers: Vec<Arc<Issuer>>,
    /// By which nodes share their limits, if they do.
    pub limits_store: Option<Arc<SharedStore>>,
    /// Where traces go, if they are sent.
    pub tracer: Option<Arc<Tracer>>,
    /// Where `redirect: https` leads: the port of the first listener with TLS, or 443.
    pub https_port: u16,
}

/// A snapshot that can be published.
pub struct Built {
    pub snapshot: Snapshot,
    /// What is odd about the world, but no hindrance.
    pub warnings: Vec<Problem>,
}

/// What a snapshot is built with, beside its configuration.
#[derive(Clone)]
pub struct World {
    pub metrics: Arc<Metrics>,
    /// Finds certificates in whatever snapshot is published when a client shakes hands.
    pub resolver: Arc<tls::Resolver>,
    /// The keys by which sessions are resumed.
    pub tickets: Arc<tls::Tickets>,
    /// Is told the secrets of every connection, which is for debugging alone.
    pub key_log: Arc<dyn KeyLog>,
    /// What operators have ordered of servers.
    pub orders: Arc<Orders>,
    /// The live state of rate limits and limits of concurrency.
    pub limits: Arc<Registry>,
    /// The codecs of compression, and the streams that run.
    pub engines: Arc<Engines>,
    /// Whether new connections can be afforded.
    pub pressure: Arc<Pressure>,
    /// Whether what is missing in the state directory may be made; `simplon check` only looks.
    pub may_write: bool,
}

impl Snapshot {
    /// What is true before any configuration is: nothing is listened on, and no route leads anywhere.
    pub fn empty() -> Self {
        Self {
            generation: 0,
            config: Config::default(),
            listeners: Vec::new(),
            trusted_proxies: Networks::default(),
            country_database: None,
            routes: RouteTable::default(),
            defaults: Policies::default(),
            admin_users: None,
            upstreams: Upstreams::default(),
            certificates: CertificateStore::default(),
            answers: None,
            issuers: Vec::new(),
            limits_store: None,
            tracer: None,
            https_port: 443,
        }
    }

    /// Builds the next truth, adopting what still holds of `previous`. The error has every problem that was
    /// found, warnings among them.
    pub fn build(
        config: Config,
        previous: &Self,
        world: &World,
        now: Instant,
    ) -> Result<Built, Vec<Problem>> {
        let mut problems = Vec::new();
        let (certificates, state) = certificates::build(
            &config,
            previous,
            world.may_write,
            SystemTime::now(),
            &mut problems,
        );
        let issuers = issuers::build(&config, previous, &mut problems);
        let upstreams =
            Upstreams::build(&config.upstreams, &previous.upstreams, &mut problems, now);
        for upstream in upstreams.iter() {
            world.orders.apply(upstream, now);
        }
        let listeners = listeners(&config.listeners, previous, world, &mut problems);
        let limits_store = limits_store::build(&config, previous, world, &mut problems);
        let tracer = traces::build(&config, previous, world, &mut problems);
        let country_database = countries::build(
            config.country_database.as_ref(),
            previous,
            &tls::content,
            &mut problems,
        );
        let mut workshop = Workshop::new(&mut problems, &tls::content)
            .with_limits(&world.limits)
            .with_engines(&world.engines)
            .with_upstreams(upstreams.all());
        workshop.country_database.clone_from(&country_database);
        // Before the routes, so that what they take of them goes by this name.
        let defaults = Policies::build(&config.defaults, "defaults", &mut workshop);
        let admin_users = workshop.basic_auth(config.admin.users.as_ref());
        let routes = config.routes.iter().map(|route| {
            let built = Route::build(route, &upstreams, &world.metrics, &mut workshop);
            (
                &route.hosts[..],
                &route.path,
                route.methods,
                Arc::new(built),
            )
        });
        let routes = routes.collect();
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        let snapshot = Self {
            generation: previous.generation + 1,
            routes,
            defaults,
            admin_users,
            listeners,
            https_port: https_port(&config),
            trusted_proxies: config.trusted_proxies.iter().copied().collect(),
            country_database,
            upstreams,
            certificates,
            answers: issuers::answers(&config, previous, state.as_ref()),
            issuers,
            limits_store,
            tracer,
            config,
        };
        Ok(Built {
            snapshot,
            warnings: problems,
        })
    }

    /// Where an address is used, if there is a database and it knows.
    pub fn country_of(&self, address: IpAddr) -> Option<Country> {
        self.country_database.as_ref()?.country_of(address)
    }
}

fn https_port(config: &Config) -> u16 {
    let with_tls = config
        .listeners
        .iter()
        .find(|listener| listener.tls.is_some());
    with_tls
        .and_then(|listener| listener.bind.first())
        .map_or(443, std::net::SocketAddr::port)
}

/// A listener whose settings are unchanged is the same listener, with the seats taken on it. One that speaks
/// TLS in another way takes over from the one before. But one that knows its clients in another way, or by files
/// that changed, is a new one: nobody goes on under what is no longer asked.
fn listeners(
    settings: &[model::Listener],
    previous: &Snapshot,
    world: &World,
    problems: &mut Vec<Problem>,
) -> Vec<Arc<Listener>> {
    let mut listeners = Vec::with_capacity(settings.len());
    for settings in settings {
        let terms = settings
            .tls
            .as_ref()
            .map(|tls| Terms::new(tls, settings.protocols, world))
            .transpose();
        let terms = match terms {
            Ok(terms) => terms,
            Err(problem) => {
                problems.push(*problem);
                continue;
            }
        };
        let before = &previous.listeners;
        let same = before.iter().find(|before| before.settings == *settings);
        if let Some(same) = same
            && same.has_policy_of(terms.as_ref())
        {
            listeners.push(Arc::clone(same));
            continue;
        }
        let meters = world.metrics.listener(&settings.name);
        let listener = Listener::new(settings.clone(), meters, terms, Arc::clone(&world.pressure));
        let heir_of = before.iter().find(|before| before.can_leave_to(&listener));
        listeners.push(Arc::new(match heir_of {
            Some(before) => listener.after(before),
            None => listener,
        }));
    }
    listeners
}
