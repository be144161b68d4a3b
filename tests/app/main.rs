//! The application server as its users meet it: the real binary, real sockets, real signals.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod client;
mod draining;
mod encodings;
mod limits;
mod server;
mod serving;
mod starting;
