//! Policies, as a route or `defaults` says them: one file a policy, with its keys.

pub(super) mod basic_auth;
pub(super) mod forward_auth;
pub(super) mod hsts;

use std::sync::Arc;

use http::{HeaderName, header};

use crate::config::{
    decode::Fields,
    model::{BasicAuth, ForwardAuth, Hsts, Policies},
    problem::{Located, Problem, Problems, quoted},
};

/// What is said of a policy: `None` is nothing, which leaves it to `defaults`; `Some` of `None` is that there is none, which
/// turns off what `defaults` turns on.
pub(in crate::config) type Said<T> = Option<Located<Option<Arc<T>>>>;

/// What a route or `defaults` says of each policy, in the order in which they are applied.
#[derive(Default)]
pub(in crate::config) struct PoliciesDraft {
    pub(in crate::config) basic_auth: Said<BasicAuth>,
    pub(in crate::config) forward_auth: Said<ForwardAuth>,
    pub(in crate::config) hsts: Said<Hsts>,
}

pub(super) fn read(fields: &Fields<'_>) -> PoliciesDraft {
    PoliciesDraft {
        basic_auth: basic_auth::read(fields),
        forward_auth: forward_auth::read(fields),
        hsts: hsts::read(fields),
    }
}

impl PoliciesDraft {
    /// The policies of a route: what it says itself, else what `defaults` says.
    pub(in crate::config) fn resolve(self, defaults: &Self) -> Policies {
        Policies {
            basic_auth: or(self.basic_auth, defaults.basic_auth.as_ref()),
            forward_auth: or(self.forward_auth, defaults.forward_auth.as_ref()),
            hsts: or(self.hsts, defaults.hsts.as_ref()),
        }
    }
}

fn or<T>(route: Said<T>, defaults: Option<&Located<Option<Arc<T>>>>) -> Option<Arc<T>> {
    match route {
        Some(said) => said.value,
        None => defaults?.value.clone(),
    }
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
    let others = [
        "keep-alive",
        "proxy-connection",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-method",
        "x-forwarded-uri",
        "x-request-id",
    ];
    matches!(
        *name,
        header::HOST
            | header::CONNECTION
            | header::CONTENT_LENGTH
            | header::TRANSFER_ENCODING
            | header::TE
            | header::TRAILER
            | header::UPGRADE
            | header::EXPECT
            | header::VIA
            | header::FORWARDED
    ) || others.contains(&name.as_str())
}
