//! Who is at fault for a request that did not end as its client wished.

/// As `HAProxy` tells denials, errors and aborts apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// A policy forbids it: `HAProxy`'s denied requests.
    Policy,
    /// It is none that can be served, or came too slowly: its request errors.
    Request,
    /// The client left, or does not read.
    Client,
    /// No server was reached, or none had room: its connection errors.
    Unreached,
    /// The server's response is none, comes too late or breaks the protocol: its response errors.
    Response,
    /// The server ended amid a response that the client had the beginning of.
    Cut,
    /// A fault of ours, or nothing left to serve it with.
    Us,
}

impl Blame {
    pub(super) const COUNT: usize = 7;

    /// Labels of metrics, in the order of the variants.
    pub(super) const NAMES: [&str; Self::COUNT] = [
        "policy",
        "request",
        "client",
        "unreached",
        "response",
        "cut",
        "us",
    ];
}
