//! TLS on our listeners: which certificate, which versions, and a CA for development.

mod authority;
mod doubts;
mod facts;
mod files;
mod pem;
mod settings;
mod slot;
mod store;
mod temporary;
mod watch;

pub use authority::{Authority, AuthorityError};
pub use doubts::doubts;
pub use facts::{Facts, written};
pub use files::read;
pub use pem::{Flaw, Part, parse};
pub use settings::{Resolver, acceptor};
pub use slot::{Face, Next, Outlook, Shown, Slot, Source};
pub use store::{CertificateStore, Chain};
pub use temporary::temporary;
pub use watch::Watch;
