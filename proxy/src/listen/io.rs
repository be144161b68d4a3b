//! What Pingora asks of a stream, beside reading and writing.

use std::sync::Arc;

use async_trait::async_trait;
use pingora::{
    http::ResponseHeader,
    protocols::{
        ALPN, Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown,
        SocketDigest, Ssl, TimingDigest, UniqueID, raw_connect::ProxyDigest,
    },
};
use tokio::io::AsyncWriteExt;

use super::{Connection, Stream};

/// How Pingora carries our [`Connection`] from the stream to the hooks of an exchange.
///
/// Its place for a CONNECT proxy's data is the one slot that reaches both HTTP/1 and HTTP/2 sessions;
/// a listener's stream never has such a proxy.
#[derive(Clone)]
pub(super) struct Digests {
    carrier: Arc<ProxyDigest>,
    socket: Arc<SocketDigest>,
}

impl Digests {
    pub(super) fn new(
        connection: &Arc<Connection>,
        descriptor: std::os::fd::RawFd,
    ) -> Option<Self> {
        let unused = ResponseHeader::build(200, Some(0)).ok()?;
        let connection: Box<dyn std::any::Any + Send + Sync> = Box::new(Arc::clone(connection));
        Some(Self {
            carrier: Arc::new(ProxyDigest::new(Box::new(unused), Some(connection))),
            socket: Arc::new(SocketDigest::from_raw_fd(descriptor)),
        })
    }
}

impl Connection {
    /// The connection an exchange came in by.
    pub fn of(digest: &Digest) -> Option<&Arc<Self>> {
        digest
            .proxy_digest
            .as_ref()?
            .user_data
            .as_ref()?
            .downcast_ref()
    }
}

impl Stream {
    fn digests(&self) -> Option<&Digests> {
        let make = || Digests::new(self.connection(), self.descriptor());
        self.digests.get_or_init(make).as_ref()
    }
}

#[async_trait]
impl Shutdown for Stream {
    async fn shutdown(&mut self) {
        // A client that is gone cannot be told.
        let _ = AsyncWriteExt::shutdown(self).await;
    }
}

impl UniqueID for Stream {
    fn id(&self) -> i32 {
        self.descriptor()
    }
}

impl Ssl for Stream {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        self.connection
            .tls
            .as_ref()
            .map(|tls| if tls.h2 { ALPN::H2 } else { ALPN::H1 })
    }
}

impl GetTimingDigest for Stream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Stream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        Some(Arc::clone(&self.digests()?.carrier))
    }
}

impl GetSocketDigest for Stream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.digests()?.socket))
    }
}

#[async_trait]
impl Peek for Stream {}
