//! The life of a request. `gateway.rs` is its table of contents, `exchange.rs` what it carries along.

mod admission;
mod again;
mod answering;
mod apply;
mod asker;
mod authenticate;
mod challenge;
mod coder;
mod door;
mod exchange;
mod express;
mod fault;
mod forwarding;
#[expect(
    clippy::module_inception,
    reason = "the table of contents has the name of the room"
)]
mod gateway;
mod head;
mod hold;
mod http1;
mod http2;
mod impatient;
mod inquiry;
mod line;
mod link;
mod loan;
mod login;
mod means;
mod outbox;
mod outcome;
mod pages;
mod peer;
mod rates;
mod reader;
mod record;
mod relay;
mod routing;
mod session;
mod socket;
mod spare;
mod sticky;
mod streams;
mod turn;
mod watchdog;

pub use door::Door;
pub use exchange::Exchange;
pub use gateway::Gateway;
pub use login::Logins;
