//! The configuration as the rest of the program sees it: every value typed, every name resolved.
//!
//! Made only by [`super::load`] and [`super::quick()`]; nothing behind this border checks a value again.

use std::{
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    ops::RangeInclusive,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use http::{HeaderValue, StatusCode};
use ipnet::IpNet;

use super::{
    problem::Located,
    units::{ByteSize, Percent},
};
use crate::route::Methods;

/// One whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    pub listeners: Vec<Listener>,
    pub admin: Admin,
    /// Peers whose forwarding headers are believed. Empty unless configured.
    pub trusted_proxies: Vec<IpNet>,
    pub certificates: Vec<Certificate>,
    pub upstreams: Vec<Upstream>,
    pub routes: Vec<Route>,
    pub log: AccessLog,
    /// Where keys and live state are kept; 0700. Default `/var/lib/simplon`.
    pub state: PathBuf,
    /// Worker threads; default one a core.
    pub workers: Option<NonZeroUsize>,
    pub drain: Drain,
    pub control: Control,
}

/// The name an operator gave a listener or an upstream; also a metric label.
pub type Name = Arc<str>;

/// Addresses we accept on, with what they speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: Name,
    /// At least one. An address without a host (`:8080`) stands for IPv4 and IPv6.
    pub bind: Vec<SocketAddr>,
    /// Answer every request with a redirect to `https`, same host and path (308).
    pub redirect_to_https: bool,
    pub tls: Option<TlsProfile>,
    pub protocols: Protocols,
    pub limits: Limits,
}

/// Mozilla's profiles for servers, as of guideline 5.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsProfile {
    /// TLS 1.3 alone.
    Modern,
    /// TLS 1.2 and 1.3, forward-secret AEAD suites alone.
    Intermediate,
}

/// The protocols offered by ALPN on a listener with TLS; one without speaks HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    pub h2: bool,
    pub http1: bool,
}

/// What one listener lets through. Each is enforced, refused with a page or a close, and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// IPv6 clients count by /64.
    pub connections_per_client: usize,
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    pub header_size: ByteSize,
    pub header_count: usize,
    pub uri_size: ByteSize,
    pub body_size: ByteSize,
    pub body_idle_timeout: Duration,
    pub write_idle_timeout: Duration,
    pub keepalive_timeout: Duration,
    pub requests_per_connection: NonZeroU32,
    /// Concurrent HTTP/2 streams of one connection.
    pub streams: NonZeroU32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_client: 256,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            header_size: ByteSize::kib(64),
            header_count: 100,
            uri_size: ByteSize::kib(16),
            body_size: ByteSize::mib(64),
            body_idle_timeout: Duration::from_secs(30),
            write_idle_timeout: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(60),
            requests_per_connection: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MAX),
            streams: NonZeroU32::new(100).unwrap_or(NonZeroU32::MAX),
        }
    }
}

/// The listener for operators and scrapers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Default 127.0.0.1:8404.
    pub bind: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8404)),
        }
    }
}

/// Which hosts a certificate is for, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Lower case; `*.suffix` covers one label. At least one.
    pub hosts: Vec<Located<String>>,
    pub source: CertificateSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// PEM files, relative to the configuration file that names them.
    Files {
        chain: Located<PathBuf>,
        key: Located<PathBuf>,
    },
    /// Signed by the development CA in the state directory.
    SelfSigned,
}

/// A named set of servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    pub name: Name,
    /// At least one that is not a backup.
    pub servers: Vec<Server>,
    pub health: Option<HealthCheck>,
    pub passive: Passive,
    pub timeouts: Timeouts,
    pub retries: Retries,
    pub protocol: UpstreamProtocol,
}

/// One address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub address: Address,
    /// 1 to 256. A server of weight 2 gets twice the requests of one of weight 1.
    pub weight: u32,
    /// Requests in flight at most; default no limit.
    pub max_connections: Option<NonZeroU32>,
    /// Used only while no other server is healthy.
    pub backup: bool,
}

/// How a server is reached. `Display` gives the form of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    Socket(SocketAddr),
    /// Re-resolved while the proxy runs.
    Named {
        host: String,
        port: u16,
    },
    Unix(PathBuf),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Socket(address) => write!(f, "{address}"),
            Self::Named { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Active health checks. Defaults are those of `HAProxy`: every 2 s, rise 2, fall 3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub probe: Probe,
    pub interval: Duration,
    /// Of one check, connecting included.
    pub timeout: Duration,
    pub rise: NonZeroU32,
    pub fall: NonZeroU32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// `GET path` over HTTP/1.1, good if the status is in one of the ranges (default 200-399).
    Http {
        path: String,
        expect: Vec<RangeInclusive<u16>>,
    },
    /// A connection that opens is good.
    Tcp,
}

/// Ejection of a server by what its requests show: after `failures` within `window`, for `eject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passive {
    pub failures: NonZeroU32,
    pub window: Duration,
    pub eject: Duration,
}

impl Default for Passive {
    fn default() -> Self {
        Self {
            failures: NonZeroU32::new(5).unwrap_or(NonZeroU32::MIN),
            window: Duration::from_secs(10),
            eject: Duration::from_secs(30),
        }
    }
}

/// Deadlines on the way to a server. None is ever absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the end of the request's header to the first byte of the response.
    pub first_byte: Duration,
    /// Between two reads of a response, or two writes of a request.
    pub idle: Duration,
    /// How long an unused connection to a server is kept.
    pub keepalive: Duration,
    /// Idle time of an upgraded connection (WebSocket).
    pub tunnel: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            keepalive: Duration::from_secs(55),
            tunnel: Duration::from_secs(3600),
        }
    }
}

/// When a request is sent to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Further servers tried after the first; 0 turns retries off.
    pub attempts: u32,
    /// Retries at most, as a share of the requests of the last ten seconds.
    pub budget: Percent,
    pub on: RetryOn,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            attempts: 2,
            budget: Percent::new(20),
            on: RetryOn {
                connect: true,
                reset: true,
                statuses: Vec::new(),
            },
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryOn {
    pub connect: bool,
    pub reset: bool,
    /// Of 502, 503 and 504.
    pub statuses: Vec<StatusCode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamProtocol {
    Http1,
    /// HTTP/2 without TLS, by prior knowledge; what gRPC servers speak on a private network.
    H2c,
}

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
        /// Index into [`Config::upstreams`].
        upstream: usize,
        /// Whether the matched prefix is taken off the path.
        strip_prefix: bool,
    },
    Redirect {
        to: HeaderValue,
        /// 301, 302, 303, 307 or 308 (the default).
        status: StatusCode,
    },
    Respond {
        status: StatusCode,
        body: String,
    },
}

/// One JSON line a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    #[default]
    Stdout,
    Stderr,
    File(PathBuf),
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
