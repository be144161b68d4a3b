//! What is done to the requests and responses of a route: one file a policy, pure and synchronous.
//!
//! Policies are applied in the order of the fields of [`Policies`]; the gateway's `apply` and [`Policies::respond`] are that
//! order in Rust. What a policy sends or compares is made when the snapshot is built, once for all routes that share it.

mod accept_encoding;
pub mod access;
mod applied;
mod basic_auth;
mod block;
mod compress;
mod cors;
mod counted;
mod countries;
mod error_pages;
mod facts;
pub mod file;
mod forward_auth;
mod headers;
mod hsts;
mod maintenance;
mod max_in_flight;
mod network_map;
mod rate_limit;
mod request;
mod rewrite;
mod security_headers;
mod users;
mod vary;
mod verdict;
mod workshop;

use std::sync::Arc;

pub use accept_encoding::{AcceptEncoding, Choice, Coding};
pub use access::Access;
pub use applied::Applied;
pub use basic_auth::{BasicAuth, Credentials, Failures, Login, Mark, Question, Remembered};
pub use block::{BadPattern, Block, Pattern, Writing};
pub use compress::{Broken, Compress, Encoder, Engines, Load, Offer, Plan, Skipped};
pub use cors::{Cors, preflight};
pub use countries::{BadDatabase, Countries, CountryDatabase};
pub use error_pages::ErrorPages;
pub use facts::Facts;
pub use forward_auth::{ForwardAuth, LARGEST_BODY};
pub use headers::Headers;
pub use hsts::Hsts;
pub use maintenance::Maintenance;
pub use max_in_flight::{Begun, MaxInFlight};
pub use network_map::NetworkMap;
pub use rate_limit::{Asked, Checked, Own, RateLimit};
pub use request::Request;
pub use rewrite::Rewrite;
pub use security_headers::SecurityHeaders;
pub use users::{Argon2id, BadLine, BadUser, Bcrypt, PasswordHash, TooLittleMemory, Users};
pub(crate) use vary::vary_by;
pub use verdict::Verdict;
pub use workshop::{Made, ReadFile, Workshop};

use crate::{config::model, forward::Fields};

/// The policies of one route; `None` is none.
#[derive(Debug, Default)]
pub struct Policies {
    pub access: Option<Arc<Access>>,
    pub countries: Option<Arc<Countries>>,
    pub block: Option<Arc<Block>>,
    pub cors: Option<Arc<Cors>>,
    pub rate_limit: Option<Arc<RateLimit>>,
    pub max_in_flight: Option<Arc<MaxInFlight>>,
    pub maintenance: Option<Arc<Maintenance>>,
    pub basic_auth: Option<Arc<BasicAuth>>,
    pub forward_auth: Option<Arc<ForwardAuth>>,
    pub rewrite: Option<Arc<Rewrite>>,
    pub headers: Option<Arc<Headers>>,
    pub security_headers: Option<Arc<SecurityHeaders>>,
    pub hsts: Option<Arc<Hsts>>,
    pub compress: Option<Arc<Compress>>,
    pub error_pages: Option<Arc<ErrorPages>>,
}

impl Policies {
    /// `route` is the label of the route they are of.
    pub fn build(spec: &model::Policies, route: &str, workshop: &mut Workshop<'_>) -> Self {
        let model::Policies {
            access,
            countries,
            block,
            cors,
            rate_limit,
            max_in_flight,
            maintenance,
            basic_auth,
            forward_auth,
            rewrite,
            headers,
            security_headers,
            hsts,
            compress,
            error_pages,
        } = spec;
        let limits = Arc::clone(&workshop.limits);
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
            cors: workshop
                .cors
                .of(cors.as_ref(), |cors| Some(Cors::new(cors))),
            rate_limit: workshop.rate_limit.of(rate_limit.as_ref(), |spec| {
                Some(RateLimit::new(spec, route, &limits))
            }),
            max_in_flight: workshop.max_in_flight.of(max_in_flight.as_ref(), |spec| {
                Some(MaxInFlight::new(spec, route, &limits))
            }),
            maintenance: workshop.maintenance.of(maintenance.as_ref(), |spec| {
                Some(Maintenance::new(spec, workshop.problems))
            }),
            basic_auth: workshop.basic_auth(basic_auth.as_ref()),
            forward_auth: workshop.forward_auth(forward_auth.as_ref()),
            rewrite: workshop
                .rewrite
                .of(rewrite.as_ref(), |spec| Some(Rewrite::new(spec))),
            headers: workshop
                .headers
                .of(headers.as_ref(), |headers| Some(Headers::new(headers))),
            security_headers: workshop
                .security_headers
                .of(security_headers.as_ref(), |headers| {
                    Some(SecurityHeaders::new(headers))
                }),
            hsts: workshop
                .hsts
                .of(hsts.as_ref(), |hsts| Some(Hsts::new(hsts))),
            compress: workshop.compress.of(compress.as_ref(), |compress| {
                Some(Compress::new(compress, route, &workshop.engines))
            }),
            error_pages: workshop.error_pages.of(error_pages.as_ref(), |pages| {
                Some(ErrorPages::new(pages, workshop.problems))
            }),
        }
    }

    /// What the server sees of a request, in each try.
    pub fn request(&self, fields: &mut impl Fields, applied: &Applied, facts: &Facts<'_>) {
        applied.request(fields);
        if let Some(headers) = &self.headers {
            headers.request(fields, applied, facts);
        }
    }

    /// What the client sees of a final response, whoever made it: a server, the route or a refusal.
    ///
    /// What the operator wrote under `headers` counts as the server's own. CORS comes after it, so that no edit of `Vary`
    /// can take away what caches must know.
    pub fn respond(&self, fields: &mut impl Fields, applied: &Applied, facts: &Facts<'_>) {
        // The gateway sees to `compress`, which goes with the body.
        let Self {
            access: _,
            countries: _,
            block: _,
            cors,
            rate_limit: _,
            max_in_flight: _,
            maintenance: _,
            basic_auth: _,
            forward_auth: _,
            rewrite: _,
            headers,
            security_headers,
            hsts,
            compress: _, // the gateway sees to it, with the body
            error_pages: _,
        } = self;
        applied.respond(fields);
        if let Some(headers) = headers {
            headers.respond(fields, applied, facts);
        }
        if let Some(cors) = cors {
            cors.respond(fields, &facts.request);
        }
        if let Some(security_headers) = security_headers {
            security_headers.respond(fields);
        }
        if let Some(hsts) = hsts {
            hsts.respond(fields, facts.request.is_tls);
        }
    }
}
