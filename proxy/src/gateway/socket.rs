//! A connection to a server that we make ourselves, with TLS or without.

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pingora::{Error, ErrorType};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::client::TlsStream;

use super::impatient::Impatient;
use crate::{balance::Target, tls::ServerTls};

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// What is said to a server, and heard from it.
#[derive(Debug)]
pub(super) enum Line {
    Plain(Socket),
    Secure(Box<TlsStream<Socket>>),
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
        match self {
            Self::Tcp(socket) => socket.as_raw_fd(),
            Self::Unix(socket) => socket.as_raw_fd(),
        }
    }
}

impl Line {
    /// Connects, and shakes hands if the server has TLS.
    pub(super) async fn open(target: &Target, tls: Option<&ServerTls>) -> pingora::Result<Self> {
        match tls {
            Some(tls) => secure(target, tls).await.map(Self::Secure),
            None => plain(target).await.map(Self::Plain),
        }
    }
}

/// A connection on which hands have been shaken.
pub(super) async fn secure(
    target: &Target,
    tls: &ServerTls,
) -> pingora::Result<Box<TlsStream<Socket>>> {
    shake_hands(plain(target).await?, tls).await
}

/// As [`secure`], where no write may stand still for longer than `limit`.
pub(super) async fn secure_within(
    target: &Target,
    tls: &ServerTls,
    limit: Duration,
) -> pingora::Result<Box<TlsStream<Impatient<Socket>>>> {
    let socket = plain(target).await?;
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

async fn plain(target: &Target) -> pingora::Result<Socket> {
    Socket::connect(target)
        .await
        .map_err(|error| Error::because(ErrorType::ConnectError, "to a server", error))
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

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
