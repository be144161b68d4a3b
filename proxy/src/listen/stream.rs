//! A client's connection as the lanes read and write it.
//!
//! Reading is metered by the [`Gate`]; writing is coalesced, so that head and body leave in one write;
//! both directions have a deadline.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    sync::watch,
    time::Instant,
};

use super::{Connection, Gate, Seat, deadline::Deadline, io::Digests, transport::Transport};
use crate::{
    admit::{Head, HeadLimits, find_head_end},
    observe::Connected,
    respond::Refusal,
};

/// Read ahead at most while a message is under way; a client that sends more waits.
const INBOX: usize = 16 << 10;
/// Read at once while waiting for a head, or watching for the end.
const GLANCE: usize = 4 << 10;
/// Written together at most; larger writes pass through.
const OUTBOX: usize = 16 << 10;

/// Bytes of the preface of HTTP/2.
const PREFACE: usize = 24;
/// Before a request; old clients send one after a body.
const EMPTY_LINES: usize = 8;
/// How long a retired connection still listens for a request that is on its way.
const FAREWELL: Duration = Duration::from_millis(200);

/// One connection. Dropping it closes the connection, gently if the client may still be talking.
pub struct Stream {
    pub(super) connection: Arc<Connection>,
    pub(super) digests: Option<Digests>,
    /// `None` only while it is being dropped.
    transport: Option<Transport>,
    gate: Gate,
    inbox: BytesMut,
    outbox: BytesMut,
    reading: Deadline,
    writing: Deadline,
    /// The client may be sending what nobody will read.
    client_may_talk: bool,
    /// Given up when the socket is.
    place: Option<(Seat, Connected)>,
}

/// What came of waiting for a request.
pub enum HeadRead {
    /// The bytes of one whole head, which has been found sound.
    Head(BytesMut),
    /// The client left, fell silent between requests, or the connection is retired.
    Ended,
    /// The head cannot be taken. The bytes are what was read of it, for the log.
    Refused(Refusal, BytesMut),
}

impl Stream {
    pub(super) fn new(transport: Transport, connection: Arc<Connection>, seat: Seat) -> Self {
        let limits = &connection.listener.settings.limits;
        Self {
            digests: Digests::new(&connection, transport.descriptor()),
            transport: Some(transport),
            gate: Gate::Open,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            reading: Deadline::new(limits.body_idle_timeout),
            writing: Deadline::new(limits.write_idle_timeout),
            client_may_talk: false,
            place: Some((seat, connection.listener.meters.connected())),
            connection,
        }
    }

    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(super) fn descriptor(&self) -> std::os::fd::RawFd {
        self.transport.as_ref().map_or(-1, Transport::descriptor)
    }

    /// Waits for the next request and reads its head, under the listener's deadlines and caps.
    ///
    /// `silence` is how long the client may take until the first byte. The stream then yields the body
    /// of that message and nothing beyond it.
    pub async fn read_head(&mut self, silence: Duration) -> HeadRead {
        let connection = Arc::clone(&self.connection);
        let limits = &connection.listener.settings.limits;
        let first_byte_by = Instant::now() + silence;
        let mut empty_lines = 0;
        while self.skip_empty_lines(&mut empty_lines) {
            if !self.read_first_bytes(first_byte_by).await {
                return HeadRead::Ended;
            }
        }

        if empty_lines > EMPTY_LINES || !Head::may_begin(&self.inbox) {
            return self.refused(Refusal::Malformed("no request begins like this"));
        }
        let deadline = Instant::now() + limits.header_timeout;
        let cap = usize::try_from(limits.header_size.get()).unwrap_or(usize::MAX);
        let mut searched = 0;
        let end = loop {
            if let Some(end) = find_head_end(&self.inbox, searched) {
                break end;
            }
            if self.inbox.len() > cap {
                return self.refused(Refusal::HeaderTooLarge);
            }
            searched = self.inbox.len();
            match tokio::time::timeout_at(deadline, self.fill()).await {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) => return HeadRead::Ended,
                Err(_) => return self.refused(Refusal::HeaderTimeout),
            }
        };
        if end > cap {
            return self.refused(Refusal::HeaderTooLarge);
        }
        let parsed = Head::parse(
            self.inbox.get(..end).unwrap_or_default(),
            &HeadLimits::from(limits),
        );
        match parsed {
            Ok(head) => {
                let bytes = self.inbox.split_to(end);
                self.gate = Gate::new(head.framing);
                HeadRead::Head(bytes)
            }
            Err(refusal) => self.refused(refusal),
        }
    }

    /// Waits for the client to begin; false if it leaves, stays silent, or the connection is retired.
    async fn read_first_bytes(&mut self, deadline: Instant) -> bool {
        let mut retired = self.connection.retired();
        tokio::select! {
            biased; // what has arrived is still served
            read = tokio::time::timeout_at(deadline, self.fill()) => matches!(read, Ok(Ok(1..))),
            () = farewell(&mut retired) => false,
        }
    }

    /// Waits for the whole preface of HTTP/2 (RFC 9113 section 3.4); false if it does not come in time, or
    /// the connection is retired before it begins. What comes in its place is for the lane to refuse.
    pub async fn read_preface(&mut self, deadline: Instant) -> bool {
        if !self.read_first_bytes(deadline).await {
            return false;
        }
        while self.inbox.len() < PREFACE {
            let read = tokio::time::timeout_at(deadline, self.fill()).await;
            if !matches!(read, Ok(Ok(1..))) {
                return false;
            }
        }
        true
    }

    fn refused(&mut self, refusal: Refusal) -> HeadRead {
        self.client_may_talk = true;
        HeadRead::Refused(refusal, self.inbox.split())
    }

    /// Takes empty lines off the front (RFC 9112 section 2.2) and counts them; true if nothing else is left.
    fn skip_empty_lines(&mut self, count: &mut usize) -> bool {
        while self.inbox.starts_with(b"\r\n") && *count <= EMPTY_LINES {
            self.inbox.advance(2);
            *count += 1;
        }
        self.inbox.is_empty() || self.inbox[..] == *b"\r"
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let Some(transport) = &mut self.transport else {
            return Ok(0);
        };
        self.inbox.reserve(GLANCE);
        transport.read_buf(&mut self.inbox).await
    }

    /// Reads while the message has ended: keeps a little of what comes next, and notices the end.
    fn poll_watch(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.inbox.len() < INBOX {
            match self.poll_fill(GLANCE, cx) {
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(end) => return Poll::Ready(end.map(|_| ())),
                Poll::Pending => break,
            }
        }
        self.poll_hand_out(cx)?;
        Poll::Pending
    }

    fn poll_fill(&mut self, room: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(transport) = &mut self.transport else {
            return Poll::Ready(Ok(0));
        };
        let before = self.inbox.len();
        self.inbox.resize(before + room, 0);
        let mut room = ReadBuf::new(self.inbox.get_mut(before..).unwrap_or_default());
        let polled = Pin::new(transport).poll_read(cx, &mut room);
        let read = room.filled().len();
        self.inbox.truncate(before + read);
        polled.map_ok(|()| read)
    }

    /// Gives on what belongs to the message.
    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.inbox.is_empty() {
            match self.poll_fill(INBOX, cx) {
                Poll::Ready(read) => {
                    self.reading.moved();
                    if read? == 0 {
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
                    self.writing.moved();
                    self.outbox.advance(written);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return self.poll_write_stalled(cx),
            }
        }
        self.outbox = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn poll_write_stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        ready!(self.writing.poll_expired(cx));
        self.connection.listener.meters.refused("write_timeout");
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Returns a moment after the connection has retired: a client that has just read an answer which
/// promised to keep the connection may have its next request on the way.
async fn farewell(retired: &mut watch::Receiver<bool>) {
    // An error means that the connection is gone, which is the same.
    drop(retired.wait_for(|retired| *retired).await);
    tokio::time::sleep(FAREWELL).await;
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
        }
        match &this.gate {
            Gate::Open => this.poll_open(cx, buf),
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
        if this.outbox.len() + buf.len() <= OUTBOX {
            this.outbox.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        ready!(this.poll_write_out(cx))?;
        if buf.len() < OUTBOX {
            this.outbox.extend_from_slice(buf);
            return Poll::Ready(Ok(buf.len()));
        }
        let Some(transport) = &mut this.transport else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match Pin::new(transport).poll_write(cx, buf) {
            Poll::Ready(written) => {
                this.writing.moved();
                Poll::Ready(written)
            }
            Poll::Pending => this.poll_write_stalled(cx),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_write_out(cx))?;
        match &mut this.transport {
            Some(transport) => match Pin::new(transport).poll_flush(cx) {
                Poll::Ready(flushed) => Poll::Ready(flushed),
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
