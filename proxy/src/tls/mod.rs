//! TLS on our listeners: which certificate, which versions, and a CA for development. And TLS to
//! servers: whom we trust, and what we show.

mod authority;
mod client;
mod reason;
mod roots;
mod settings;
mod store;
mod unverified;

pub use authority::{Authority, AuthorityError};
pub use client::{ClientTls, ServerTls};
pub use reason::reason;
pub use roots::SystemRoots;
pub use settings::{Resolver, acceptor};
pub use store::{CertificateStore, Chain, read};
