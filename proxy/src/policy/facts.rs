//! What is known of an exchange, for policies that speak of it to the server or the client.

use super::Request;

/// Borrowed from the exchange.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub request: Request<'a>,
    pub request_id: &'a str,
    /// The trace that the request belongs to; empty where traces are not sent.
    pub trace_id: &'a str,
    /// The route, as metrics call it.
    pub route: &'a str,
    /// Empty where a route answers by itself.
    pub upstream: &'a str,
    /// The server of the last try, as the configuration names it; empty before there was one.
    pub server: &'a str,
}
