//! How Pingora gets a connection with HTTP/2 that is more than a socket: one with TLS, or with a PROXY header.
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
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split},
    net::UnixStream,
    time,
};

use super::{impatient::Impatient, socket};
use crate::{
    balance::{Pick, Target},
    forward::ProxyHeader,
    listen::{Connection, Departure},
    tls::{self, ServerTls},
};

/// How long the goodbye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connects for one try, where no connection is found that could be shared.
#[derive(Debug)]
pub(super) struct Relay {
    tls: Option<Arc<ServerTls>>,
    target: Target,
    /// Where the server is told of the client: in what words, and how long it is of use.
    client: Option<(ProxyHeader, Departure)>,
    /// How long the server may take nothing of what is written to it.
    idle: Duration,
    /// Names of upstream and server, for the log.
    names: (Arc<str>, Arc<str>),
}

impl Relay {
    /// With a header, the connection is for that client alone, and ends when `client` does.
    pub(super) fn new(pick: &Pick, header: Option<ProxyHeader>, client: &Connection) -> Self {
        Self {
            tls: pick.server().tls.clone(),
            target: pick.target().clone(),
            client: header.map(|header| (header, client.departure())),
            idle: pick.upstream().timeouts().idle,
            names: (
                Arc::clone(pick.upstream().name()),
                Arc::clone(&pick.server().label),
            ),
        }
    }

    fn carry_on(&self, connection: impl Carrier, ours: UnixStream) {
        let departure = self.client.as_ref().map(|(_, departure)| departure.clone());
        let (tls, names) = (self.tls.clone(), self.names.clone());
        tokio::spawn(async move {
            if let Err(error) = carry(connection, ours, departure).await
                && let Some(reason) = tls::reason(&error).or_else(|| has_stalled(&error))
                && tls.is_some_and(|tls| tls.may_complain(Instant::now()))
            {
                let (upstream, server) = names;
                tracing::warn!(%upstream, %server, %reason, "a connection with TLS broke off");
            }
        });
    }
}

#[async_trait]
impl L4Connect for Relay {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        let header = self.client.as_ref().map(|(header, _)| *header);
        let (ours, pingoras) = UnixStream::pair()
            .map_err(|error| Error::because(ErrorType::ConnectError, "a pair of sockets", error))?;
        if let Some(tls) = &self.tls {
            let connection = socket::secure_within(&self.target, tls, header, self.idle).await?;
            self.carry_on(connection, ours);
        } else {
            let socket = socket::plain(&self.target, header).await?;
            self.carry_on(Impatient::new(socket, self.idle), ours);
        }
        Ok(pingoras.into())
    }
}

trait Carrier: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin + 'static> Carrier for C {}

fn has_stalled(error: &io::Error) -> Option<String> {
    (error.kind() == io::ErrorKind::TimedOut).then(|| error.to_string())
}

/// Carries bytes both ways until one side ends, as HTTP/2 has no half-closed connections, until the server
/// takes nothing more, or until the client has left whom alone they could be for.
async fn carry(
    connection: impl Carrier,
    ours: UnixStream,
    departure: Option<Departure>,
) -> io::Result<()> {
    let (mut from_server, mut to_server) = split(connection);
    let (mut from_us, mut to_us) = ours.into_split();
    let has_left = async {
        match departure {
            Some(departure) => departure.await_it().await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = copy(&mut from_server, &mut to_us) => ended.map(drop),
        ended = copy(&mut from_us, &mut to_server) => ended.map(drop),
        () = has_left => Ok(()),
    };
    // A server that is gone needs no goodbye.
    let _ = time::timeout(GOODBYE, to_server.shutdown()).await;
    ended
}
