//! Listeners, and what they let through.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use super::{Name, TlsSettings};
use crate::{admit::Networks, config::units::ByteSize};

/// Addresses we accept on, with what they speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: Name,
    /// At least one. An address without a host (`:8080`) stands for IPv4 and IPv6.
    pub bind: Vec<SocketAddr>,
    /// Answer every request with a redirect to `https`, same host and path (308).
    pub redirect_to_https: bool,
    pub tls: Option<TlsSettings>,
    pub protocols: Protocols,
    /// The peers whose PROXY headers are believed. With it every connection begins with one, and nobody else
    /// may connect.
    pub proxy_protocol: Option<Networks>,
    pub underscore_headers: UnderscoreHeaders,
    pub limits: Limits,
}

impl Listener {
    /// Whether nothing is different but, at most, how both speak TLS: connections that stand need not know.
    pub fn is_same_but_for_tls(&self, other: &Self) -> bool {
        let without_tls = |listener: &Self| Self {
            tls: None,
            ..listener.clone()
        };
        self.tls.is_some() && other.tls.is_some() && without_tls(self) == without_tls(other)
    }
}

/// The protocols offered by ALPN on a listener with TLS; one without speaks HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protocols {
    pub h2: bool,
    pub http1: bool,
}

/// What becomes of a header whose name holds `_`. CGI and WSGI servers read `_` as `-`, so that `X_Real_IP` is one
/// more `X-Real-IP` to them, whoever sent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnderscoreHeaders {
    /// No server sees it: nginx's `underscores_in_headers off`, and what Envoy advises at an edge.
    #[default]
    Drop,
    Allow,
}

/// What one listener lets through. Each is enforced, refused with a page or a close, and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connections: usize,
    /// IPv6 clients count by /64.
    pub connections_per_client: usize,
    /// TLS handshakes under way.
    pub handshakes: usize,
    /// Of TLS; and as long again, before it, of a PROXY header.
    pub handshake_timeout: Duration,
    /// From the first byte of a request to the end of its header.
    pub header_timeout: Duration,
    pub header_size: ByteSize,
    pub header_count: usize,
    pub uri_size: ByteSize,
    pub body_size: ByteSize,
    pub body_idle_timeout: Duration,
    pub write_idle_timeout: Duration,
    /// Bytes a second that a client must send of a body, or take of a response, while we wait for it. It may
    /// fall behind by the idle timeout of that direction; 0 asks nothing.
    pub min_rate: ByteSize,
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
            handshakes: 1000,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            header_size: ByteSize::kib(64),
            header_count: 100,
            uri_size: ByteSize::kib(16),
            body_size: ByteSize::mib(64),
            body_idle_timeout: Duration::from_secs(30),
            write_idle_timeout: Duration::from_secs(30),
            min_rate: ByteSize::bytes(240),
            keepalive_timeout: Duration::from_secs(60),
            requests_per_connection: NonZeroU32::new(10_000).unwrap_or(NonZeroU32::MAX),
            streams: NonZeroU32::new(100).unwrap_or(NonZeroU32::MAX),
        }
    }
}
