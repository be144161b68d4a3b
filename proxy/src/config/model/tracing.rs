//! Where traces are sent to, and of which requests.

use std::time::Duration;

use http::Uri;

use super::ServerTls;
use crate::config::{problem::Located, units::Percent};

/// A collector that takes OTLP by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracing {
    /// Where it is named.
    pub at: Located<()>,
    /// What spans are posted to, path included; `http` or `https`.
    pub otlp: Uri,
    /// With `https`.
    pub tls: Option<ServerTls>,
    /// `service.name`. Default `simplon`.
    pub service: String,
    /// Of the requests whose trace no trusted proxy has decided on. Default 100 %.
    pub sample: Percent,
    pub follow: Follow,
    /// For one request to the collector. Default 5 s.
    pub timeout: Duration,
    /// Spans that may wait for their export, 16 at least. Default 2048.
    pub queue: usize,
}

/// Whose traces are gone on with. Whether a span is sent is decided here, unless a trusted proxy has decided before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// Everybody's.
    #[default]
    Any,
    /// Those of trusted proxies.
    Trusted,
    /// Nobody's: each request begins a trace.
    None,
}
