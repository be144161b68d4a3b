//! Whose word it is whether a request may pass.

use std::time::Duration;

use http::HeaderName;

use crate::config::{model::Name, problem::Located};

/// A server that is asked whether a request may pass, by the contract of Traefik's `forwardAuth` and Caddy's `forward_auth`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardAuth {
    /// Who is asked; it speaks HTTP/1.1.
    pub upstream: Located<Name>,
    /// What is asked for, with its query if it has one.
    pub path: Box<str>,
    /// What of the client's fields it sees. Default all but those of the connection and of the body.
    pub request_headers: Option<Box<[HeaderName]>>,
    /// Fields of an answer 2xx that the server sees. It never sees those of these names that a client sent.
    pub copy_headers: Box<[HeaderName]>,
    /// Cookies that an answer 2xx sets and the client gets, by name.
    pub copy_cookies: Box<[Box<str>]>,
    /// For all of it, connecting and another try included. Default [`ForwardAuth::TIMEOUT`].
    pub timeout: Duration,
}

impl ForwardAuth {
    pub const TIMEOUT: Duration = Duration::from_secs(5);
}
