//! What is asked of a proxy: loads, each of which says how many requests were answered, and fails if one was not answered well.

pub(crate) mod h2load;
pub(crate) mod handshakes;
pub(crate) mod idle;
pub(crate) mod open;
pub(crate) mod wrk;

/// What a load came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Answered {
    pub requests: u64,
    /// Seconds from the first request to the last answer.
    pub wall: f64,
}
