//! Everything a request needs to know, immutable, as of one generation.
//!
//! What is wrong with the text was found by `config`; what is wrong with the world (files, keys) is
//! found here, all of it at once. After [`SnapshotCell::publish`] nothing can fail because of
//! configuration. Live state outlives a snapshot: the next one adopts it where the thing is the same.

mod cell;
mod route;
mod upstreams;

use std::{sync::Arc, time::Instant};

use rustls::KeyLog;

pub use cell::SnapshotCell;
pub use route::{Action, Route};
pub use upstreams::Upstreams;

use crate::{
    acme,
    admit::Networks,
    config::{
        Config,
        model::{self, CertificateSource},
        problem::{Problem, Severity},
    },
    listen::Listener,
    observe::Metrics,
    route::RouteTable,
    tls::{self, Authority, CertificateStore, Chain, Terms},
};

/// How many configurations came before this one, plus one.
pub type Generation = u64;

pub struct Snapshot {
    pub generation: Generation,
    pub config: Config,
    pub listeners: Vec<Arc<Listener>>,
    pub trusted_proxies: Networks,
    pub routes: RouteTable<Arc<Route>>,
    pub upstreams: Upstreams,
    pub certificates: CertificateStore,
    /// To challenges of CAs; `None` where no certificate is obtained by ACME.
    pub answers: Option<Arc<acme::Answers>>,
    /// Where `redirect: https` leads: the port of the first listener with TLS, or 443.
    pub https_port: u16,
    /// Kept by hosts, so that a reload does not make new keys for them.
    self_signed: Vec<(Vec<String>, Chain)>,
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
            routes: RouteTable::default(),
            upstreams: Upstreams::default(),
            certificates: CertificateStore::default(),
            answers: None,
            https_port: 443,
            self_signed: Vec::new(),
        }
    }

    /// Builds the next truth, adopting what still holds of `previous`.
    pub fn build(
        config: Config,
        previous: &Self,
        world: &World,
        now: Instant,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let (certificates, self_signed) = certificates(&config, previous, world, &mut problems);
        let upstreams = Upstreams::build(&config.upstreams, &previous.upstreams, now);
        let listeners = listeners(&config.listeners, previous, world, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let routes = config.routes.iter().map(|route| {
            let built = Arc::new(Route::build(route, &upstreams, &world.metrics));
            (&route.hosts[..], &route.path, route.methods, built)
        });
        Ok(Self {
            generation: previous.generation + 1,
            routes: routes.collect(),
            listeners,
            https_port: https_port(&config),
            trusted_proxies: config.trusted_proxies.iter().copied().collect(),
            upstreams,
            certificates,
            answers: None,
            self_signed,
            config,
        })
    }
}

fn certificates(
    config: &Config,
    previous: &Snapshot,
    world: &World,
    problems: &mut Vec<Problem>,
) -> (CertificateStore, Vec<(Vec<String>, Chain)>) {
    let mut store = CertificateStore::default();
    let mut self_signed = Vec::new();
    for certificate in &config.certificates {
        let hosts: Vec<String> = certificate
            .hosts
            .iter()
            .map(|host| host.value.clone())
            .collect();
        let chain = match &certificate.source {
            CertificateSource::Files { chain, key } => {
                tls::read(chain, key).map_err(|problem| *problem)
            }
            CertificateSource::Acme(_) => continue,
            CertificateSource::SelfSigned => self_signed_for(&hosts, config, previous, world)
                .inspect(|chain| self_signed.push((hosts.clone(), Arc::clone(chain))))
                .map_err(|error| Problem {
                    severity: Severity::Error,
                    span: certificate.hosts.first().and_then(|host| host.span.clone()),
                    message: error.to_string(),
                    hint: Some(
                        "`state:` names the directory that holds the development CA".to_owned(),
                    ),
                }),
        };
        match chain {
            Ok(chain) => store.insert(hosts.iter().map(String::as_str), &chain),
            Err(problem) => problems.push(problem),
        }
    }
    (store, self_signed)
}

fn self_signed_for(
    hosts: &[String],
    config: &Config,
    previous: &Snapshot,
    world: &World,
) -> Result<Chain, tls::AuthorityError> {
    let kept = previous.self_signed.iter().find(|(of, _)| of == hosts);
    if let Some((_, chain)) = kept
        && previous.config.state == config.state
    {
        return Ok(Arc::clone(chain));
    }
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    let authority = if world.may_write {
        Authority::open(&config.state)
    } else {
        Authority::fleeting()
    };
    authority?.sign(&hosts)
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
/// TLS in another way, or knows its clients by files that changed, takes over from the one before.
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
        let listener = Listener::new(settings.clone(), meters, terms);
        let heir_of = before
            .iter()
            .find(|before| before.settings.is_same_but_for_tls(settings));
        listeners.push(Arc::new(match heir_of {
            Some(before) => listener.after(before),
            None => listener,
        }));
    }
    listeners
}
