//! A client's connection as the lanes read and write it.
//!
//! Reading is metered by the [`Gate`]; writing is coalesced, so that head and body leave in one write;
//! both directions have a deadline.

mod frames;
mod head;

pub use frames::Frames;
pub use head::{HeadRead, WholeHead};

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    Alarm, Connection, Gate, Pace, Seat, deadline::Deadline, io::Digests, transport::Transport,
};
use crate::{config::model::Limits, observe::Connected, respond::Refusal};

/// Read ahead at most while a message is under way; a client that sends more waits.
const INBOX: usize = 16 << 10;
/// Read at once while waiting for a head, or watching for the end.
const GLANCE: usize = 4 << 10;
/// Written together at most; larger writes pass through.
const OUTBOX: usize = 16 << 10;

/// One connection. Dropping it closes the connection, gently if the client may still be talking.
pub struct Stream {
    pub(super) connection: Arc<Connection>,
    /// Made when the full lane first asks.
    pub(super) digests: OnceLock<Option<Digests>>,
    /// `None` only while it is being dropped.
    transport: Option<Transport>,
    gate: Gate,
    inbox: BytesMut,
    outbox: BytesMut,
    /// For what is awaited of the client or for it.
    alarm: Alarm,
    reading: Deadline,
    writing: Deadline,
    /// Bytes that the kernel held when the write that waits began to, or when we last looked.
    held: Option<usize>,
    /// The client may be sending what nobody will read.
    client_may_talk: bool,
    /// Given up when the socket is.
    place: Option<(Seat, Connected)>,
}

impl Stream {
    pub(super) fn new(transport: Transport, connection: Arc<Connection>, seat: Seat) -> Self {
        let limits = &connection.listener.settings.limits;
        Self {
            digests: OnceLock::new(),
            transport: Some(transport),
            gate: Gate::Open,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            alarm: Alarm::default(),
            reading: deadline(limits, limits.body_idle_timeout),
            writing: deadline(limits, limits.write_idle_timeout),
            held: None,
            client_may_talk: false,
            place: Some((seat, connection.listener.meters.connected())),
            connection,
        }
    }

    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }

    /// Whether the message of the moment has been read to its end.
    pub fn is_heard(&self) -> bool {
        self.gate.is_closed()
    }

    pub(super) fn descriptor(&self) -> std::os::fd::RawFd {
        self.transport.as_ref().map_or(-1, Transport::descriptor)
    }

    /// Reads while the message has ended: keeps a little of what comes next, and notices the end.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.inbox.len() < INBOX {
            match self.poll_fill::<GLANCE>(cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(end) => return Poll::Ready(end.map(|_| ())),
                Poll::Pending => break,
            }
        }
        self.poll_hand_out(cx)?;
        Poll::Pending
    }

    /// Reads so much at most. Memory is taken for what has come alone: nothing for who waits.
    fn poll_fill<const ROOM: usize>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(transport) = &mut self.transport else {
            return Poll::Ready(Ok(0));
        };
        let mut space = [MaybeUninit::uninit(); ROOM];
        let mut room = ReadBuf::uninit(&mut space);
        ready!(Pin::new(transport).poll_read(cx, &mut room))?;
        self.inbox.extend_from_slice(room.filled());
        Poll::Ready(Ok(room.filled().len()))
    }

    /// Gives on what belongs to the message.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.inbox.is_empty() {
            match self.poll_fill::<INBOX>(cx) {
                Poll::Ready(read) => {
                    let read = read?;
                    self.reading.moved(read);
                    if read == 0 {
                        return Poll::Ready(Ok(()));
                    }
                }
                Poll::Pending => {
                    self.poll_hand_out(cx)?;
                    ready!(self.reading.poll_expired(cx));
                    return Poll::Ready(Err(Refusal::BodyTimeout.into()));
                }
            }
        }
        let room = self.inbox.len().min(buf.remaining());
        let passed = self.gate.pass(self.inbox.get(..room).unwrap_or_default())?;
        buf.put_slice(&self.inbox.split_to(passed));
        if self.inbox.is_empty() {
            // An idle connection holds no buffer.
            self.inbox = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Everything passes: what was read ahead first, then straight from the socket.
    fn poll_open(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.inbox.is_empty() {
            let length = self.inbox.len().min(buf.remaining());
            buf.put_slice(&self.inbox.split_to(length));
            return Poll::Ready(Ok(()));
        }
        match &mut self.transport {
            Some(transport) => Pin::new(transport).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Writes out what waits for company. Whoever waits for the client has nothing to add just now, and
    /// what a server has sent so far is not held back until it sends more.
    fn poll_hand_out(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.poll_write_out(cx) {
            Poll::Ready(written) => written,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_write_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            let Some(transport) = &mut self.transport else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            match Pin::new(transport).poll_write(cx, &self.outbox) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => {
                    self.wrote(written);
                    self.outbox.advance(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_write_stalled(cx),
            }
        }
        self.outbox = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Takes bytes to be written: small ones into the outbox, large ones straight to the socket.
    fn poll_take(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.outbox.len() + bytes.len() <= OUTBOX {
            self.outbox.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        if bytes.len() < OUTBOX {
            ready!(self.poll_write_out(cx))?;
            self.outbox.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.poll_write_along(cx, bytes)
    }

    /// Writes what waits and `bytes` after it, together: a head leaves with its large body.
    fn poll_write_along(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let Some(transport) = &mut self.transport else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            let transport = Pin::new(transport);
            let polled = if self.outbox.is_empty() {
                transport.poll_write(cx, bytes)
            } else {
                transport
                    .poll_write_vectored(cx, &[IoSlice::new(&self.outbox), IoSlice::new(bytes)])
            };
            let written = match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_write_stalled(cx),
            };
            self.wrote(written);
            let waited = written.min(self.outbox.len());
            self.outbox.advance(waited);
            if written > waited {
                self.outbox = BytesMut::new();
                return Poll::Ready(Ok(written - waited));
            }
        }
    }

    /// Nothing waits any more, after so many bytes.
    fn wrote(&mut self, bytes: usize) {
        self.held = None;
        self.writing.moved(bytes);
    }

    /// A write waits. The kernel wakes us when half of what it holds is sent; for a slow reader that may be longer than it
    /// has, so what counts is whether the kernel holds less.
    fn poll_write_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let held = |stream: &Self| stream.transport.as_ref().map_or(0, Transport::unsent);
        let mut before = self.held.unwrap_or_else(|| held(self));
        while self.writing.poll_expired(cx).is_ready() {
            let now = held(self);
            if now >= before {
                return self.write_timed_out();
            }
            self.writing.moved(before - now);
            before = now;
        }
        self.held = Some(before);
        Poll::Pending
    }

    fn write_timed_out<T>(&self) -> Poll<io::Result<T>> {
        self.connection.listener.meters.refused("write_timeout");
        Poll::Ready(Err(Refusal::WriteTimeout.into()))
    }
}

/// How long a direction may stand still, and how slow it may be over a whole message.
fn deadline(limits: &Limits, idle: Duration) -> Deadline {
    Deadline::paced(idle, Pace::new(limits.min_rate.get(), idle))
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.is_upgraded() {
            this.gate = Gate::Open;
            this.writing.at_any_pace();
        }
        match &this.gate {
            Gate::Open => this.poll_open(cx, buf),
            Gate::Frames(_) => this.poll_frames(cx, buf),
            gate if gate.is_closed() => this.poll_watch(cx),
            _ => this.poll_message(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(this.poll_take(cx, buf))?;
        this.meter_written(buf.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(cx))?;
        match &mut this.transport {
            Some(transport) => match Pin::new(transport).poll_flush(cx) {
                Poll::Ready(flushed) => {
                    this.wrote(0);
                    Poll::Ready(flushed)
                }
                Poll::Pending => this.poll_write_stalled(cx),
            },
            None => Poll::Ready(Ok(())),
        }
    }

    /// Writes out what is left. The socket itself is closed, or lingers, when the stream is dropped.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(cx)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Some(transport) = self.transport.take() else {
            return;
        };
        let client_may_talk = match &self.gate {
            Gate::Open => self.client_may_talk,
            Gate::Frames(_) => true, // of windows and pings, whenever it likes
            gate => self.client_may_talk || !gate.is_closed() || !self.inbox.is_empty(),
        };
        let unsent = std::mem::take(&mut self.outbox).freeze();
        let in_order = unsent.is_empty() && !client_may_talk;
        if in_order || tokio::runtime::Handle::try_current().is_err() {
            transport.close();
        } else {
            let place = self.place.take();
            tokio::spawn(async move {
                transport.linger(unsent).await;
                drop(place);
            });
        }
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Stream").field(&self.connection).finish()
    }
}
