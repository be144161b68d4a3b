//! Reads the response to one request off a line, and not one byte more.
//!
//! Pingora sees no head that was not found sound, nothing beyond the end of the response, and an error where
//! its framing breaks. Bytes go straight to where Pingora wants them; only a head that comes in pieces is
//! put together here.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{admit::Reply, listen::Connection};

/// Given on at once at most, where what a client does not read must not be much: Pingora has seven such pieces on
/// their way, and each has to be sent in one deadline by HTTP/2. It costs a fifth more for a large body.
pub(super) const SMALL: usize = 16 << 10;
/// As much as Pingora asks for.
pub(super) const LARGE: usize = 64 << 10;
/// Where many answers are under way on one connection.
const TINY: usize = 4 << 10;
/// Read at once of a head that comes in pieces.
const PIECE: usize = 4 << 10;

#[derive(Debug)]
pub(super) struct Reader {
    reply: Reply,
    portion: usize,
    /// What was read and not given on. At its front what may be given on, then a head that is not whole.
    inbox: BytesMut,
    cleared: usize,
    has_surplus: bool,
}

impl Reader {
    pub(super) fn new(reply: Reply, client: &Connection) -> Self {
        let is_small = client.speaks_h2() || client.listener.pressure.is_strained();
        let portion = match is_small {
            _ if client.is_crowded() => TINY,
            true => SMALL,
            false => LARGE,
        };
        Self::in_portions(reply, portion)
    }

    pub(super) fn in_portions(reply: Reply, portion: usize) -> Self {
        Self {
            reply,
            portion,
            inbox: BytesMut::new(),
            cleared: 0,
            has_surplus: false,
        }
    }

    /// Given on at once at most.
    pub(super) fn portion(&self) -> usize {
        self.portion
    }

    /// Whether the response has been read to its end.
    pub(super) fn is_over(&self) -> bool {
        self.reply.is_over() && self.cleared == 0
    }

    /// What has been found out about the response.
    pub(super) fn reply(&self) -> &Reply {
        &self.reply
    }

    /// Whether the server said more than that.
    pub(super) fn has_surplus(&self) -> bool {
        self.has_surplus
    }

    /// Looks whether the server goes on after the end. Pending if it is quiet, as it should be.
    pub(super) fn poll_surplus(
        &mut self,
        line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        let polled = line.poll_read(cx, &mut room);
        self.has_surplus |= !room.filled().is_empty();
        polled.map(drop)
    }

    /// Reads on; nothing is read at the end of the response, or where the server closes before it.
    pub(super) fn poll_read(
        &mut self,
        mut line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if self.cleared > 0 {
                self.give_on(buf);
                return Poll::Ready(Ok(()));
            }
            if self.reply.is_over() {
                return Poll::Ready(Ok(()));
            }
            let read = if self.inbox.is_empty() {
                ready!(self.poll_straight(line.as_mut(), cx, buf))?
            } else {
                ready!(self.poll_piece(line.as_mut(), cx))?
            };
            if read == Read::Enough {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_straight(
        &mut self,
        line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Read>> {
        let before = buf.filled().len();
        ready!(poll_portion(self.portion, line, cx, buf))?;
        let new = buf.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            return Poll::Ready(Ok(Read::Enough));
        }
        let passed = match self.reply.pass(new) {
            Ok(passed) => passed,
            Err(refusal) => {
                buf.set_filled(before);
                return Poll::Ready(Err(refusal.into()));
            }
        };
        if let Some(rest @ [_, ..]) = new.get(passed..) {
            if self.reply.is_over() {
                self.has_surplus = true;
            } else {
                self.inbox.extend_from_slice(rest);
            }
            buf.set_filled(before + passed);
        }
        Poll::Ready(Ok(if passed > 0 { Read::Enough } else { Read::Part }))
    }

    fn poll_piece(
        &mut self,
        line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Read>> {
        let before = self.inbox.len();
        self.inbox.resize(before + PIECE, 0);
        let mut room = ReadBuf::new(self.inbox.get_mut(before..).unwrap_or_default());
        let polled = line.poll_read(cx, &mut room);
        let read = room.filled().len();
        self.inbox.truncate(before + read);
        ready!(polled)?;
        if read == 0 {
            return Poll::Ready(Ok(Read::Enough));
        }
        self.cleared = self.reply.pass(&self.inbox)?;
        if self.reply.is_over() && self.cleared < self.inbox.len() {
            self.has_surplus = true;
            self.inbox.truncate(self.cleared);
        }
        Poll::Ready(Ok(Read::Part))
    }

    fn give_on(&mut self, buf: &mut ReadBuf<'_>) {
        let length = self.cleared.min(buf.remaining());
        buf.put_slice(self.inbox.get(..length).unwrap_or_default());
        self.inbox.advance(length);
        self.cleared -= length;
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
    }
}

/// Reads so much at most.
fn poll_portion(
    most: usize,
    line: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    if buf.remaining() <= most {
        return line.poll_read(cx, buf);
    }
    let mut portion = ReadBuf::new(buf.initialize_unfilled_to(most));
    ready!(line.poll_read(cx, &mut portion))?;
    let read = portion.filled().len();
    buf.advance(read);
    Poll::Ready(Ok(()))
}

/// What came of one read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Read {
    /// There is something to give on, or nothing will come.
    Enough,
    /// There may be more to be had at once.
    Part,
}

#[cfg(test)]
mod tests;
