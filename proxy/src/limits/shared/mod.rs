//! Buckets that all nodes share, in a Redis server.
//!
//! A request with several limits asks once, by one script that takes it for all of them or for none. Time is the
//! server's own, so that the clocks of nodes do not matter. All requests share one connection, on which questions
//! follow each other without waiting for answers (pipelining).
//!
//! The server holds, under `simplon:{LIMIT}:CLIENT`, until when each client's bucket is not empty; see `script.lua`.
//! A key expires when its bucket is empty, which is to say as if it had never been.
//!
//! A store that is slow or gone costs a request its `timeout` at most, and after a few of those nothing: then the
//! store is not asked ([`circuit`]) until it has answered again in the background ([`keeper`]).

mod circuit;
mod dial;
mod keeper;
mod link;
mod reason;
mod script;
mod store;

pub use dial::Dial;
pub use script::Question;
pub use store::{SharedStore, Unanswered};
