//! What is done to the requests and responses of a route: one file a policy, pure and synchronous.
//!
//! Policies are applied in the order of the fields of [`Policies`]. What a policy sends or compares is made
//! when the snapshot is built.

mod accept_encoding;
mod hsts;
mod users;

pub use accept_encoding::{AcceptEncoding, Choice, Coding};
pub use hsts::Hsts;
pub use users::{Argon2id, BadLine, BadUser, Bcrypt, PasswordHash, Users};

use crate::{config::model, forward::Fields};

/// The policies of one route; `None` is none.
#[derive(Debug, Default)]
pub struct Policies {
    pub hsts: Option<Hsts>,
}

impl Policies {
    pub fn new(spec: &model::Policies) -> Self {
        let model::Policies { hsts } = spec;
        Self {
            hsts: hsts.as_ref().map(Hsts::new),
        }
    }

    /// What the client sees of a final response, whoever made it: a server, the route or a refusal.
    ///
    /// `is_tls` is whether the client's own connection is.
    pub fn respond(&self, fields: &mut impl Fields, is_tls: bool) {
        let Self { hsts } = self;
        if let Some(hsts) = hsts {
            hsts.respond(fields, is_tls);
        }
    }
}
