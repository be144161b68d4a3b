//! A stream that carries frames of HTTP/2: it meters them in both directions, and ends with a goodbye.
//!
//! # What one connection can hold
//!
//! With `streams` S (100) and `header_size` H (64 KiB), at one time:
//!
//! | | | by default |
//! |---|---|--:|
//! | headers of requests under way, and as servers are sent them | 2 × 32 H, `Connection::carry` | 4 MiB |
//! | pages that wait for their window | S × 4 KiB | 0.4 MiB |
//! | a header block that comes in | H and a frame | 80 KiB |
//! | HPACK's table, whose entries keep alive the frames they came in | 124 × 16 KiB | 2 MiB |
//! | bodies from the client | the window of the connection | 4 MiB |
//! | the same, kept for a second try | S × 64 KiB | 6 MiB |
//! | bodies to the client: room to read them into | S × 64 KiB | 6 MiB |
//! | the same, queued, and on the way in and out: less where there are more than 16 | 7 × (16 × 16 KiB + (S - 16) × 4 KiB) | 4 MiB |
//! | the same, in `h2` | S × 16 KiB | 2 MiB |
//! | streams that were reset: remembered for a second, or not yet seen by the lane | 50, and 2 S | 0.1 MiB |
//!
//! A server with HTTP/2 may send ahead 256 KiB a stream, in frames of 64 KiB at most, of which seven are queued: 69 MiB more.
//!
//! So a client that fills everything holds 28 MiB with what is small (a test measures it), and none of it for
//! long: a stream whose window does not open is given up by `write_idle_timeout`, one whose body does not
//! come by `body_idle_timeout` (to a server with HTTP/2 by the longest of it, `first_byte` and `idle`), and a
//! connection without a stream by `keepalive_timeout`.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::{io::ReadBuf, time::Instant};

use super::{Deadline, Gate, Stream};
use crate::{
    admit::{Flood, FrameMeter, Offence},
    listen::Listener,
    respond::Refusal,
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
            self.owing.moved(0);
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
            Poll::Ready(Ok(())) => {
                let verdict = frames.accept(buf.filled().get(before..).unwrap_or_default());
                self.connection.note_answers(frames.meter.progress());
                verdict
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            // What we had to write may have been too much, though nothing more is read.
            Poll::Pending => match frames.accept(&[]) {
                Ok(()) => {
                    ready!(frames.poll_overdue(cx));
                    Err(Flood::HeaderBlockTimeout.into())
                }
                offence => offence,
            },
        };
        Poll::Ready(verdict.map_err(|offence| self.end_for(offence)))
    }

    /// Follows what the lane has written.
    pub(super) fn meter_written(&mut self, bytes: &[u8]) {
        let Gate::Frames(frames) = &mut self.gate else {
            return;
        };
        let said = frames.meter.sent(bytes, Instant::now().into_std());
        self.connection.note_answers(frames.meter.progress());
        let meters = &self.connection.listener.meters;
        // No exchange knows of what the lane turns away by itself.
        for (refusal, times) in [
            (Refusal::Malformed("it breaks the protocol"), said.malformed),
            (Refusal::HeaderTooLarge, said.too_large),
        ] {
            for _ in 0..times {
                meters.refused_request(refusal.label());
            }
        }
        // The lane ends the connection by itself: the client broke the protocol.
        if let Some(code) = said.goodbye
            && !std::mem::replace(&mut frames.is_over, true)
        {
            let client = self.connection.peer.ip();
            meters.refused(Offence::BREACH);
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
