//! TLS on our listeners: which certificate, which versions, and a CA for development.

mod authority;
mod settings;
mod store;

pub use authority::{Authority, AuthorityError};
pub use settings::{Resolver, acceptor};
pub use store::{CertificateStore, Chain, read};
