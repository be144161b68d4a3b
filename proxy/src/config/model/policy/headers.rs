//! What is done to header fields on their way to the server and to the client.

use http::{HeaderName, HeaderValue};

/// Edits of both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Of what the server sees.
    pub request: Edits,
    /// Of what the client sees, whoever answers.
    pub response: Edits,
}

/// Edits of one direction, made in the order of the fields. None of the names is one that [`crate::forward::guard`] keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    pub remove: Vec<NamePattern>,
    /// In the place of all fields of the name. Each name once.
    pub set: Vec<(HeaderName, Template)>,
    /// Beside those of the name.
    pub add: Vec<(HeaderName, Template)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NamePattern {
    Exact(HeaderName),
    /// Every name that begins so, in lower case; written with a `*` at its end.
    Prefix(String),
}

/// A value of a field, valid whatever an exchange brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Template {
    Fixed(HeaderValue),
    /// Made for each exchange; the texts are of visible ASCII characters and spaces.
    Made(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    Value(Placeholder),
}

/// What an exchange brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The address of the client, after trusted forwarding headers.
    ClientIp,
    /// The host that was asked for, without the port.
    Host,
    /// In normal form, without the query.
    Path,
    /// As it was sent, without its `?`.
    Query,
    Method,
    /// `http` or `https`, as the client's own connection is.
    Scheme,
    RequestId,
    /// Of the trace that the request belongs to; nothing where traces are not sent.
    TraceId,
    /// Who the client has shown to be.
    User,
    /// The route, as metrics call it.
    Route,
    Upstream,
    /// The address of the server that was picked, as the configuration names it.
    Server,
}

impl Placeholder {
    /// Each with the name that stands between braces.
    pub const ALL: [(&'static str, Self); 12] = [
        ("client_ip", Self::ClientIp),
        ("host", Self::Host),
        ("path", Self::Path),
        ("query", Self::Query),
        ("method", Self::Method),
        ("scheme", Self::Scheme),
        ("request_id", Self::RequestId),
        ("trace_id", Self::TraceId),
        ("user", Self::User),
        ("route", Self::Route),
        ("upstream", Self::Upstream),
        ("server", Self::Server),
    ];
}
