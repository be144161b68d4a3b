//! A request as policies see it, in either lane.

use std::net::IpAddr;

use http::Method;

use crate::{admit::FieldView, route::Asked};

/// Borrowed from the exchange; host and path are in normal form.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks, after trusted forwarding headers.
    pub client: IpAddr,
    pub method: &'a Method,
    /// The method of the request that this one announces, if it is a preflight that its route answers.
    pub announced: Option<&'a Method>,
    /// Whether the client's own connection has TLS.
    pub is_tls: bool,
    /// Without the port; empty for HTTP/1.0 without one.
    pub host: &'a str,
    /// The port that was named beside it.
    pub port: Option<u16>,
    /// Without the query.
    pub path: &'a str,
    /// As it was sent, with its `?`; empty if there is none.
    pub query: &'a str,
    /// As the client sent them.
    pub fields: FieldView<'a>,
}

impl Request<'_> {
    pub fn scheme(&self) -> &'static str {
        if self.is_tls { "https" } else { "http" }
    }

    /// What redirects and rewrites look at.
    pub fn asked(&self) -> Asked<'_> {
        Asked {
            host: self.host,
            path: self.path,
            query: self.query,
        }
    }
}
