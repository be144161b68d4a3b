//! Policies of the whole configuration: what they lack, and what has no effect or another than is meant.

use super::tls_listeners;
use crate::config::{
    model::{Listener, UpstreamProtocol},
    problem::{Problem, Problems, Span, quoted},
    read::{Draft, PoliciesDraft},
};

/// What policies cannot do, or cannot do without.
pub(super) fn refuse(draft: &Draft, problems: &Problems) {
    refuse_http2(draft, problems);
    refuse_without_database(draft, problems);
}

fn refuse_http2(draft: &Draft, problems: &Problems) {
    let upstreams = draft.upstreams.iter().map(|(upstream, _)| upstream);
    let of_h2 = upstreams.filter(|upstream| upstream.protocol != UpstreamProtocol::Http1);
    let of_h2: Vec<&str> = of_h2.map(|upstream| &*upstream.name).collect();
    for said in all(draft).filter_map(|policies| policies.forward_auth.as_ref()) {
        let Some(forward_auth) = &said.value else {
            continue;
        };
        let upstream = &forward_auth.upstream;
        if of_h2.contains(&&*upstream.value) {
            let name = quoted(&upstream.value);
            problems.push(
                Problem::error(format!("\"forward_auth\" cannot ask {name} by HTTP/2"))
                    .at_value(upstream)
                    .hint("name an upstream with `protocol: http/1.1`, which may have the same servers"),
            );
        }
    }
}

fn refuse_without_database(draft: &Draft, problems: &Problems) {
    if draft.settings.is_set("country_database") {
        return;
    }
    for countries in all(draft).filter_map(|policies| policies.countries.as_ref()) {
        if countries.value.is_some() {
            problems.push(
                Problem::error("\"countries\" needs a database of countries")
                    .at_value(countries)
                    .hint("add `country_database: GeoLite2-Country.mmdb`, beside `routes`; it is free at maxmind.com, others at db-ip.com"),
            );
        }
    }
}

/// The upstreams that policies ask, and where they are named.
pub(super) fn upstreams(draft: &Draft) -> impl Iterator<Item = (&str, &Option<Span>)> {
    all(draft).filter_map(|policies| {
        let forward_auth = policies.forward_auth.as_ref()?.value.as_ref()?;
        let upstream = &forward_auth.upstream;
        Some((&*upstream.value, &upstream.span))
    })
}

/// What is odd about policies that can be used.
pub(super) fn warn(draft: &Draft, problems: &Problems) {
    idle_hsts(draft, problems);
    passwords_in_the_open(draft, problems);
}

fn idle_hsts(draft: &Draft, problems: &Problems) {
    if tls_listeners(draft).next().is_some() {
        return;
    }
    for hsts in all(draft).filter_map(|policies| policies.hsts.as_ref()) {
        if hsts.value.is_some() {
            problems.push(
                Problem::warning("\"hsts\" is never sent: no listener has TLS")
                    .at_value(hsts)
                    .hint("add `tls: intermediate` to a listener, or remove `hsts`"),
            );
        }
    }
}

/// Warns of passwords that travel without TLS: every route is reached by every listener that does not redirect.
fn passwords_in_the_open(draft: &Draft, problems: &Problems) {
    let listeners = draft.listeners.iter().map(|draft| &draft.listener);
    let Some(open) = listeners.into_iter().find(|listener| is_open(listener)) else {
        return;
    };
    for basic_auth in all(draft).filter_map(|policies| policies.basic_auth.as_ref()) {
        if basic_auth.value.is_some() {
            let name = quoted(&open.name);
            problems.push(
                Problem::warning(format!(
                    "\"basic_auth\" takes passwords without TLS by the listener {name}"
                ))
                .at_value(basic_auth)
                .hint("give that listener `redirect: https`, or TLS"),
            );
        }
    }
}

/// Whether strangers may speak to it without TLS. What comes from the machine itself has not travelled.
fn is_open(listener: &Listener) -> bool {
    let is_far = listener.bind.iter().any(|bind| !bind.ip().is_loopback());
    listener.tls.is_none() && !listener.redirect_to_https && is_far
}

/// What `defaults` says, and what each route does.
fn all(draft: &Draft) -> impl Iterator<Item = &PoliciesDraft> {
    let of_routes = draft.routes.iter().map(|route| &route.policies);
    std::iter::once(&draft.settings.defaults).chain(of_routes)
}
