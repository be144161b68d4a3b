//! The configuration as the rest of the program sees it: every value typed, every name resolved.
//!
//! Made only by [`super::load`] and [`super::quick()`]; nothing behind this border checks a value again.

mod acme;
mod certificate;
mod limits_store;
mod listener;
mod log;
mod policy;
mod route;
mod tls;
mod tracing;
mod upstream;

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;

use super::{Located, units::ByteSize};

pub use self::{
    acme::{Challenge, DnsHook, ExternalAccount, Issuer, IssuerLimits, Propagation, Quota},
    certificate::{Certificate, CertificateSource},
    limits_store::{LimitsStore, OnFailure},
    listener::{Limits, Listener, Protocols, UnderscoreHeaders},
    log::{AccessLog, Log, LogFormat},
    policy::{
        Access, BasicAuth, Block, BlockRule, By, Compress, Conditions, Cors, Countries, Country,
        CountryList, Edits, ErrorPages, ErrorStatus, ForwardAuth, FrameOptions, HeaderCondition,
        Headers, Hsts, Levels, LimitList, MOST_KEYS, Maintenance, MaxInFlight, MediaRange, Mode,
        NamePattern, Names, Notice, OriginPattern, Origins, Piece, Placeholder, Policies, Preset,
        RateLimit, Refused, Rewrite, SecurityHeaders, Template, Unknown,
    },
    route::{Action, Body, HostPattern, PathPattern, Route},
    tls::{ClientCertificates, ClientMode, TlsProfile, TlsSettings, TlsVersion},
    tracing::{Follow, Tracing},
    upstream::{
        Address, ClientCertificate, HealthCheck, Passive, Probe, ProxyVersion, Queue, Retries,
        RetryOn, SameSite, Secure, Server, ServerLimits, ServerTls, Sticky, Timeouts, Upstream,
        UpstreamProtocol,
    },
};

/// One whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub listeners: Vec<Listener>,
    pub admin: Admin,
    /// Peers whose forwarding headers are believed. Empty unless configured.
    pub trusted_proxies: Vec<IpNet>,
    /// A file in the format of `MaxMind`. There is one if any route has `countries`.
    pub country_database: Option<Located<PathBuf>>,
    /// CAs that certificates are obtained from.
    pub issuers: Vec<Issuer>,
    pub certificates: Vec<Certificate>,
    pub upstreams: Vec<Upstream>,
    pub routes: Vec<Route>,
    /// The policies of a request whose route is not known.
    pub defaults: Policies,
    pub log: Log,
    pub metrics: Metrics,
    /// Where rate limits are shared over nodes; each node counts for itself unless configured.
    pub limits_store: Option<LimitsStore>,
    /// Where traces are sent to, if they are.
    pub tracing: Option<Tracing>,
    /// Where keys and live state are kept; 0700. Default `/var/lib/simplon`.
    pub state: PathBuf,
    /// Worker threads; default one a core.
    pub workers: Option<NonZeroUsize>,
    pub memory_limit: MemoryLimit,
    /// Whether what is common goes by the express lane.
    pub express: bool,
    pub drain: Drain,
    pub control: Control,
}

/// The name an operator gave a listener or an upstream; also a metric label.
pub type Name = Arc<str>;

/// The listener for operators and scrapers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Default 127.0.0.1:8404.
    pub bind: SocketAddr,
    /// Who may see the page and operate. Without, it is read-only and for this machine alone.
    pub users: Option<Arc<BasicAuth>>,
}

impl Admin {
    /// What a login at the page is for, as browsers show it.
    pub const REALM: &str = "Simplon";
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8404)),
            users: None,
        }
    }
}

/// How the proxy is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Under the names of `HAProxy`'s exporter as well.
    pub haproxy: bool,
    /// Things of a kind (routes, servers, certificates and so on) that have series of their own; further ones are counted
    /// together.
    pub max_series: usize,
}

impl Metrics {
    pub const MAX_SERIES: usize = 20_000;
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            haproxy: false,
            max_series: Self::MAX_SERIES,
        }
    }
}

/// The resident memory above which no new connection is let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MemoryLimit {
    /// 90 % of what the control group may use, or else of what the machine has.
    #[default]
    Auto,
    Off,
    Bytes(ByteSize),
}

/// How the process stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Work in flight may take this long.
    pub timeout: Duration,
    /// `/ready` is red this long before listeners close.
    pub delay: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(60),
            delay: Duration::ZERO,
        }
    }
}

/// The socket by which `simplon reload` finds the running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Default `/run/simplon/control.sock`.
    pub path: PathBuf,
    /// Whether the configuration names it. The default path may be missing without harm.
    pub required: bool,
}

impl Default for Control {
    fn default() -> Self {
        Self {
            path: PathBuf::from("/run/simplon/control.sock"),
            required: false,
        }
    }
}
