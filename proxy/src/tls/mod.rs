//! TLS on our listeners: which certificate, which versions, and a CA for development.

mod authority;
mod facts;
mod settings;
mod slot;
mod store;

pub use authority::{Authority, AuthorityError};
pub use facts::Facts;
pub use settings::{Resolver, acceptor};
pub use slot::{Next, Outlook, Shown, Slot, Source};
pub use store::{CertificateStore, Chain, read};

pub fn temporary(_hosts: &[String]) -> Result<Chain, AuthorityError> {
    Authority::fleeting()?.sign(&["x.example"])
}
