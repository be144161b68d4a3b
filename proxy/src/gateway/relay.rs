//! How Pingora gets a connection with TLS and HTTP/2.
//!
//! Many exchanges share one, and Pingora must know it again. So it gets one end of a pair of sockets, and a
//! task carries bytes between the other end and the server.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pingora::{
    Error, ErrorType,
    connectors::L4Connect,
    protocols::l4::{socket::SocketAddr, stream::Stream},
};
use tokio::{
    io::{AsyncWriteExt, copy, split},
    net::UnixStream,
    time,
};
use tokio_rustls::client::TlsStream;

use super::{
    impatient::Impatient,
    socket::{self, Socket},
};
use crate::{
    balance::{Pick, Target},
    forward::ProxyHeader,
    tls::{self, ServerTls},
};

/// How long the goodbye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connects for one try, where no connection is found that could be shared.
#[derive(Debug)]
pub(super) struct Relay {
    tls: Arc<ServerTls>,
    target: Target,
    header: Option<ProxyHeader>,
    /// How long the server may take nothing of what is written to it.
    idle: Duration,
    /// Names of upstream and server, for the log.
    names: (Arc<str>, Arc<str>),
}

impl Relay {
    pub(super) fn new(pick: &Pick, tls: &Arc<ServerTls>, header: Option<ProxyHeader>) -> Self {
        Self {
            tls: Arc::clone(tls),
            target: pick.target().clone(),
            header,
            idle: pick.upstream().timeouts().idle,
            names: (
                Arc::clone(pick.upstream().name()),
                Arc::clone(&pick.server().label),
            ),
        }
    }
}

#[async_trait]
impl L4Connect for Relay {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        let connection =
            socket::secure_within(&self.target, &self.tls, self.header, self.idle).await?;
        let (ours, pingoras) = UnixStream::pair()
            .map_err(|error| Error::because(ErrorType::ConnectError, "a pair of sockets", error))?;
        let (tls, names) = (Arc::clone(&self.tls), self.names.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(connection, ours).await
                && let Some(reason) = tls::reason(&error).or_else(|| has_stalled(&error))
                && tls.may_complain(Instant::now())
            {
                let (upstream, server) = names;
                tracing::warn!(%upstream, %server, %reason, "a connection with TLS broke off");
            }
        });
        Ok(pingoras.into())
    }
}

fn has_stalled(error: &io::Error) -> Option<String> {
    (error.kind() == io::ErrorKind::TimedOut).then(|| error.to_string())
}

/// Carries bytes both ways until one side ends, as HTTP/2 has no half-closed connections, or until the server
/// takes nothing more.
async fn carry(connection: Box<TlsStream<Impatient<Socket>>>, ours: UnixStream) -> io::Result<u64> {
    let (mut from_server, mut to_server) = split(connection);
    let (mut from_us, mut to_us) = ours.into_split();
    let ended = tokio::select! {
        ended = copy(&mut from_server, &mut to_us) => ended,
        ended = copy(&mut from_us, &mut to_server) => ended,
    };
    // A server that is gone needs no goodbye.
    let _ = time::timeout(GOODBYE, to_server.shutdown()).await;
    ended
}
