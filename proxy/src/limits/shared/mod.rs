//! Buckets that all nodes share, in a Redis server.
//!
//! A request with several limits asks once, by one script that takes it for all of them or for none. Time is the
//! server's own, so that the clocks of nodes do not matter. All requests share one connection, on which questions
//! follow each other without waiting for answers (pipelining).
//!
//! The server holds, under the key of each client and limit ([`Keys`]), when their bucket will be empty; see `script.lua`. A
//! key expires then, as if it had never been.
//!
//! A store that is slow or gone costs a request its `timeout` at most, and after a few of those nothing: then the
//! store is not asked (`circuit`) until it has answered again in the background (`keeper`).

mod circuit;
mod dial;
mod keeper;
mod key;
mod link;
mod reason;
mod script;
mod store;

pub use dial::Dial;
pub use key::Keys;
pub use script::{Found, Question};
pub use store::{SharedStore, Unanswered};
