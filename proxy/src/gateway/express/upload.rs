//! A request on its way to a server: its head, and as much of its body as has come.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::wire;
use crate::admit::Framing;

/// So much of a body is kept for another server at most, as in the other lane.
const KEPT: usize = 64 << 10;

/// Of one exchange, through all of its tries.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by name"
)]
#[derive(Debug)]
pub(super) struct Upload {
    framing: Framing,
    /// What waits to be written.
    out: BytesMut,
    /// The body so far, as long as it can be sent again.
    kept: BytesMut,
    is_kept: bool,
    /// Nothing comes after what is here.
    is_over: bool,
    is_flushed: bool,
    /// The server takes no more.
    has_failed: bool,
}

impl Upload {
    pub(super) fn new(framing: Framing) -> Self {
        Self {
            framing,
            out: BytesMut::new(),
            kept: BytesMut::new(),
            is_kept: true,
            is_over: framing == Framing::None,
            is_flushed: true,
            has_failed: false,
        }
    }

    /// Begins a try with this head, and with all of the body that was there for the try before. Gives the bytes of that body.
    pub(super) fn begin(&mut self, head: BytesMut) -> usize {
        self.out = head;
        self.has_failed = false;
        self.is_flushed = false;
        let kept = std::mem::take(&mut self.kept);
        self.frame(&kept);
        self.kept = kept;
        if self.is_over {
            self.frame_end();
        }
        self.kept.len()
    }

    /// Adds what comes next of the body; nothing at its end.
    pub(super) fn add(&mut self, piece: Option<&[u8]>) {
        self.is_flushed = false;
        let Some(piece) = piece else {
            self.is_over = true;
            return self.frame_end();
        };
        if self.is_kept && self.kept.len() + piece.len() <= KEPT {
            self.kept.extend_from_slice(piece);
        } else {
            self.is_kept = false;
            self.kept = BytesMut::new();
        }
        self.frame(piece);
    }

    fn frame(&mut self, piece: &[u8]) {
        if self.framing != Framing::Chunked {
            return self.out.extend_from_slice(piece);
        }
        if !piece.is_empty() {
            wire::chunk_size(&mut self.out, piece.len());
            self.out.extend_from_slice(piece);
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn frame_end(&mut self) {
        if self.framing == Framing::Chunked {
            self.out.extend_from_slice(wire::LAST_CHUNK);
        }
    }

    /// Whether nothing comes after what is here.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether all that was sent of the body can be sent again.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Whether there is something that the server has not taken, though it may be in the hands of TLS.
    pub(super) fn is_stuck(&self) -> bool {
        !self.out.is_empty() || !self.is_flushed
    }

    /// Whether the server has taken all of the request.
    pub(super) fn is_done(&self) -> bool {
        self.is_over && !self.is_stuck() && !self.has_failed
    }

    /// Ready when all that is here has been written, with how much that was. A server that takes no more may have its reasons, and
    /// say them: so that is no error.
    pub(super) fn poll_write(
        &mut self,
        mut line: Pin<&mut impl AsyncWrite>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while !self.out.is_empty() {
            match ready!(line.as_mut().poll_write(cx, &self.out)) {
                Ok(written @ 1..) => self.out.advance(written),
                Ok(0) | Err(_) => self.fail(),
            }
        }
        if !self.is_flushed {
            let flushed: io::Result<()> = ready!(line.poll_flush(cx));
            self.is_flushed = true;
            if flushed.is_err() {
                self.fail();
            }
        }
        Poll::Ready(())
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.out.clear();
        self.is_flushed = true;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Bytes that wait.
    pub(super) fn waiting(&self) -> usize {
        self.out.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> BytesMut {
        BytesMut::from(&b"HEAD\r\n\r\n"[..])
    }

    #[test]
    fn a_body_goes_to_the_next_server_as_it_went_to_the_first() {
        for (framing, sent) in [
            (Framing::Length(5), &b"HEAD\r\n\r\nab"[..]),
            (Framing::Chunked, b"HEAD\r\n\r\n1\r\na\r\n1\r\nb\r\n"),
        ] {
            let mut upload = Upload::new(framing);
            assert_eq!(upload.begin(head()), 0);
            upload.add(Some(b"a"));
            upload.add(Some(b"b"));
            assert_eq!(upload.out, sent);
            assert_eq!(upload.begin(head()), 2);
            upload.add(Some(b"cde"));
            upload.add(None);
            assert!(upload.is_kept() && !upload.is_done());
            let whole: &[u8] = match framing {
                Framing::Chunked => b"HEAD\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n",
                _ => b"HEAD\r\n\r\nabcde",
            };
            assert_eq!(upload.out, whole);
            assert_eq!(upload.begin(head()), 5);
            assert!(upload.out.ends_with(if framing == Framing::Chunked {
                b"5\r\nabcde\r\n0\r\n\r\n"
            } else {
                b"abcde"
            }));
        }
    }

    #[test]
    fn a_body_that_is_too_long_is_not_kept() {
        let mut upload = Upload::new(Framing::Length(1 << 20));
        upload.begin(head());
        for _ in 0..16 {
            upload.add(Some(&[0; 4096]));
            assert!(upload.is_kept());
        }
        upload.add(Some(b"x"));
        assert!(!upload.is_kept());
        upload.add(Some(b"x"));
        assert!(!upload.is_kept());
    }
}
