//! Connecting to a server, and shaking hands with it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use pingora::{Error, ErrorType};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

use super::impatient::Impatient;
use crate::{balance::Target, forward::ProxyHeader, tls::ServerTls};

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    async fn connect(target: &Target) -> io::Result<Self> {
        match target {
            Target::Socket(address) => {
                let socket = TcpStream::connect(address).await?;
                socket.set_nodelay(true)?;
                Ok(Self::Tcp(socket))
            }
            Target::Unix(path) => UnixStream::connect(path).await.map(Self::Unix),
        }
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }

    /// Whether the runtime has seen something come in, the end included. May be so after it has been read.
    pub(super) fn is_readable(&self) -> bool {
        let mut nobody = Context::from_waker(Waker::noop());
        let polled = match self {
            Self::Tcp(socket) => socket.poll_read_ready(&mut nobody),
            Self::Unix(socket) => socket.poll_read_ready(&mut nobody),
        };
        polled.is_ready()
    }
}

/// A connection on which hands have been shaken.
pub(super) async fn secure(
    target: &Target,
    tls: &ServerTls,
    header: Option<ProxyHeader>,
) -> pingora::Result<Box<TlsStream<Socket>>> {
    shake_hands(plain(target, header).await?, tls).await
}

/// As [`secure`], where no write may stand still for longer than `limit`.
pub(super) async fn secure_within(
    target: &Target,
    tls: &ServerTls,
    header: Option<ProxyHeader>,
    limit: Duration,
) -> pingora::Result<Box<TlsStream<Impatient<Socket>>>> {
    let socket = plain(target, header).await?;
    shake_hands(Impatient::new(socket, limit), tls).await
}

async fn shake_hands<S>(stream: S, tls: &ServerTls) -> pingora::Result<Box<TlsStream<S>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shaken = tls.shake_hands(stream).await;
    shaken
        .map(Box::new)
        .map_err(|error| Error::because(ErrorType::TLSHandshakeFailure, "with a server", error))
}

/// A connection on which nothing has been said but, where there is one, the header.
pub(super) async fn plain(target: &Target, header: Option<ProxyHeader>) -> pingora::Result<Socket> {
    let connecting = async {
        let mut socket = Socket::connect(target).await?;
        if let Some(header) = header {
            // A new socket has room for all of it, so it leaves in one piece.
            socket.write_all(&header.to_bytes()).await?;
        }
        Ok(socket)
    };
    let connected: io::Result<_> = connecting.await;
    connected.map_err(|error| Error::because(ErrorType::ConnectError, "to a server", error))
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
            Self::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
