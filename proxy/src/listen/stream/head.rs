//! What begins a message, or a connection: heads of HTTP/1 and the preface of HTTP/2, each under its deadline.

use std::{future::poll_fn, io, sync::Arc, task::Poll, time::Duration};

use bytes::{Buf, Bytes, BytesMut};
use tokio::time::Instant;

use super::{GLANCE, Gate, Stream};
use crate::{
    admit::{Head, HeadLimits, RequestParts, find_head_end, frames::PREFACE},
    respond::Refusal,
};

/// How long a retired connection still listens for a request that is on its way.
const FAREWELL: Duration = Duration::from_millis(200);

/// RFC 9113 section 3.4.
const THE_PREFACE: &[u8; PREFACE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Before a request; old clients send one after a body.
const EMPTY_LINES: usize = 8;

/// What came of waiting for a request.
pub enum HeadRead {
    /// One whole head, which has been found sound.
    Head(WholeHead),
    /// The client left, fell silent between requests, or the connection is retired.
    Ended,
    /// The head cannot be taken. The bytes are what was read of it, for the log.
    Refused(Refusal, BytesMut),
}

/// A head of HTTP/1.
pub struct WholeHead {
    pub bytes: Bytes,
    pub facts: Head,
    pub request: RequestParts,
}

impl Stream {
    /// Waits for the next request and reads its head, under the listener's deadlines and caps.
    ///
    /// `silence` is how long the client may take until the first byte. The stream then yields the body
    /// of that message and nothing beyond it.
    pub async fn read_head(&mut self, silence: Duration) -> HeadRead {
        let connection = Arc::clone(&self.connection);
        let limits = &connection.listener.settings.limits;
        let mut first_byte_by = None;
        let mut empty_lines = 0;
        while self.skip_empty_lines(&mut empty_lines) {
            let first_byte_by = *first_byte_by.get_or_insert_with(|| Instant::now() + silence);
            if !self.read_first_bytes(first_byte_by).await {
                let has_asked_before = !matches!(self.gate, Gate::Open);
                if !has_asked_before && Instant::now() >= first_byte_by {
                    connection.listener.meters.refused("silent");
                }
                return HeadRead::Ended;
            }
        }

        if empty_lines > EMPTY_LINES || !Head::may_begin(&self.inbox) {
            return self.refused(Refusal::Malformed("no request begins like this"));
        }
        let mut deadline = None;
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
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + limits.header_timeout);
            match self.fill_by(deadline).await {
                Some(Ok(1..)) => {}
                Some(Ok(0) | Err(_)) => return HeadRead::Ended,
                None => return self.refused(Refusal::HeaderTimeout),
            }
        };
        if end > cap {
            return self.refused(Refusal::HeaderTooLarge);
        }
        let bytes = self.inbox.split_to(end).freeze();
        match Head::read(&bytes, &HeadLimits::from(limits)) {
            Ok((facts, request)) => {
                self.gate = Gate::new(facts.framing);
                self.reading.start_over();
                self.writing.start_over();
                HeadRead::Head(WholeHead {
                    bytes,
                    facts,
                    request,
                })
            }
            Err(refusal) => {
                self.client_may_talk = true;
                HeadRead::Refused(refusal, bytes.into())
            }
        }
    }

    /// Whether the client's next bytes come so soon; false, too, if the connection ends or is retired.
    pub async fn goes_on_within(&mut self, wait: Duration) -> bool {
        if !self.inbox.is_empty() {
            return true;
        }
        let due = Instant::now() + wait;
        poll_fn(|cx| {
            if let Poll::Ready(read) = self.poll_fill::<GLANCE>(cx) {
                return Poll::Ready(matches!(read, Ok(1..)));
            }
            if self.connection.poll_retired(cx).is_ready() {
                return Poll::Ready(false);
            }
            self.alarm.poll_due(due, cx).map(|()| false)
        })
        .await
    }

    /// Waits for the client to begin; false if it leaves, stays silent, or the connection is retired.
    async fn read_first_bytes(&mut self, deadline: Instant) -> bool {
        let mut farewell = None;
        poll_fn(|cx| {
            // What has arrived is still served.
            if let Poll::Ready(read) = self.poll_fill::<GLANCE>(cx) {
                return Poll::Ready(matches!(read, Ok(1..)));
            }
            let mut due = deadline;
            if self.connection.poll_retired(cx).is_ready() {
                due = due.min(*farewell.get_or_insert_with(|| Instant::now() + FAREWELL));
            }
            self.alarm.poll_due(due, cx).map(|()| false)
        })
        .await
    }

    /// Waits for the whole preface of HTTP/2 (RFC 9113 section 3.4), and meters frames from then on; false
    /// if it does not come in time, which is counted, or the connection ends or is retired before it begins.
    /// What comes in its place is for the lane to refuse.
    pub async fn read_preface(&mut self, deadline: Instant) -> bool {
        self.meter_frames();
        let has_come = self.has_preface(deadline).await;
        let is_another = has_come && !self.inbox.starts_with(THE_PREFACE);
        if is_another || (!has_come && Instant::now() >= deadline) {
            self.connection.listener.meters.refused("no_preface");
        }
        has_come
    }

    async fn has_preface(&mut self, deadline: Instant) -> bool {
        if !self.read_first_bytes(deadline).await {
            return false;
        }
        while self.inbox.len() < PREFACE {
            if !matches!(self.fill_by(deadline).await, Some(Ok(1..))) {
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

    /// Reads more; nothing if none comes in time.
    async fn fill_by(&mut self, deadline: Instant) -> Option<io::Result<usize>> {
        poll_fn(|cx| match self.poll_fill::<GLANCE>(cx) {
            Poll::Ready(read) => Poll::Ready(Some(read)),
            Poll::Pending => self.alarm.poll_due(deadline, cx).map(|()| None),
        })
        .await
    }
}
