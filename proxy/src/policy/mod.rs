//! What is done to the requests and responses of a route: one file a policy, pure and synchronous.
//!
//! Policies are applied in the order of the fields of [`Policies`]; the gateway's `apply` and [`Policies::respond`] are that
//! order in Rust. What a policy sends or compares is made when the snapshot is built, once for all routes that share it.

mod accept_encoding;
pub mod access;
mod applied;
mod block;
mod countries;
mod hsts;
mod network_map;
mod request;
mod users;
mod verdict;
mod workshop;

use std::sync::Arc;

pub use accept_encoding::{AcceptEncoding, Choice, Coding};
pub use access::Access;
pub use applied::Applied;
pub use block::{BadPattern, Block, Pattern, Writing};
pub use countries::{BadDatabase, Countries, CountryDatabase};
pub use hsts::Hsts;
pub use network_map::NetworkMap;
pub use request::Request;
pub use users::{Argon2id, BadLine, BadUser, Bcrypt, PasswordHash, Users};
pub use verdict::Verdict;
pub use workshop::{Made, ReadFile, Workshop};

use crate::{config::model, forward::Fields};

/// The policies of one route; `None` is none.
#[derive(Debug, Default)]
pub struct Policies {
    pub access: Option<Arc<Access>>,
    pub countries: Option<Arc<Countries>>,
    pub block: Option<Arc<Block>>,
    pub hsts: Option<Arc<Hsts>>,
}

impl Policies {
    pub fn build(spec: &model::Policies, workshop: &mut Workshop<'_>) -> Self {
        let model::Policies {
            access,
            countries,
            block,
            hsts,
        } = spec;
        Self {
            access: workshop.access.of(access.as_ref(), |access| {
                Access::build(access, workshop.read, workshop.problems)
            }),
            countries: workshop.countries.of(countries.as_ref(), |countries| {
                // Without a database there is an error already, and no snapshot.
                let database = workshop.country_database.as_ref()?;
                Some(Countries::new(countries, Arc::clone(database)))
            }),
            block: workshop
                .block
                .of(block.as_ref(), |block| Some(Block::new(block))),
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
            access: _,
            countries: _,
            block: _,
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
