//! Which pages of other origins may read responses.

use std::time::Duration;

use http::HeaderName;

use crate::route::Methods;

/// What browsers are told of requests across origins (the Fetch standard, section 3.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    pub origins: Origins,
    /// Default GET, HEAD, POST, PUT, PATCH and DELETE.
    pub methods: Methods,
    /// Headers that a page may send beside those that every page may. Default any.
    pub headers: Names,
    /// Headers of a response that a page may read beside those that every page may. Default none.
    pub expose: Names,
    /// Whether cookies and the like may come along. Never for [`Origins::Any`] or `null`. Default false.
    pub credentials: bool,
    /// How long a browser may keep what it was told, in whole seconds; browsers have bounds of their own. Default [`Self::MAX_AGE`].
    pub max_age: Duration,
}

impl Cors {
    pub const MAX_AGE: Duration = Duration::from_secs(600);
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    Any,
    Listed(Vec<OriginPattern>),
}

/// As browsers write origins: lower case, without the port of the scheme.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginPattern {
    /// `https://app.example.ch`, or `null`.
    Exact(String),
    /// `https://*.example.ch:8443`: every host below the name, at any depth, but not the name itself.
    Below {
        /// `https://`
        scheme: String,
        /// `.example.ch:8443`
        suffix: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    Any,
    Listed(Vec<HeaderName>),
}
