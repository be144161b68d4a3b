//! Small writes wait for company, so that a chunk leaves with its size before it and its line end after it.
//!
//! Pingora writes the three together where it knows how, which with a connection of ours it does not.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

/// Bytes of a write that waits: as long as a chunk's size with its line end can be. A request's head is longer.
const SMALL: usize = 24;
/// Bytes that are copied, so as to leave with what waits. More are cheaper sent from where they are.
const ALONG: usize = 16 << 10;

/// What was written and waits. It leaves before anything else does, when there is a flush, and when the server is
/// waited for.
#[derive(Debug, Default)]
pub(super) struct Outbox(BytesMut);

impl Outbox {
    pub(super) fn poll_write(
        &mut self,
        mut line: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.0.is_empty() && buf.len() > SMALL {
            return line.poll_write(cx, buf);
        }
        if self.0.len() + buf.len() <= ALONG {
            self.0.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        loop {
            let parts = [IoSlice::new(&self.0), IoSlice::new(buf)];
            let written = ready!(line.as_mut().poll_write_vectored(cx, &parts))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let waiting = written.min(self.0.len());
            self.0.advance(waiting);
            if written > waiting {
                return Poll::Ready(Ok(written - waiting));
            }
        }
    }

    /// Writes out all that waits.
    pub(super) fn poll_write_out(
        &mut self,
        mut line: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.0.is_empty() {
            match ready!(line.as_mut().poll_write(cx, &self.0))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.0.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Takes so many bytes of each write, and notes how many writes there were.
    struct Narrow {
        most: usize,
        writes: usize,
        seen: Vec<u8>,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(cx, &[IoSlice::new(buf)])
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let this = self.get_mut();
            let before = this.seen.len();
            let all = bufs.iter().flat_map(|buf| buf.iter());
            this.seen.extend(all.take(this.most));
            this.writes += 1;
            Poll::Ready(Ok(this.seen.len() - before))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Writes the pieces as Pingora does, and returns what came of it.
    fn write(pieces: &[&[u8]], most: usize) -> Narrow {
        let mut line = Narrow {
            most,
            writes: 0,
            seen: Vec::new(),
        };
        let mut outbox = Outbox::default();
        let mut nobody = Context::from_waker(Waker::noop());
        for piece in pieces {
            let mut left = *piece;
            while !left.is_empty() {
                match outbox.poll_write(Pin::new(&mut line), &mut nobody, left) {
                    Poll::Ready(Ok(written)) => left = &left[written..],
                    other => panic!("{other:?}"),
                }
            }
        }
        let out = outbox.poll_write_out(Pin::new(&mut line), &mut nobody);
        assert!(matches!(out, Poll::Ready(Ok(()))));
        line
    }

    #[test]
    fn what_is_written_leaves_in_order_and_a_chunk_in_few_writes() {
        let head = [b'h'; 200];
        for (size, writes) in [(1, 1), (100, 1), (ALONG - 9, 1), (ALONG, 2), (100_000, 2)] {
            let data = vec![b'd'; size];
            let line_of_size = format!("{size:X}\r\n");
            let chunk: [&[u8]; 3] = [line_of_size.as_bytes(), &data, b"\r\n"];
            let line = write(&chunk, usize::MAX);
            assert_eq!(line.seen, chunk.concat());
            assert_eq!(line.writes, writes, "{size}");
            for most in [1, 7, 1000] {
                assert_eq!(write(&chunk, most).seen, chunk.concat());
            }
        }
        assert_eq!(write(&[&head], usize::MAX).writes, 1);
    }
}
