//! TLS on our listeners: which certificate, which versions, and a CA for development. And TLS to
//! servers: whom we trust, and what we show.

mod authority;
mod client;
mod clients;
mod doubts;
mod facts;
mod files;
mod pem;
mod reason;
mod roots;
mod self_signed;
mod settings;
mod slot;
mod store;
mod temporary;
mod tickets;
mod unverified;
mod watch;

pub use authority::{Authority, AuthorityError};
pub use client::{ClientTls, ServerTls};
pub use doubts::doubts;
pub use facts::{Facts, written};
pub use files::{LONGEST, LONGEST_LIST, content, read};
pub use pem::{Flaw, Part, parse};
pub use reason::reason;
pub use roots::SystemRoots;
pub use settings::{Resolver, Terms, Way};
pub use slot::{Face, Next, Outlook, Shown, Slot, Source};
pub use store::{CertificateStore, Chain};
pub use temporary::temporary;
pub use tickets::Tickets;
pub use watch::Watch;
