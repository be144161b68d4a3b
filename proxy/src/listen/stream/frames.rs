//! A stream that carries frames of HTTP/2: it meters them in both directions, and ends with a goodbye.
//!
//! # What one connection can hold
//!
//! With `streams` S (100) and `header_size` H (64 KiB), at one time:
//!
//! * headers of requests under way: 32 H, whatever HPACK makes of few bytes (`Connection::carry`), and while
//!   a refusal waits for its window no more than 4 KiB for each stream; 80 KiB of a block that comes in;
//! * HPACK's table, 4 KiB in entries that keep the frames alive which they came in: 2 MiB;
//! * bodies: the window of the connection (4 MiB) from the client; to the client 64 KiB for each stream in
//!   `h2`, and four pieces of 64 KiB for each stream between server and client, 32 MiB in all where all wait;
//! * for each stream 64 KiB of the request's body, kept for a second try;
//! * streams that were reset and are remembered for a second: 50, of a few hundred bytes; resets that no
//!   lane has seen yet: as many as the allowance of resets, twice S.
//!
//! That is 48 MiB for a client that fills everything, and all of it ends by a deadline: a stream whose
//! window does not open by `write_idle_timeout`, one whose body does not come by `body_idle_timeout`.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, time::Instant};

use super::{Deadline, Gate, Stream};
use crate::{
    admit::{Flood, FrameMeter, Offence},
    listen::Listener,
};

/// The gate of HTTP/2: lets everything pass, and knows when it is too much.
#[derive(Debug)]
pub struct Frames {
    meter: FrameMeter,
    /// By when what has begun must end: a header block, or a frame that is not a body's.
    owing: Deadline,
    /// Which one that is.
    owed: Option<u64>,
    /// The client has been told why its connection ends.
    is_over: bool,
}

impl Frames {
    pub(super) fn new(listener: &Listener) -> Self {
        let limits = &listener.settings.limits;
        Self {
            meter: FrameMeter::new(limits),
            owing: Deadline::new(limits.header_timeout),
            owed: None,
            is_over: false,
        }
    }

    fn accept(&mut self, bytes: &[u8]) -> Result<(), Offence> {
        self.meter.accept(bytes, Instant::now().into_std())
    }

    /// Ready once the client has owed the same thing for too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let owed = self.meter.owes();
        if owed != self.owed {
            self.owed = owed;
            self.owing.moved();
        }
        match owed {
            Some(_) => self.owing.poll_expired(cx),
            None => Poll::Pending,
        }
    }
}

impl Stream {
    /// From now on this is a connection of HTTP/2, from the first byte of its preface.
    pub(super) fn meter_frames(&mut self) {
        self.gate = Gate::Frames(Box::new(Frames::new(&self.connection.listener)));
    }

    pub(super) fn poll_frames(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = self.poll_open(cx, buf);
        let Gate::Frames(frames) = &mut self.gate else {
            return polled;
        };
        let verdict = match polled {
            Poll::Ready(Ok(())) => frames.accept(buf.filled().get(before..).unwrap_or_default()),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(frames.poll_overdue(cx));
                Err(Flood::HeaderBlockTimeout.into())
            }
        };
        Poll::Ready(verdict.map_err(|offence| self.end_for(offence)))
    }

    /// Follows what the lane has written.
    pub(super) fn meter_written(&mut self, bytes: &[u8]) {
        let Gate::Frames(frames) = &mut self.gate else {
            return;
        };
        let error = frames.meter.sent(bytes, Instant::now().into_std());
        // The lane ends the connection by itself: the client broke the protocol.
        if let Some(code) = error
            && !std::mem::replace(&mut frames.is_over, true)
        {
            let client = self.connection.peer.ip();
            self.connection.listener.meters.refused(Offence::BREACH);
            tracing::debug!(%client, code, "a connection of HTTP/2 is ended");
        }
    }

    /// Counts and tells the reason once, and says goodbye where a goodbye can be understood.
    fn end_for(&mut self, offence: Offence) -> io::Error {
        if let Gate::Frames(frames) = &mut self.gate
            && !std::mem::replace(&mut frames.is_over, true)
        {
            let listener = &self.connection.listener;
            let client = self.connection.peer.ip();
            listener.meters.refused(offence.label());
            match offence {
                Offence::Flood(flood) => {
                    tracing::info!(%client, listener = %listener.settings.name, reason = flood.label(), "{flood}");
                }
                Offence::Breach(breach) => {
                    tracing::debug!(%client, code = breach.code(), "a connection of HTTP/2 is ended: {breach}");
                }
            }
            if let Some(goodbye) = frames.meter.goodbye(offence) {
                self.outbox.extend_from_slice(&goodbye);
            }
        }
        self.client_may_talk = true;
        io::Error::new(io::ErrorKind::InvalidData, offence)
    }
}
