//! A client with HTTP/2: one stream of its connection.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use h2::SendStream;
use http::{StatusCode, header};
use pingora::{http::ResponseHeader, protocols::http::v2::server::HttpSession};

use super::{
    super::{
        Exchange, admission,
        asker::Asker,
        head::Head,
        means::Means,
        reader::{LARGE, SMALL},
        session,
    },
    client::{Client, Length, ResponseHead},
    journey,
};
use crate::{
    admit::{FieldLines, Framing},
    listen::{Alarm, Connection},
    respond::Refusal,
};

/// What is shorter is copied, so that a few bytes that wait for their window do not keep the room they were read into.
const SHORT: usize = LARGE / 2;

/// What came of a request.
pub(in crate::gateway) enum Served {
    Done(Alarm),
    /// It is for the other lane; nothing has been read or said.
    NotOurs(Box<HttpSession>, Alarm),
}

/// Serves one request, if it is one for this lane.
pub(in crate::gateway) async fn serve(
    means: &Means,
    connection: &Arc<Connection>,
    session: Box<HttpSession>,
    alarm: Alarm,
) -> Served {
    let snapshot = means.snapshot.load();
    let fields = &session.req_header().headers;
    let expects = fields.contains_key(header::EXPECT) && !session.is_body_empty();
    if !snapshot.config.express || expects {
        return Served::NotOurs(session, alarm);
    }
    let mut client = Http2::new(session, Arc::clone(connection), alarm);
    let mut exchange = Exchange::begin(snapshot, Instant::now());
    let admitted = admission::admit(client.head(), connection, &mut exchange);
    let start = journey::start(client.head(), &mut exchange, admitted).await;
    if !journey::carries(client.head(), &exchange) {
        return Served::NotOurs(client.session, client.alarm);
    }
    if !connection.count_request() {
        connection.retire();
    }
    journey::travel(means, &mut client, &mut exchange, start).await;
    Served::Done(client.alarm)
}

struct Http2 {
    session: Box<HttpSession>,
    connection: Arc<Connection>,
    alarm: Alarm,
    framing: Framing,
    is_heard: bool,
    /// Where the response's body goes, once it has begun.
    body: Option<SendStream<Bytes>>,
    /// What waits for the window.
    queue: VecDeque<Bytes>,
    /// Nothing comes after what waits.
    ends: bool,
    /// The client has been told that nothing comes.
    has_ended: bool,
    /// Of the piece whose deadline runs, this much is left.
    piece: usize,
    /// Since when that piece waits.
    waits: Option<Instant>,
    begun: Option<StatusCode>,
    bytes_in: u64,
    bytes_out: u64,
}

impl Http2 {
    fn new(session: Box<HttpSession>, connection: Arc<Connection>, alarm: Alarm) -> Self {
        let is_heard = session.is_body_empty();
        let length = session.req_header().headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Self {
            framing: match length {
                _ if is_heard => Framing::None,
                Some(length) => Framing::Length(length),
                None => Framing::Chunked,
            },
            session,
            connection,
            alarm,
            is_heard,
            body: None,
            queue: VecDeque::new(),
            ends: false,
            has_ended: false,
            piece: 0,
            waits: None,
            begun: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// Sends so much of what waits as the window takes; ready when nothing waits.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        while let Some(next) = self.queue.front_mut() {
            let body = self.body.as_mut().ok_or(Refusal::ClientGone)?;
            if self.piece == 0 {
                self.piece = next.len().min(SMALL);
            }
            body.reserve_capacity(next.len());
            let room = ready!(poll_room(body, cx)).ok_or(Refusal::ClientGone)?;
            let part = next.split_to(room.min(next.len()));
            let sent = part.len();
            if next.is_empty() {
                self.queue.pop_front();
            }
            let is_last = self.ends && self.queue.is_empty();
            body.send_data(part, is_last).or(Err(Refusal::ClientGone))?;
            self.has_ended = is_last;
            self.bytes_out += sent as u64;
            self.piece = self.piece.saturating_sub(sent);
            if self.piece == 0 {
                self.waits = None;
            }
        }
        if self.ends && !self.has_ended {
            let body = self.body.as_mut().ok_or(Refusal::ClientGone)?;
            let ending = body.send_data(Bytes::new(), true);
            ending.or(Err(Refusal::ClientGone))?;
            self.has_ended = true;
        }
        Poll::Ready(Ok(()))
    }

    /// How long a piece may wait for its window.
    fn patience(&self) -> Duration {
        let listener = &self.connection.listener;
        let patience = listener.settings.limits.write_idle_timeout;
        if listener.pressure.is_strained() {
            patience.min(session::IN_NEED)
        } else {
            patience
        }
    }
}

/// How much the window takes; nothing once the client has gone.
fn poll_room(body: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
    loop {
        let room = body.capacity();
        if room > 0 {
            return Poll::Ready(Some(room));
        }
        // It may have been taken back by the time we look.
        let Some(Ok(_)) = ready!(body.poll_capacity(cx)) else {
            return Poll::Ready(None);
        };
    }
}

impl Asker for Http2 {
    fn head(&self) -> Head<'_> {
        self.session.req_header().into()
    }

    async fn left(&mut self) {
        std::future::poll_fn(|cx| self.poll_left(cx)).await;
    }
}

impl Client for Http2 {
    fn framing(&self) -> Framing {
        self.framing
    }

    fn is_heard(&self) -> bool {
        self.is_heard
    }

    fn is_slow(&self) -> bool {
        self.connection.is_crowded() || self.connection.listener.pressure.is_strained()
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Refusal>> {
        if self.is_heard {
            return Poll::Ready(Ok(None));
        }
        Poll::Ready(match ready!(self.session.poll_read_body_bytes(cx)) {
            Some(Ok(piece)) => {
                self.bytes_in += piece.len() as u64;
                Ok(Some(piece))
            }
            Some(Err(_)) => Err(Refusal::ClientGone),
            None => {
                self.is_heard = true;
                Ok(None)
            }
        })
    }

    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.body {
            Some(body) => body.poll_reset(cx).map(drop),
            None => Pin::new(&mut self.session.idle()).poll(cx).map(drop),
        }
    }

    fn is_taken_back(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        self.poll_left(&mut cx).is_ready()
    }

    /// Pingora's streams carry no interim responses.
    fn inform(&mut self, _: StatusCode, _: &FieldLines) {}

    fn begin(&mut self, head: ResponseHead, length: Length) -> Result<(), Refusal> {
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = head.status;
        parts.headers = head.fields.into_map();
        let ends = matches!(length, Length::Said { is_empty: true });
        let header = Box::new(ResponseHeader::from(parts));
        let begun = self.session.write_response_header(header, ends);
        begun.or(Err(Refusal::ClientGone))?;
        self.body = self.session.take_response_body_writer();
        self.has_ended = ends;
        self.begun = Some(head.status);
        Ok(())
    }

    fn forget_head(&mut self) {
        // A header that stays is no harm.
        let _ = session::let_header_go(self.session.req_header_mut());
    }

    fn give(&mut self, piece: Bytes) {
        let piece = if piece.len() < SHORT {
            Bytes::copy_from_slice(&piece)
        } else {
            piece
        };
        self.queue.push_back(piece);
    }

    fn finish(&mut self) {
        self.ends = true;
    }

    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        if let Poll::Ready(sent) = self.poll_send(cx) {
            return Poll::Ready(sent);
        }
        let since = *self.waits.get_or_insert_with(Instant::now);
        let due = since + self.patience();
        ready!(self.alarm.poll_due(due.into(), cx));
        Poll::Ready(Err(Refusal::WindowTimeout))
    }

    fn begun(&self) -> Option<StatusCode> {
        self.begun
    }

    /// Its connection has other streams.
    fn close(&mut self) {}

    fn abort(&mut self) {
        if !self.has_ended {
            self.session.shutdown();
        }
    }

    fn bytes_in(&self) -> u64 {
        self.bytes_in
    }

    fn bytes_out(&self) -> u64 {
        self.bytes_out
    }

    fn alarm(&mut self) -> &mut Alarm {
        &mut self.alarm
    }
}
