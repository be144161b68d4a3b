//! A connection to a server for a request that asks for an upgrade.
//!
//! Ours rather than Pingora's for two reasons. Pingora 0.9.1 may read a server's 101 before it has noticed
//! that the request is over, and then takes the end of the request for the end of the tunnel; so nothing
//! is read here until the request is over. And a tunnel has deadlines of its own.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use async_trait::async_trait;
use pingora::{
    connectors::L4Connect,
    protocols::l4::{
        socket::SocketAddr,
        stream::Stream,
        virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream},
    },
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{line::Line, reader::Reader};
use crate::{
    admit::{Asked, Reply, ReplyLimits},
    balance::{Pick, Target},
    config::model::Timeouts,
    forward::ProxyHeader,
    listen::{Connection, Deadline},
    respond::Refusal,
    tls::ServerTls,
};

/// Opens a link for one try. It is never shared: what may become a tunnel is not pooled.
#[derive(Debug)]
pub(super) struct Linker {
    target: Target,
    tls: Option<Arc<ServerTls>>,
    header: Option<ProxyHeader>,
    timeouts: Timeouts,
    limits: ReplyLimits,
    /// The client's; it tells whether the server has agreed to the upgrade.
    connection: Arc<Connection>,
}

impl Linker {
    pub(super) fn new(
        pick: &Pick,
        connection: &Arc<Connection>,
        header: Option<ProxyHeader>,
    ) -> Self {
        Self {
            target: pick.target().clone(),
            tls: pick.server().tls.clone(),
            header,
            timeouts: pick.upstream().timeouts().clone(),
            limits: pick.upstream().limits(),
            connection: Arc::clone(connection),
        }
    }
}

#[async_trait]
impl L4Connect for Linker {
    async fn connect(&self, _: &SocketAddr) -> pingora::Result<Stream> {
        let link = Link {
            line: Line::open(&self.target, self.tls.as_deref(), self.header).await?,
            reader: Reader::new(Reply::new(UPGRADE, self.limits), &self.connection),
            progress: Progress::default(),
            held: None,
            waiting: Deadline::new(self.timeouts.first_byte),
            timeouts: self.timeouts.clone(),
            connection: Arc::clone(&self.connection),
        };
        Ok(VirtualSocketStream::new(Box::new(link)).into())
    }
}

const UPGRADE: Asked = Asked {
    head_alone: false,
    upgrade: true,
};

/// How far the exchange on a link has come.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    #[default]
    Connected,
    /// The head has been flushed.
    HeadSent,
    /// Something was written or flushed after it: Pingora has seen the end of the request, or goes on.
    RequestOver,
    Answered,
}

#[derive(Debug)]
struct Link {
    line: Line,
    /// Lets everything through once the server has agreed.
    reader: Reader,
    progress: Progress,
    /// Who waits to read while nothing may be read yet.
    held: Option<Waker>,
    waiting: Deadline,
    timeouts: Timeouts,
    connection: Arc<Connection>,
}

impl Link {
    fn advance(&mut self, flushed: bool) {
        match self.progress {
            Progress::Connected if flushed => self.progress = Progress::HeadSent,
            Progress::HeadSent => {
                self.progress = Progress::RequestOver;
                if let Some(waker) = self.held.take() {
                    waker.wake();
                }
            }
            _ => {}
        }
    }

    /// How long nothing may move just now.
    fn allowance(&self) -> Duration {
        match self.progress {
            Progress::Answered if self.connection.is_upgraded() => self.timeouts.tunnel,
            Progress::Answered => self.timeouts.idle,
            _ => self.timeouts.first_byte,
        }
    }
}

impl AsyncRead for Link {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.progress < Progress::RequestOver {
            this.held = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let before = buf.filled().len();
        // Pingora reads one byte when nothing is expected, to ask whether the connection may be kept
        // for others. This one may not.
        if buf.capacity() == 1 {
            return Poll::Ready(Ok(()));
        }
        let polled = this.reader.poll_read(Pin::new(&mut this.line), cx, buf);
        if polled.is_pending() {
            this.waiting.allow(this.allowance());
            ready!(this.waiting.poll_expired(cx));
            return Poll::Ready(Err(Refusal::ServerTimeout.into()));
        }
        if buf.filled().len() > before {
            this.progress = Progress::Answered;
            this.waiting.moved(0);
        }
        polled
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.line).poll_write(cx, buf));
        this.waiting.moved(0);
        this.advance(false);
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(Pin::new(&mut this.line).poll_flush(cx));
        this.advance(true);
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}

impl VirtualSocket for Link {
    fn set_socket_option(&self, _: VirtualSockOpt) -> io::Result<()> {
        Ok(()) // a line has what it needs from the start
    }
}
