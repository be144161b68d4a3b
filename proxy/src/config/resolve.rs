//! What only the whole configuration shows: names that lead nowhere, addresses taken twice, routes nobody reaches.

mod certificates;
mod issuers;
mod policies;

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map},
    net::SocketAddr,
};

use crate::route::Methods;

use self::issuers::Issuers;
use super::{
    model::{Action, Admin, Config, Control, HostPattern, PathPattern, Route},
    nearest::did_you_mean,
    problem::{Problem, Problems, Span, quoted},
    read::{ActionDraft, Draft, ListenerDraft, PoliciesDraft, RouteDraft},
};

/// Where things are unless the configuration says otherwise.
pub(super) const STATE: &str = "/var/lib/simplon";
pub(super) const CONTROL: &str = "/run/simplon/control.sock";

/// The configuration that a draft makes. It is good only if `problems` has no error.
///
/// Warnings wait until there is no error: half a configuration would raise false ones.
pub(super) fn resolve(mut draft: Draft, problems: &Problems) -> Config {
    listeners(&draft, problems);
    addresses(&draft, problems);
    let issuers = Issuers::of(&mut draft, problems);
    let reached = upstreams_reached(&draft, problems);
    certificates::refuse(&draft, &issuers, problems);
    policies::refuse(&draft, problems);
    if !problems.has_errors() {
        certificates::warn(&draft, &issuers, problems);
        idle_upstreams(&draft, &reached, problems);
        routes(&draft.routes, problems);
        policies::warn(&draft, problems);
    }
    config(draft, issuers)
}

fn config(draft: Draft, issuers: Issuers) -> Config {
    let indices: HashMap<_, _> = draft
        .upstreams
        .iter()
        .enumerate()
        .map(|(index, (upstream, _))| (upstream.name.clone(), index))
        .collect();
    let drain = draft.settings.drain();
    let settings = draft.settings;
    Config {
        listeners: draft
            .listeners
            .into_iter()
            .map(|draft| draft.listener)
            .collect(),
        admin: settings.admin.map(|admin| admin.value).unwrap_or_default(),
        trusted_proxies: settings.trusted_proxies.unwrap_or_default(),
        country_database: settings.country_database,
        certificates: draft
            .certificates
            .into_iter()
            .filter_map(|draft| certificates::certificate(draft, &issuers))
            .collect(),
        issuers: issuers.into_model(),
        routes: draft
            .routes
            .into_iter()
            .filter_map(|draft| route(draft, &indices, &settings.defaults))
            .collect(),
        defaults: PoliciesDraft::default().resolve(&settings.defaults),
        upstreams: draft.upstreams.into_iter().map(|(it, _)| it).collect(),
        log: settings.log.unwrap_or_default(),
        metrics: settings.metrics.unwrap_or_default(),
        limits_store: settings.limits_store,
        tracing: settings.tracing,
        state: settings.state.unwrap_or_else(|| STATE.into()),
        workers: settings.workers,
        memory_limit: settings.memory_limit.unwrap_or_default(),
        express: settings.express.unwrap_or(true),
        drain,
        control: settings.control.unwrap_or_else(|| Control {
            path: CONTROL.into(),
            required: false,
        }),
    }
}

/// A route with its upstream found, or nothing; then [`upstreams_reached`] has reported it.
fn route(
    draft: RouteDraft,
    indices: &HashMap<super::model::Name, usize>,
    defaults: &PoliciesDraft,
) -> Option<Route> {
    let RouteDraft {
        at,
        hosts,
        path,
        methods,
        action,
        policies,
    } = draft;
    let action = match action {
        ActionDraft::Ready(action) => action,
        ActionDraft::Forward {
            upstream,
            strip_prefix,
        } => Action::Forward {
            upstream: *indices.get(upstream.value.as_str())?,
            strip_prefix,
        },
    };
    Some(Route {
        at,
        hosts,
        path,
        methods,
        action,
        policies: policies.resolve(defaults),
    })
}

fn listeners(draft: &Draft, problems: &Problems) {
    if draft.listener_names.is_empty() && !problems.has_errors() {
        problems.push(
            Problem::error("no listener accepts anything")
                .hint("add `listeners: { http: { bind: \":8080\" } }`"),
        );
    }
    if !draft.certificates.is_empty() || problems.has_errors() {
        return;
    }
    for (at, _) in tls_listeners(draft) {
        problems.push(
            Problem::error("this listener has no certificate to show")
                .at(at)
                .hint("add one under `certificates`; while you develop, `- { hosts: [localhost], self_signed: true }`"),
        );
    }
}

fn tls_listeners(draft: &Draft) -> impl Iterator<Item = (&Span, &ListenerDraft)> {
    let listeners = draft.listeners.iter();
    listeners.filter_map(|draft| Some((draft.tls_at.as_ref()?, draft)))
}

/// Every address is bound once. Port 0 is a different one each time.
fn addresses(draft: &Draft, problems: &Problems) {
    let mut taken: HashMap<SocketAddr, (String, &Span)> = HashMap::new();
    let admin = draft.settings.admin.as_ref();
    let of_listeners = draft.listeners.iter().flat_map(|draft| {
        let name = format!("the listener {}", quoted(&draft.listener.name));
        let bind = draft.listener.bind.iter().zip(&draft.bind_at);
        bind.map(move |(address, at)| (*address, name.clone(), at))
    });
    let of_admin =
        admin.and_then(|it| Some((it.value.bind, "admin".to_owned(), it.span.as_ref()?)));
    for (address, owner, at) in of_listeners.chain(of_admin) {
        match taken.entry(address) {
            _ if address.port() == 0 => {}
            hash_map::Entry::Vacant(free) => {
                free.insert((owner, at));
            }
            hash_map::Entry::Occupied(first) => {
                let (first, first_at) = first.get();
                problems.push(
                    Problem::error(format!("{address} is bound twice"))
                        .at(at)
                        .hint(format!("{first} has it, at {first_at}")),
                );
            }
        }
    }
    let default = Admin::default().bind;
    if let (None, Some((owner, at))) = (admin, taken.get(&default)) {
        problems.push(
            Problem::error(format!(
                "{default} is bound by {owner} and by the admin endpoint"
            ))
            .at(at)
            .hint("give the admin endpoint another address: `admin: { bind: 127.0.0.1:9404 }`"),
        );
    }
}

/// The names of upstreams that some route leads to, or some policy asks.
fn upstreams_reached<'d>(draft: &'d Draft, problems: &Problems) -> HashSet<&'d str> {
    let known: BTreeSet<&str> = draft.upstream_names.all().collect();
    let mut reached = HashSet::new();
    let of_routes = draft.routes.iter().filter_map(|route| match &route.action {
        ActionDraft::Forward { upstream, .. } => Some((upstream.value.as_str(), &upstream.span)),
        ActionDraft::Ready(_) => None,
    });
    for (name, span) in of_routes.chain(policies::upstreams(draft)) {
        reached.insert(name);
        if !known.contains(name) && !draft.is_partial {
            let problem = Problem::error(format!("no upstream is named {}", quoted(name)));
            problems.push(if problems.is_full() {
                problem
            } else {
                let problem = problem.hint(meant(name, &known));
                match span {
                    Some(span) => problem.at(span),
                    None => problem,
                }
            });
        }
    }
    reached
}

fn meant(name: &str, known: &BTreeSet<&str>) -> String {
    let names = || known.iter().copied();
    did_you_mean(name, names()).unwrap_or_else(|| match known.len() {
        0 => "no upstream is defined; add one under `upstreams`".to_owned(),
        1 => format!("the only upstream is {}", names().collect::<String>()),
        2..=8 => format!(
            "the upstreams are {}",
            names().collect::<Vec<_>>().join(", ")
        ),
        _ => "add it under `upstreams`".to_owned(),
    })
}

fn idle_upstreams(draft: &Draft, reached: &HashSet<&str>, problems: &Problems) {
    for (upstream, at) in &draft.upstreams {
        if !reached.contains(&*upstream.name) {
            problems.push(
                Problem::warning(format!(
                    "nothing leads to the upstream {}",
                    quoted(&upstream.name)
                ))
                .at(at)
                .hint("add a route to it, or remove it"),
            );
        }
    }
    if draft.routes.is_empty() && needs_routes(draft) {
        problems.push(
            Problem::warning("there are no routes: every request gets 404")
                .hint("add `routes`, such as `- { path: /, upstream: NAME }`"),
        );
    }
}

/// A listener that redirects everything to https needs none.
fn needs_routes(draft: &Draft) -> bool {
    draft
        .listeners
        .iter()
        .any(|it| !it.listener.redirect_to_https)
}

/// Warns of each route whose every request an earlier one takes.
fn routes(routes: &[RouteDraft], problems: &Problems) {
    // What earlier routes take of one host and path.
    let mut taken: HashMap<(Option<&HostPattern>, &PathPattern), Taken<'_>> = HashMap::new();
    for route in routes {
        let hosts = if route.hosts.is_empty() {
            vec![None]
        } else {
            route.hosts.iter().map(Some).collect()
        };
        let by = hosts
            .iter()
            .map(|host| taken.get(&(*host, &route.path))?.covers(route))
            .collect::<Option<Vec<_>>>()
            .and_then(|by| by.into_iter().next());
        if let Some(first) = by {
            let hint = match &first.at.span {
                Some(span) => {
                    format!("the route at {span} takes these hosts, this path and these methods")
                }
                None => {
                    "an earlier route takes these hosts, this path and these methods".to_owned()
                }
            };
            problems.push(
                Problem::warning("no request can reach this route")
                    .at_value(&route.at)
                    .hint(hint),
            );
        }
        for host in hosts {
            taken
                .entry((host, &route.path))
                .or_insert_with(|| Taken {
                    first: route,
                    all: false,
                    methods: Methods::none(),
                })
                .add(route);
        }
    }
}

struct Taken<'d> {
    first: &'d RouteDraft,
    /// Whether one of them takes any method.
    all: bool,
    /// The methods that the others name. Routes that name a method go before those that take any.
    methods: Methods,
}

impl<'d> Taken<'d> {
    /// The first route of those that take everything `route` would, if they do.
    fn covers(&self, route: &RouteDraft) -> Option<&'d RouteDraft> {
        let is_covered = match route.methods {
            None => self.all,
            Some(methods) => self.methods.union(methods) == self.methods,
        };
        is_covered.then_some(self.first)
    }

    fn add(&mut self, route: &'d RouteDraft) {
        match route.methods {
            None => self.all = true,
            Some(methods) => self.methods = self.methods.union(methods),
        }
    }
}
