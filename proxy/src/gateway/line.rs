//! A connection to a server that we make ourselves, with TLS or without.

use std::{
    future::{Future, poll_fn},
    io,
    os::fd::{AsFd, BorrowedFd, RawFd},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    task::unconstrained,
    time::Instant,
};
use tokio_rustls::client::TlsStream;

use super::socket::{self, Socket};
use crate::{balance::Target, forward::ProxyHeader, tls::ServerTls};

/// What is said to a server, and heard from it.
#[derive(Debug)]
pub(super) struct Line {
    way: Way,
    opened: Instant,
}

#[derive(Debug)]
enum Way {
    Plain(Socket),
    Secure(Box<TlsStream<Socket>>),
}

/// What a server does on a line on which nothing is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Quiet,
    /// It has closed the line, or the line has broken.
    Gone,
    /// It speaks without having been asked.
    Talking,
}

impl Line {
    /// Connects, says for whom if the server wants to know, and shakes hands if it has TLS.
    pub(super) async fn open(
        target: &Target,
        tls: Option<&ServerTls>,
        header: Option<ProxyHeader>,
    ) -> pingora::Result<Self> {
        match tls {
            Some(tls) => socket::secure(target, tls, header).await.map(Self::secure),
            None => socket::plain(target, header).await.map(Self::plain),
        }
    }

    pub(super) fn plain(socket: Socket) -> Self {
        Self {
            way: Way::Plain(socket),
            opened: Instant::now(),
        }
    }

    pub(super) fn secure(stream: Box<TlsStream<Socket>>) -> Self {
        Self {
            way: Way::Secure(stream),
            opened: Instant::now(),
        }
    }

    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.socket().descriptor()
    }

    fn socket(&self) -> &Socket {
        match &self.way {
            Way::Plain(socket) => socket,
            Way::Secure(stream) => stream.get_ref().0,
        }
    }

    /// Looks at what the server does, without waiting. The system itself is asked: what the runtime knows may
    /// be a moment old, and a request that must not be sent twice is not to meet a connection that has ended.
    /// (What a record of TLS says is told by the runtime alone.)
    pub(super) fn look(&mut self) -> Manner {
        match self.peek() {
            Manner::Talking => {}
            manner => return manner,
        }
        match self.way {
            Way::Plain(_) => Manner::Talking,
            // What has come may be session tickets, which are not for us but for TLS.
            Way::Secure(_) => self.look_inside(),
        }
    }

    /// Looks at what TLS has unpacked and nobody has read: of that the system knows no more.
    pub(super) fn look_inside(&mut self) -> Manner {
        let Way::Secure(stream) = &mut self.way else {
            return Manner::Quiet;
        };
        match read_now(stream) {
            Poll::Pending => Manner::Quiet,
            Poll::Ready(Ok(1..)) => Manner::Talking,
            Poll::Ready(Ok(0) | Err(_)) => Manner::Gone,
        }
    }

    /// Whether there may be something to look at. Costs less than a look, and may miss what is only just there.
    pub(super) fn may_have_stirred(&self) -> bool {
        self.socket().is_readable()
    }

    fn peek(&self) -> Manner {
        let mut byte = [0_u8];
        match recv(
            self.socket(),
            &mut byte,
            RecvFlags::PEEK | RecvFlags::DONTWAIT,
        ) {
            Ok((_, 1..)) => Manner::Talking,
            Err(Errno::AGAIN) => Manner::Quiet,
            Ok(_) | Err(_) => Manner::Gone,
        }
    }

    /// Closes with a goodbye, where TLS has one. It is not waited for: a server that takes nothing just now
    /// is owed none.
    pub(super) fn part(self) {
        if let Way::Secure(mut stream) = self.way {
            let goodbye = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx));
            let _ = now(goodbye);
        }
    }
}

fn read_now(stream: &mut TlsStream<Socket>) -> Poll<io::Result<usize>> {
    let mut byte = [0];
    now(poll_fn(|cx| {
        let mut room = ReadBuf::new(&mut byte);
        let polled = Pin::new(&mut *stream).poll_read(cx, &mut room);
        polled.map_ok(|()| room.filled().len())
    }))
}

/// What can be had of a future without waiting. Tokio would hold back from a task that has done much what is there.
fn now<F: Future>(future: F) -> Poll<F::Output> {
    pin!(unconstrained(future)).poll(&mut Context::from_waker(Waker::noop()))
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket().as_fd()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Way::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Way::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().way {
            Way::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Way::Secure(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Way::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().way {
            Way::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Way::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
