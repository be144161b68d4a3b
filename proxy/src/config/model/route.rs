//! Routes: which requests, and what becomes of them.

use std::path::PathBuf;

use http::{HeaderValue, StatusCode};

use super::Policies;
use crate::{
    config::problem::Located,
    route::{Methods, Target},
};

/// Which requests, and what becomes of them.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where the route stands in the file.
    pub at: Located<()>,
    /// Empty for any host.
    pub hosts: Vec<HostPattern>,
    pub path: PathPattern,
    /// `None` for any.
    pub methods: Option<Methods>,
    pub action: Action,
    pub policies: Policies,
}

/// Lower case, without a port or a trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    Exact(String),
    /// `*.example.ch`, kept as `example.ch`: any host with one or more labels before it.
    Suffix(String),
}

/// In normal form (see `admit::path`); begins with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PathPattern {
    /// Whole segments: `/api` is `/api` and `/api/x`, never `/apix`. No trailing slash but for `/` itself.
    Prefix(String),
    Exact(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Forward {
        /// Index into [`super::Config::upstreams`].
        upstream: usize,
        /// Whether the matched prefix is taken off the path.
        strip_prefix: bool,
    },
    /// A request whose path does not fit the target's pattern is answered as if there were no route.
    Redirect {
        target: Target,
        /// 301, 302, 303, 307 or 308 (the default).
        status: StatusCode,
    },
    Respond {
        status: StatusCode,
        body: Body,
        /// What is said of the body; `None` is plain text, or what a file's name says.
        media: Option<HeaderValue>,
    },
}

/// What a route answers with by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Text(String),
    /// Read when the snapshot is built.
    File(Located<PathBuf>),
}
