//! Policies, as a route or `defaults` says them: one file a policy, with its keys.

pub(super) mod access;
pub(super) mod basic_auth;
pub(super) mod block;
pub(super) mod compress;
pub(super) mod cors;
pub(super) mod countries;
pub(super) mod error_pages;
pub(super) mod forward_auth;
pub(super) mod headers;
pub(super) mod hsts;
mod limits;
pub(super) mod maintenance;
pub(super) mod max_in_flight;
mod mode;
mod origin;
mod page;
pub(super) mod rate_limit;
pub(super) mod rewrite;
pub(super) mod security_headers;
mod template;

use std::{sync::Arc, time::Duration};

use http::HeaderName;

use crate::{
    config::{
        decode::Fields,
        model::{
            Access, BasicAuth, Block, Compress, Cors, Countries, ErrorPages, ForwardAuth, Headers,
            Hsts, LimitList, Maintenance, MaxInFlight, Policies, RateLimit, Rewrite,
            SecurityHeaders,
        },
        problem::{Located, Problem, Problems, quoted},
    },
    forward::guard,
};

/// What is said of a policy: `None` is nothing, which leaves it to `defaults`; `Some` of `None` is that there is none, which
/// turns off what `defaults` turns on.
pub(in crate::config) type Said<T> = Option<Located<Option<Arc<T>>>>;

/// What a route or `defaults` says of each policy, in the order in which they are applied.
#[derive(Default)]
pub(in crate::config) struct PoliciesDraft {
    pub(in crate::config) access: Said<Access>,
    pub(in crate::config) countries: Said<Countries>,
    pub(in crate::config) block: Said<Block>,
    pub(in crate::config) cors: Said<Cors>,
    pub(in crate::config) rate_limit: Said<LimitList<RateLimit>>,
    pub(in crate::config) max_in_flight: Said<LimitList<MaxInFlight>>,
    pub(in crate::config) maintenance: Said<Maintenance>,
    pub(in crate::config) basic_auth: Said<BasicAuth>,
    pub(in crate::config) forward_auth: Said<ForwardAuth>,
    pub(in crate::config) rewrite: Said<Rewrite>,
    pub(in crate::config) headers: Said<Headers>,
    pub(in crate::config) security_headers: Said<SecurityHeaders>,
    pub(in crate::config) hsts: Said<Hsts>,
    pub(in crate::config) compress: Said<Compress>,
    pub(in crate::config) error_pages: Said<ErrorPages>,
}

pub(super) fn read(fields: &Fields<'_>) -> PoliciesDraft {
    PoliciesDraft {
        access: access::read(fields),
        countries: countries::read(fields),
        block: block::read(fields),
        cors: cors::read(fields),
        rate_limit: rate_limit::read(fields),
        max_in_flight: max_in_flight::read(fields),
        maintenance: maintenance::read(fields),
        basic_auth: basic_auth::read(fields),
        forward_auth: forward_auth::read(fields),
        rewrite: rewrite::read(fields),
        headers: headers::read(fields),
        security_headers: security_headers::read(fields),
        hsts: hsts::read(fields),
        compress: compress::read(fields),
        error_pages: error_pages::read(fields),
    }
}

impl PoliciesDraft {
    /// The policies of a route: what it says itself, else what `defaults` says.
    ///
    /// HSTS is one of the security headers, so a route with them has it too, where neither speaks of it.
    pub(in crate::config) fn resolve(self, defaults: &Self) -> Policies {
        let is_silent = self.hsts.is_none() && defaults.hsts.is_none();
        let security_headers = or(self.security_headers, defaults.security_headers.as_ref());
        let implied = security_headers.as_ref().filter(|_| is_silent);
        Policies {
            access: or(self.access, defaults.access.as_ref()),
            countries: or(self.countries, defaults.countries.as_ref()),
            block: or(self.block, defaults.block.as_ref()),
            cors: or(self.cors, defaults.cors.as_ref()),
            rate_limit: or(self.rate_limit, defaults.rate_limit.as_ref()),
            max_in_flight: or(self.max_in_flight, defaults.max_in_flight.as_ref()),
            maintenance: or(self.maintenance, defaults.maintenance.as_ref()),
            basic_auth: or(self.basic_auth, defaults.basic_auth.as_ref()),
            forward_auth: or(self.forward_auth, defaults.forward_auth.as_ref()),
            rewrite: or(self.rewrite, defaults.rewrite.as_ref()),
            headers: or(self.headers, defaults.headers.as_ref()),
            hsts: implied
                .map(|headers| Arc::clone(&headers.hsts))
                .or_else(|| or(self.hsts, defaults.hsts.as_ref())),
            security_headers,
            compress: or(self.compress, defaults.compress.as_ref()),
            error_pages: or(self.error_pages, defaults.error_pages.as_ref()),
        }
    }
}

fn or<T>(route: Said<T>, defaults: Option<&Located<Option<Arc<T>>>>) -> Option<Arc<T>> {
    match route {
        Some(said) => said.value,
        None => defaults?.value.clone(),
    }
}

/// A policy that is a mapping, or that `false` turns off.
fn said<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl FnOnce(&Fields<'_>) -> Option<T>,
) -> Said<T> {
    let entry = fields.entry(name)?;
    let policy = if fields.is_off(name) {
        None
    } else {
        Some(Arc::new(read(&fields.fields(name)?)?))
    };
    Some(Located::new(policy, &entry.at))
}

/// A time that is sent as a number of whole seconds: of less than one would be sent another than was meant.
fn whole_seconds(fields: &Fields<'_>, name: &str, default: Duration) -> Option<Duration> {
    let Some(node) = fields.node(name) else {
        return Some(default);
    };
    let time = fields.duration(name)?;
    if time.subsec_nanos() == 0 {
        return Some(time);
    }
    fields.error(
        &node.span,
        format!("\"{name}\" counts whole seconds"),
        format!("write {}s", time.as_secs() + 1),
    );
    None
}

/// The name of a header that a policy may set: none by which messages are framed or connections kept, nor one by which every
/// server is told who asks.
fn field_name(key: &str, written: &Located<&str>, problems: &Problems) -> Option<HeaderName> {
    let name = HeaderName::try_from(written.value);
    let (message, hint) = match &name {
        Err(_) => ("is no name of a header", "write letters, digits and -"),
        Ok(name) if name.as_str().contains('_') => (
            "has a _, which servers may read as -",
            "write a - in its place",
        ),
        Ok(name) if is_ours(name) => (
            "is a header that the proxy itself sets or takes away",
            "write another name",
        ),
        Ok(_) => return name.ok(),
    };
    let message = format!("{} of {} {message}", quoted(written.value), quoted(key));
    problems.push(Problem::error(message).at_value(written).hint(hint));
    None
}

fn is_ours(name: &HeaderName) -> bool {
    let of_questions = ["x-forwarded-port", "x-forwarded-method", "x-forwarded-uri"];
    guard(name.as_str()).is_some() || of_questions.contains(&name.as_str())
}
