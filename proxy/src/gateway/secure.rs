//! How Pingora gets a connection with TLS for one try.
//!
//! With HTTP/1.1 it borrows one: when the exchange is over, it goes back to the spares and not into
//! Pingora's pool. With HTTP/2, where many exchanges share a connection and Pingora must know it again, it
//! gets one end of a pair of sockets, and a task carries bytes between the other end and the server.

use std::{
    io,
    os::fd::RawFd,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI32, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use pingora::{
    Error, ErrorType,
    connectors::L4Connect,
    protocols::l4::{
        socket::SocketAddr,
        stream::Stream,
        virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf, copy, split},
    net::UnixStream,
    time,
};
use tokio_rustls::client::TlsStream;

use super::{
    impatient::Impatient,
    socket::{self, Socket},
    spare::{GOODBYE, Secured, Spares, Whom},
};
use crate::{
    balance::{Pick, Target},
    tls::{self, ServerTls},
};

/// Connects for one try.
#[derive(Debug)]
pub(super) struct Connector {
    tls: Arc<ServerTls>,
    target: Target,
    keepalive: Duration,
    /// How long a server with HTTP/2 may take nothing of what is written to it.
    idle: Duration,
    spares: Arc<Spares>,
    /// No spare will do, and none is to come of it.
    anew: bool,
    has_lent_spare: AtomicBool,
    /// Names of upstream and server, for the log.
    names: Names,
    /// Of the connection that was found or made; -1 before.
    descriptor: AtomicI32,
}

type Names = (Arc<str>, Arc<str>);

impl Connector {
    pub(super) fn new(pick: &Pick, tls: &Arc<ServerTls>, spares: &Arc<Spares>, anew: bool) -> Self {
        Self {
            tls: Arc::clone(tls),
            target: pick.target().clone(),
            keepalive: pick.upstream().timeouts().keepalive,
            idle: pick.upstream().timeouts().idle,
            spares: Arc::clone(spares),
            anew,
            has_lent_spare: AtomicBool::new(false),
            names: (
                Arc::clone(pick.upstream().name()),
                Arc::clone(&pick.server().label),
            ),
            descriptor: AtomicI32::new(-1),
        }
    }

    /// The socket of the connection, which Pingora cannot show. Negative as long as there is none.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor.load(Relaxed)
    }

    /// Whether the connection had waited for this request.
    pub(super) fn has_lent_spare(&self) -> bool {
        self.has_lent_spare.load(Relaxed)
    }

    async fn lend(&self) -> pingora::Result<Stream> {
        let whom: Whom = (self.tls.number(), self.target.clone());
        let spare = if self.anew {
            None
        } else {
            self.spares.take(&whom).await
        };
        self.has_lent_spare.store(spare.is_some(), Relaxed);
        let connection = match spare {
            Some(spare) => spare,
            None => socket::secure(&self.target, &self.tls).await?,
        };
        let descriptor = connection.get_ref().0.descriptor();
        self.descriptor.store(descriptor, Relaxed);
        let loan = Loan {
            connection: Some(connection),
            is_over: false,
            whom: (!self.anew).then_some(whom),
            keepalive: self.keepalive,
            spares: Arc::clone(&self.spares),
        };
        Ok(VirtualSocketStream::new(Box::new(loan)).into())
    }

    async fn relay(&self) -> pingora::Result<Stream> {
        let connection = socket::secure_within(&self.target, &self.tls, self.idle).await?;
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

#[async_trait]
impl L4Connect for Connector {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        if self.tls.speaks_h2() {
            self.relay().await
        } else {
            self.lend().await
        }
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

/// A connection for the time of one exchange.
#[derive(Debug)]
struct Loan {
    /// There until it is dropped.
    connection: Option<Secured>,
    /// The response has ended, and nothing speaks against another request.
    is_over: bool,
    /// For whom it is kept when all is over; nobody if it is not to be.
    whom: Option<Whom>,
    keepalive: Duration,
    spares: Arc<Spares>,
}

impl Loan {
    fn connection(self: Pin<&mut Self>) -> io::Result<Pin<&mut Secured>> {
        let connection = self.get_mut().connection.as_mut();
        connection
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let (true, Some(connection), Some(whom)) =
            (self.is_over, self.connection.take(), self.whom.take())
        {
            self.spares.keep(whom, connection, self.keepalive);
        }
    }
}

impl AsyncRead for Loan {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = self.as_mut().connection()?.poll_read(cx, buf);
        // With room for one byte, and never else, Pingora asks whether a connection may be kept that has
        // done its work. It takes the answer for a close, drops the loan, and that gives it back.
        if polled.is_pending() && buf.capacity() == 1 {
            self.get_mut().is_over = true;
            return Poll::Ready(Ok(()));
        }
        polled
    }
}

impl AsyncWrite for Loan {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.connection()?.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.connection()?.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection()?.poll_shutdown(cx)
    }
}

impl VirtualSocket for Loan {
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(()) // a connection has what it needs from the start
    }
}
