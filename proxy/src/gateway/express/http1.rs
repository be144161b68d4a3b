//! A client with HTTP/1.1.

use std::{
    collections::VecDeque,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::{Buf, Bytes, BytesMut};
use http::{StatusCode, Version, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    super::{Exchange, admission, asker::Asker, head::Head, means::Means},
    client::{Client, Length, ResponseHead},
    date, journey, wire,
};
use crate::{
    admit::{ChunkMeter, FieldLines, Framing, RequestParts},
    listen::{Alarm, Stream, WholeHead},
    respond::Refusal,
};

/// Read of a body at once at most.
const PIECE: usize = 16 << 10;
/// What is shorter is copied behind what goes before it, so that they leave together.
const SHORT: usize = 16 << 10;

/// What came of a head.
pub(in crate::gateway) enum Served {
    /// The connection may carry another request.
    Next,
    /// The connection is over.
    Over,
    /// It is for the other lane; nothing has been read or said.
    NotOurs(Bytes),
}

/// Serves one request, if it is one for this lane.
pub(in crate::gateway) async fn serve(
    means: &Means,
    stream: &mut Stream,
    head: WholeHead,
) -> Served {
    let WholeHead {
        bytes,
        facts,
        request,
    } = head;
    let snapshot = means.snapshot.load();
    let is_common = !facts.http10 && !facts.upgrade && !facts.expects_continue;
    if !is_common || !snapshot.config.express {
        return Served::NotOurs(bytes);
    }
    let connection = Arc::clone(stream.connection());
    let mut client = Http1 {
        stream,
        request,
        framing: facts.framing,
        meter: (facts.framing == Framing::Chunked).then(ChunkMeter::default),
        out: BytesMut::new(),
        queue: VecDeque::new(),
        is_unsent: false,
        is_chunked: false,
        begun: None,
        closes: !facts.keep_alive,
        is_aborted: false,
        bytes_in: 0,
        bytes_out: 0,
    };
    let mut exchange = Exchange::begin(snapshot, Instant::now());
    let admitted = admission::admit(client.head(), &connection, &mut exchange);
    let start = journey::start(client.head(), &mut exchange, admitted).await;
    if !journey::carries(client.head(), &exchange) {
        return Served::NotOurs(bytes);
    }
    if !connection.count_request() {
        connection.retire();
    }
    if connection.is_retired() {
        client.closes = true;
    }
    journey::travel(means, &mut client, &mut exchange, start).await;
    if client.is_aborted || client.closes {
        Served::Over
    } else {
        Served::Next
    }
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by name"
)]
struct Http1<'a> {
    stream: &'a mut Stream,
    request: RequestParts,
    framing: Framing,
    /// Finds the data among what frames it.
    meter: Option<ChunkMeter>,
    /// What is to be sent: first the queue, then this.
    out: BytesMut,
    queue: VecDeque<Bytes>,
    /// The stream has something that it has not sent.
    is_unsent: bool,
    /// The response's body goes in chunks.
    is_chunked: bool,
    begun: Option<StatusCode>,
    closes: bool,
    is_aborted: bool,
    bytes_in: u64,
    bytes_out: u64,
}

impl Http1<'_> {
    /// Long pieces are not copied.
    fn put(&mut self, piece: Bytes) {
        if piece.len() < SHORT {
            self.out.extend_from_slice(&piece);
            return;
        }
        if !self.out.is_empty() {
            self.queue.push_back(self.out.split().freeze());
        }
        self.queue.push_back(piece);
    }

    fn poll_read(
        &mut self,
        room: &mut ReadBuf<'_>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refusal>> {
        let read = ready!(Pin::new(&mut *self.stream).poll_read(cx, room));
        Poll::Ready(read.map_err(|error| of_client(&error)))
    }
}

impl Asker for Http1<'_> {
    fn head(&self) -> Head<'_> {
        Head {
            method: &self.request.method,
            version: Version::HTTP_11,
            target: &self.request.target,
            authority: None,
            fields: (&self.request.fields).into(),
        }
    }

    async fn left(&mut self) {
        std::future::poll_fn(|cx| self.poll_left(cx)).await;
    }
}

impl Client for Http1<'_> {
    fn framing(&self) -> Framing {
        self.framing
    }

    fn is_heard(&self) -> bool {
        self.stream.is_heard()
    }

    fn is_slow(&self) -> bool {
        self.stream.connection().listener.pressure.is_strained()
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Refusal>> {
        loop {
            if self.stream.is_heard() {
                return Poll::Ready(Ok(None));
            }
            // Memory is taken for what has come alone: nothing for who waits.
            let mut space = [MaybeUninit::uninit(); PIECE];
            let mut room = ReadBuf::uninit(&mut space);
            ready!(self.poll_read(&mut room, cx))?;
            let piece = room.filled();
            if piece.is_empty() {
                return Poll::Ready(Err(Refusal::ClientGone));
            }
            let Some(meter) = &mut self.meter else {
                self.bytes_in += piece.len() as u64;
                return Poll::Ready(Ok(Some(Bytes::copy_from_slice(piece))));
            };
            let mut content = BytesMut::with_capacity(piece.len());
            meter.accept_each(piece, |data| {
                content.extend_from_slice(piece.get(data).unwrap_or_default());
            })?;
            if !content.is_empty() {
                self.bytes_in += content.len() as u64;
                return Poll::Ready(Ok(Some(content.freeze())));
            }
        }
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.stream.is_heard() {
            return Poll::Pending;
        }
        let mut byte = [0];
        let mut room = ReadBuf::new(&mut byte);
        // What comes after the message is kept for its turn: if this is ready, it is the end.
        self.poll_read(&mut room, cx).map(drop)
    }

    fn inform(&mut self, status: StatusCode, fields: &FieldLines) {
        wire::response(&mut self.out, status, b"", fields);
        self.out.extend_from_slice(b"\r\n");
    }

    fn begin(&mut self, head: ResponseHead, length: Length) -> Result<(), Refusal> {
        self.out.reserve(1024);
        wire::response(&mut self.out, head.status, &head.reason, &head.fields);
        if !head.fields.contains(&header::DATE) {
            wire::line(&mut self.out, b"date", date::now().as_bytes());
        }
        self.is_chunked = length == Length::Unknown;
        if self.is_chunked {
            wire::line(&mut self.out, b"transfer-encoding", b"chunked");
        }
        if self.closes {
            wire::line(&mut self.out, b"connection", b"close");
        }
        self.out.extend_from_slice(b"\r\n");
        self.begun = Some(head.status);
        Ok(())
    }

    fn give(&mut self, piece: Bytes) {
        self.bytes_out += piece.len() as u64;
        if !self.is_chunked {
            return self.put(piece);
        }
        wire::chunk_size(&mut self.out, piece.len());
        self.put(piece);
        self.out.extend_from_slice(b"\r\n");
    }

    fn finish(&mut self) {
        if self.is_chunked {
            self.out.extend_from_slice(wire::LAST_CHUNK);
        }
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        loop {
            let next = match self.queue.front() {
                Some(piece) => &piece[..],
                None if self.out.is_empty() => break,
                None => &self.out[..],
            };
            let written = ready!(Pin::new(&mut *self.stream).poll_write(cx, next));
            let written = written.map_err(|error| of_client(&error))?;
            self.is_unsent = true;
            match self.queue.front_mut() {
                Some(piece) => {
                    piece.advance(written);
                    if piece.is_empty() {
                        self.queue.pop_front();
                    }
                }
                None => self.out.advance(written),
            }
        }
        if self.is_unsent {
            let flushed = ready!(Pin::new(&mut *self.stream).poll_flush(cx));
            flushed.map_err(|error| of_client(&error))?;
            self.is_unsent = false;
        }
        Poll::Ready(Ok(()))
    }

    fn begun(&self) -> Option<StatusCode> {
        self.begun
    }

    fn close(&mut self) {
        self.closes = true;
    }

    fn abort(&mut self) {
        self.is_aborted = true;
        let unsent = self.queue.iter().map(Bytes::len).sum::<usize>() + self.out.len();
        self.bytes_out = self.bytes_out.saturating_sub(unsent as u64);
    }

    fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    fn alarm(&mut self) -> &mut Alarm {
        self.stream.alarm()
    }
}

/// A refusal that the stream raised, or else a client that has gone.
fn of_client(error: &std::io::Error) -> Refusal {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.copied().unwrap_or(Refusal::ClientGone)
}
