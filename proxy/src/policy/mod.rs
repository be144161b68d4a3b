//! What is done to the requests and responses of a route: one file a policy, pure and synchronous.
//!
//! Policies are applied in the order of the fields of [`Policies`]; the gateway's `apply` and [`Policies::respond`] are that
//! order in Rust. What a policy sends or compares is made when the snapshot is built, once for all routes that share it.

mod accept_encoding;
mod applied;
mod basic_auth;
mod forward_auth;
mod hsts;
mod request;
mod users;
mod verdict;
mod workshop;

use std::sync::Arc;

pub use accept_encoding::{AcceptEncoding, Choice, Coding};
pub use applied::Applied;
pub use basic_auth::{BasicAuth, Credentials, Failures, Login, Mark, Question, Remembered};
pub use forward_auth::{ForwardAuth, LARGEST_BODY};
pub use hsts::Hsts;
pub use request::Request;
pub use users::{Argon2id, BadLine, BadUser, Bcrypt, PasswordHash, TooLittleMemory, Users};
pub use verdict::Verdict;
pub use workshop::{Made, ReadFile, Workshop};

use crate::{config::model, forward::Fields};

/// The policies of one route; `None` is none.
#[derive(Debug, Default)]
pub struct Policies {
    pub basic_auth: Option<Arc<BasicAuth>>,
    pub forward_auth: Option<Arc<ForwardAuth>>,
    pub hsts: Option<Arc<Hsts>>,
}

impl Policies {
    pub fn build(spec: &model::Policies, workshop: &mut Workshop<'_>) -> Self {
        let model::Policies {
            basic_auth,
            forward_auth,
            hsts,
        } = spec;
        Self {
            basic_auth: workshop.basic_auth(basic_auth.as_ref()),
            forward_auth: workshop.forward_auth(forward_auth.as_ref()),
            hsts: workshop
                .hsts
                .of(hsts.as_ref(), |hsts| Some(Hsts::new(hsts))),
        }
    }

    /// What the client sees of a final response, whoever made it: a server, the route or a refusal.
    ///
    /// `is_tls` is whether the client's own connection is.
    pub fn respond(&self, fields: &mut impl Fields, applied: &Applied, is_tls: bool) {
        let Self {
            basic_auth: _,   // it is of requests alone
            forward_auth: _, // likewise
            hsts,
        } = self;
        for (name, value) in &applied.response_fields {
            fields.add(name.clone(), value.clone());
        }
        if let Some(hsts) = hsts {
            hsts.respond(fields, is_tls);
        }
    }
}
