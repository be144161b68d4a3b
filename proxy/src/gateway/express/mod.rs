//! The express lane: what is common, on the straightest line from the client to the server and back.
//!
//! It asks the same stages as Pingora's lane in the same order. What it does not carry it leaves to that lane, before a byte
//! has been forwarded: upgrades, HTTP/1.0, `Expect`, servers with HTTP/2, and responses that may be compressed. Read
//! [`journey`] first, then [`crossing`].

pub(super) mod berths;
pub(super) mod calls;
mod client;
mod crossing;
mod date;
pub(super) mod http1;
pub(super) mod http2;
mod journey;
mod lend;
mod upload;
mod wire;
