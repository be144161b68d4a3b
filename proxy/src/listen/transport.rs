//! The socket under a stream, with or without TLS.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, RawFd},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};

use super::{descriptor, secure::Secure};

/// How long a connection that is closed on a talking client is still tended, and as long again, so many times at most, as
/// what was sent still arrives; and how much is read from it.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_AGAIN: usize = 30;
const LINGER_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<Secure>),
}

impl Transport {
    pub(super) fn descriptor(&self) -> RawFd {
        self.socket().as_raw_fd()
    }

    /// Bytes that the kernel holds, since the client has not acknowledged them.
    pub(super) fn unsent(&self) -> usize {
        descriptor::unsent(self.socket().as_fd())
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.socket(),
        }
    }

    /// Closes in good manner without waiting: a client on TLS is told that nothing was cut off.
    pub(super) fn close(mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        // What cannot be written at once to a client that is leaving is not worth waiting for.
        let _ = Pin::new(&mut self).poll_shutdown(&mut cx);
    }

    /// Sends the rest, closes our half and reads on for a while, so that the client gets to see it all.
    ///
    /// Closing a socket with unread bytes resets it, and the reset may overtake the answer
    /// (RFC 9112 section 9.6; nginx's `lingering_close`).
    pub(super) async fn linger(mut self, rest: Bytes) {
        let Ok(socket) = self.socket().as_fd().try_clone_to_owned() else {
            return self.close();
        };
        let mut farewell = pin!(async {
            self.write_all(&rest).await?;
            self.shutdown().await?;
            let mut scrap = [0; 4096];
            let mut left = LINGER_BYTES;
            while left > 0 {
                match self.read(&mut scrap).await? {
                    0 => break,
                    read => left = left.saturating_sub(read),
                }
            }
            Ok::<_, io::Error>(())
        });
        let mut unsent = usize::MAX;
        for _ in 0..LINGER_AGAIN {
            if tokio::time::timeout(LINGER, &mut farewell).await.is_ok() {
                return;
            }
            // A client that reads slowly may say nothing for long.
            let before = unsent;
            unsent = descriptor::unsent(socket.as_fd());
            if unsent == 0 || unsent >= before {
                return;
            }
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
