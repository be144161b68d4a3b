//! One try: the request to one server, and its response back.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use http::{HeaderValue, header};
use pingora::{Error, ErrorType};
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::io::poll_read_buf;

use super::{
    super::{Exchange, again::Next, forwarding, outcome, pages, spare::Spares, sticky},
    client::{Client, Length, ResponseHead},
    journey::resend,
    lend::Lent,
    upload::Upload,
    wire,
};
use crate::{
    admit::{Asked, Framing, Reply, ResponseParts},
    balance::Failure,
    forward::{self, Fields as _},
    gateway::reader,
    observe::Milestone,
    respond::{Answer, Refusal},
    tls,
};

/// What came of a try.
pub(super) enum End {
    /// The client has the whole response.
    Done,
    /// Another server is to try.
    Again,
    /// The client gets this page in the place of what the server says.
    StandIn(Answer),
    Broken(Refusal),
}

/// Why a try broke off.
enum Break {
    /// By the server; it closed rather than that it said something wrong, or it did not.
    Server(Failure, Refusal, Option<io::Error>),
    /// By the client, or by us.
    Refused(Refusal),
    StandIn(Answer),
    /// The response is thrown away for another server's.
    Discarded,
}

impl From<Refusal> for Break {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ServerMalformed(_) => Self::Server(Failure::Malformed, refusal, None),
            _ => Self::Refused(refusal),
        }
    }
}

/// What happens next.
enum Step {
    /// The server has said something.
    Heard,
    /// The server has closed.
    Closed,
    /// The client has the whole response.
    Over,
}

/// The request on its way there, and the response on its way back.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts, each read by name"
)]
pub(super) struct Crossing<'a, C> {
    client: &'a mut C,
    exchange: &'a mut Exchange,
    upload: &'a mut Upload,
    lent: Lent,
    reply: Reply,
    /// What the server has said, and the client has not been given.
    inbox: BytesMut,
    /// The server goes on with another request on this connection.
    keeps_alive: bool,
    has_surplus: bool,
    is_sending: bool,
    is_over: bool,
    /// When something last moved.
    moved: Instant,
}

impl<'a, C: Client> Crossing<'a, C> {
    /// Nothing if nothing was picked.
    pub(super) fn new(
        client: &'a mut C,
        exchange: &'a mut Exchange,
        upload: &'a mut Upload,
        lent: Lent,
        now: Instant,
    ) -> Option<Self> {
        let pick = exchange.pick.as_ref()?;
        let asked = Asked {
            head_alone: *client.head().method == http::Method::HEAD,
            upgrade: false,
        };
        Some(Self {
            reply: Reply::new(asked, pick.upstream().limits()),
            client,
            exchange,
            upload,
            lent,
            inbox: BytesMut::new(),
            keeps_alive: false,
            has_surplus: false,
            is_sending: false,
            is_over: false,
            moved: now,
        })
    }

    pub(super) async fn run(mut self, spares: &Arc<Spares>) -> End {
        match self.cross().await {
            Ok(()) => {
                self.settle(spares);
                End::Done
            }
            Err(why) => {
                let end = self.broken_off(why);
                self.lent.part();
                end
            }
        }
    }

    async fn cross(&mut self) -> Result<(), Break> {
        self.forward()?;
        loop {
            match poll_fn(|cx| self.poll_step(cx)).await? {
                Step::Heard => self.give_on()?,
                Step::Closed => self.closed()?,
                Step::Over => return Ok(()),
            }
        }
    }

    /// Forward: what does the server see?
    fn forward(&mut self) -> Result<(), Refusal> {
        let Self {
            client, exchange, ..
        } = self;
        let head = client.head();
        let mut fields = head.fields.to_lines();
        forward::hop_by_hop(&mut fields);
        forwarding::forward(head, exchange, &mut fields)?;
        if client.framing() == Framing::Chunked {
            let chunked = HeaderValue::from_static("chunked");
            fields.set(header::TRANSFER_ENCODING, chunked);
        }
        let target = forwarding::target(head, exchange)?;
        let mut bytes = BytesMut::with_capacity(1024);
        wire::request(&mut bytes, head.method, &target, &fields);
        let now = self.moved;
        exchange.tries.head_sent = true;
        exchange.tally.sent = Some(now);
        let again = self.upload.begin(bytes);
        if client.framing() == Framing::None {
            exchange.tally.request_over = true;
        } else if again > 0 || client.is_heard() {
            exchange.pass_body(again, client.is_heard(), now)?;
        }
        Ok(())
    }

    /// Moves what can be moved, both ways.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Break>> {
        self.poll_upload(cx)?;
        match self.client.poll_sent(cx)? {
            Poll::Ready(()) if self.is_over => return Poll::Ready(Ok(Step::Over)),
            Poll::Ready(()) => {
                if std::mem::take(&mut self.is_sending) {
                    self.moved = Instant::now(); // what the client took its time for is not the server's
                }
            }
            Poll::Pending => {
                self.is_sending = true;
                return Poll::Pending;
            }
        }
        if let Poll::Ready(read) = self.poll_hear(cx) {
            return Poll::Ready(read);
        }
        if self.client.poll_left(cx).is_ready() {
            return Poll::Ready(Err(Break::Refused(Refusal::ClientGone)));
        }
        let due = self.moved + self.patience();
        ready!(self.client.alarm().poll_due(due.into(), cx));
        Poll::Ready(Err(self.expired()))
    }

    /// Takes the client's body and gives it to the server, as far as both go along.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Break> {
        loop {
            let before = self.upload.waiting();
            let written = self
                .upload
                .poll_write(Pin::new(&mut self.lent.line), cx)
                .is_ready();
            if self.upload.waiting() < before {
                self.moved = Instant::now();
            }
            let wants_more = written && !self.upload.is_over() && !self.upload.has_failed();
            if !wants_more {
                return Ok(());
            }
            let Poll::Ready(piece) = self.client.poll_body(cx) else {
                return Ok(());
            };
            let piece = piece?;
            self.moved = Instant::now();
            let length = piece.as_ref().map_or(0, bytes::Bytes::len);
            self.exchange
                .pass_body(length, piece.is_none(), self.moved)?;
            self.upload.add(piece.as_deref());
        }
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, Break>> {
        let heard = if self.reply.awaits_head() {
            self.poll_hear_head(cx)
        } else {
            self.poll_hear_body(cx)
        };
        Poll::Ready(match ready!(heard) {
            Ok(0) => Ok(Step::Closed),
            Ok(_) => {
                if !self.reply.awaits_head() {
                    self.moved = Instant::now(); // a head that drips has one deadline
                }
                Ok(Step::Heard)
            }
            Err(error) => Err(Break::Server(
                Failure::Reset,
                Refusal::ServerReset,
                Some(error),
            )),
        })
    }

    /// Takes memory for what has come alone: most responses are short.
    fn poll_hear_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); reader::SMALL];
        let mut room = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.lent.line).poll_read(cx, &mut room))?;
        self.inbox.extend_from_slice(room.filled());
        Poll::Ready(Ok(room.filled().len()))
    }

    fn poll_hear_body(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = if self.client.is_slow() {
            reader::SMALL
        } else {
            reader::LARGE
        };
        self.inbox.reserve(room);
        poll_read_buf(Pin::new(&mut self.lent.line), cx, &mut self.inbox)
    }

    /// How long nothing may move.
    fn patience(&self) -> Duration {
        let (Some(pick), Some(admitted)) = (&self.exchange.pick, &self.exchange.admitted) else {
            return Duration::ZERO;
        };
        let timeouts = pick.upstream().timeouts();
        let upload = admitted.limits().body_idle_timeout;
        let is_sent = self.exchange.tally.request_over || self.upload.has_failed();
        let patience = match (self.exchange.tally.answered, is_sent) {
            (None, false) => upload,
            (None, true) => timeouts.first_byte,
            (Some(_), false) => timeouts.idle.max(upload), // either may go on
            (Some(_), true) => timeouts.idle,
        };
        if self.upload.is_stuck() {
            patience.min(timeouts.idle)
        } else {
            patience
        }
    }

    /// As long as the client has not sent all of its body it is the client that took too long, unless the server does not take what
    /// there is.
    fn expired(&self) -> Break {
        let awaits_server =
            self.exchange.tally.request_over || self.upload.is_stuck() || self.upload.has_failed();
        if awaits_server {
            Break::Server(Failure::Timeout, Refusal::ServerTimeout, None)
        } else {
            Break::Refused(Refusal::BodyTimeout)
        }
    }

    /// Gives on what the server has said, as far as it is sound.
    fn give_on(&mut self) -> Result<(), Break> {
        while self.reply.awaits_head() {
            let Some(parts) = self.reply.take_head(&mut self.inbox)? else {
                return Ok(());
            };
            if parts.status.is_informational() {
                self.inform(parts)?;
            } else {
                self.respond(parts)?;
            }
        }
        let bytes = self.inbox.split().freeze();
        let client = &mut *self.client;
        let passed = self
            .reply
            .pass_body(&bytes, |piece| client.give(bytes.slice(piece)))?;
        self.has_surplus |= passed < bytes.len();
        if self.reply.is_over() {
            self.end();
        }
        Ok(())
    }

    /// Gives an interim response on. The server has begun to answer, so its time begins anew.
    fn inform(&mut self, parts: ResponseParts) -> Result<(), Refusal> {
        let ResponseParts {
            status, mut fields, ..
        } = parts;
        let admitted = self.exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
        forward::response(&mut fields, admitted.id.as_str(), false);
        self.client.inform(status, &fields);
        self.moved = Instant::now();
        Ok(())
    }

    /// Again, or on. Then respond: what does this client understand?
    fn respond(&mut self, parts: ResponseParts) -> Result<(), Break> {
        // What came with the head is looked at first: if that is not sound, nothing of it is an answer.
        self.reply.clone().pass_body(&self.inbox, |_| {})?;
        self.keeps_alive = parts.keeps_alive();
        let ResponseParts {
            status,
            reason,
            mut fields,
            ..
        } = parts;
        let (client, exchange) = (&mut *self.client, &mut *self.exchange);
        let now = Instant::now();
        self.moved = now;
        exchange.tally.answered = Some(now);
        exchange.note(now, || Milestone::FirstByte);
        let resend = resend(client.head(), self.upload.is_kept());
        if exchange.judge(status, resend, now) == Next::Again {
            return Err(Break::Discarded);
        }
        let admitted = exchange.admitted.as_ref().ok_or(Refusal::Internal)?;
        fields.remove(&header::TRANSFER_ENCODING);
        forward::response(&mut fields, admitted.id.as_str(), false);
        if let Some(page) = pages::stand_in(client.head(), status, &mut fields, exchange) {
            return Err(Break::StandIn(page));
        }
        exchange.respond(&mut fields, client.head());
        exchange.encode_confirmation(status, &mut fields);
        sticky::keep(exchange, client.head().fields, &mut fields);
        if admitted.connection.is_retired() || !client.is_heard() {
            client.close();
        }
        let length = match self.reply.left() {
            Some(left) => Length::Said {
                is_empty: left == 0,
            },
            None if self.reply.is_over() => Length::Said { is_empty: true },
            None => Length::Unknown,
        };
        let head = ResponseHead {
            status,
            reason,
            fields,
        };
        client.begin(head, length)?;
        Ok(())
    }

    fn closed(&mut self) -> Result<(), Break> {
        if self.reply.ends_with_connection() {
            self.keeps_alive = false;
            self.end();
            return Ok(());
        }
        Err(Break::Server(Failure::Reset, Refusal::ServerReset, None))
    }

    fn end(&mut self) {
        self.is_over = true;
        self.client.finish();
    }

    /// The connection goes back, if another request may have it.
    fn settle(self, spares: &Arc<Spares>) {
        if self.has_surplus {
            self.lent.said_too_much();
        } else if self.keeps_alive && self.upload.is_done() {
            self.lent.give_back(spares, self.moved);
        } else {
            self.lent.part();
        }
    }

    /// The exchange broke off between connection and the end of the response.
    fn broken_off(&mut self, why: Break) -> End {
        let (failure, refusal, error) = match why {
            Break::Refused(refusal) => return End::Broken(refusal),
            Break::StandIn(page) => return End::StandIn(page),
            Break::Discarded => return End::Again,
            Break::Server(failure, refusal, error) => (failure, refusal, error),
        };
        let now = Instant::now();
        let (client, exchange) = (&*self.client, &mut *self.exchange);
        let resend = resend(client.head(), self.upload.is_kept());
        let has_begun = client.begun().is_some();
        let is_close = error
            .as_ref()
            .is_none_or(|error| tls::reason(error).is_none());
        if self.lent.was_kept && !has_begun && exchange.goes_back(resend, failure, is_close) {
            return End::Again;
        }
        if let Some(pick) = &exchange.pick {
            pick.failed(failure, now);
            if let Some(error) = error {
                let error = Error::because(ErrorType::ReadError, "from a server", error);
                outcome::complain(pick, &error, now);
            }
        }
        if !has_begun && exchange.may_go_again(resend, failure, now) {
            End::Again
        } else {
            End::Broken(refusal)
        }
    }
}
