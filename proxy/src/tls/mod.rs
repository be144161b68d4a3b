//! TLS on our listeners: which certificate, which versions, and a CA for development.

mod authority;
mod clients;
mod facts;
mod settings;
mod slot;
mod store;
mod tickets;

pub use authority::{Authority, AuthorityError};
pub use facts::Facts;
pub use settings::{Resolver, Terms, Way};
pub use slot::{Next, Outlook, Shown, Slot, Source};
pub use store::{CertificateStore, Chain, read};
pub use tickets::Tickets;
