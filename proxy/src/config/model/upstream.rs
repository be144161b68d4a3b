//! Upstreams and their servers.

use std::{net::SocketAddr, num::NonZeroU32, ops::RangeInclusive, path::PathBuf, time::Duration};

use http::StatusCode;

use super::Name;
use crate::config::{
    problem::Located,
    units::{ByteSize, Percent},
};

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
    pub limits: ServerLimits,
    pub protocol: UpstreamProtocol,
    /// Without it the servers are reached without TLS.
    pub tls: Option<ServerTls>,
    /// Begin each connection with a header that names the client. Connections are then kept by client.
    pub proxy_protocol: Option<ProxyVersion>,
    /// Without it requests of one client may reach any server.
    pub sticky: Option<Sticky>,
    /// Without it a request that finds every server full is refused at once.
    pub queue: Option<Queue>,
    /// In which a server that comes back gets its share little by little; without it, at once.
    pub slow_start: Option<Duration>,
}

impl Upstream {
    /// One of which the configuration says no more: every other setting has its default.
    pub fn of(name: impl Into<Name>, servers: Vec<Server>) -> Self {
        Self {
            name: name.into(),
            servers,
            health: None,
            passive: Passive::default(),
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            limits: ServerLimits::default(),
            protocol: UpstreamProtocol::Http1,
            tls: None,
            proxy_protocol: None,
            sticky: None,
            queue: None,
            slow_start: None,
        }
    }
}

impl Server {
    /// One of weight 1, without a limit of its own.
    pub fn of(address: Address) -> Self {
        Self {
            address,
            weight: 1,
            max_connections: None,
            backup: false,
        }
    }
}

/// Lets requests wait for a place at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait at most, 1 to 100,000.
    pub size: NonZeroU32,
    /// How long one waits at most.
    pub timeout: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            size: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
            timeout: Duration::from_secs(5),
        }
    }
}

/// Keeps a client on its server by a cookie that names the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sticky {
    pub cookie: Box<str>,
    /// In whole seconds. Without it a browser keeps the cookie until it ends.
    pub max_age: Option<Duration>,
    pub path: Box<str>,
    pub secure: Secure,
    pub same_site: SameSite,
}

/// Whether a browser sends a cookie with HTTPS alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// If it was set by HTTPS.
    Auto,
    Always,
    Never,
}

/// Whether a browser sends a cookie with requests that pages of other sites make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    Lax,
    Strict,
    None,
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

/// TLS to the servers of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// Where it is asked for.
    pub at: Located<()>,
    /// Sent as SNI, and whom certificates must be for; a host name in lower case or an IP address.
    /// Default the host of each server's address. Sockets of the file system always have one.
    pub server_name: Option<Located<String>>,
    /// A PEM file with the authorities to trust, in place of those of the system.
    pub ca: Option<Located<PathBuf>>,
    /// Shown to servers that ask.
    pub certificate: Option<ClientCertificate>,
    /// Whether a server must prove who it is.
    pub verify: bool,
}

/// PEM files, relative to the configuration file that names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    pub chain: Located<PathBuf>,
    pub key: Located<PathBuf>,
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
    /// `GET path` over HTTP/1.1, good if the status is in one of the ranges (default 200-399). With TLS
    /// it offers http/1.1 by ALPN also where requests speak h2: a server of h2 nearly always speaks both.
    Http {
        path: String,
        expect: Vec<RangeInclusive<u16>>,
    },
    /// A connection that opens is good; with TLS, one on which hands have been shaken.
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
    /// How long a connection to a server is used, as `keepalive_time` of nginx: after that it ends with the request that it carries.
    /// Only of HTTP/1.1.
    pub lifetime: Duration,
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
            lifetime: Duration::from_secs(3600),
            tunnel: Duration::from_secs(3600),
        }
    }
}

/// What a server's response may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Of the header with the status line; each interim response has as much.
    pub header_size: ByteSize,
    pub header_count: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            header_size: ByteSize::kib(64),
            header_count: 200,
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
    /// HTTP/2 with TLS, agreed on by ALPN. Only where there is [`Upstream::tls`].
    H2,
    /// HTTP/2 without TLS, by prior knowledge; what gRPC servers speak on a private network.
    H2c,
}

/// Of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyVersion {
    /// A line of text.
    V1,
    /// Binary; it can also say that a connection is for no client.
    V2,
}
