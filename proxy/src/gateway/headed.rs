//! How Pingora gets a connection with HTTP/2 and without TLS that begins with a PROXY header.

use async_trait::async_trait;
use pingora::{
    connectors::L4Connect,
    protocols::l4::{socket::SocketAddr, stream::Stream},
};

use super::socket::{self, Socket};
use crate::{balance::Target, forward::ProxyHeader};

/// Connects for one try, where no connection is found that was made for the same client.
#[derive(Debug)]
pub(super) struct Headed {
    pub(super) target: Target,
    pub(super) header: ProxyHeader,
}

#[async_trait]
impl L4Connect for Headed {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        Ok(
            match socket::plain(&self.target, Some(self.header)).await? {
                Socket::Tcp(socket) => socket.into(),
                Socket::Unix(socket) => socket.into(),
            },
        )
    }
}
