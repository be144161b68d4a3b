//! Holds a response back until its body is whole, so that it can be compressed in one go and its length be known.
//!
//! Pingora writes a head before it sees the body, so the body has to be there first. This stands between the [`Reader`] and
//! Pingora, and is there only where the client takes a coding and the route gives one.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, ReadBuf},
    time::{Sleep, sleep},
};

use super::reader::Reader;
use crate::{
    admit::{Reply, ResponseParts, find_head_end},
    policy::{Compress, Offer},
};

/// A response is held so long at most from its head on. A server that takes longer makes its body as it goes, or sends it over
/// a slow line: its client is helped more by what there is than by a length.
const PATIENCE: Duration = Duration::from_millis(500);
/// Read at once of a body that is held.
const PIECE: usize = 64 << 10;
/// Given on at once of a body that is compressed as it comes; it is as long as a worker is kept busy.
const MOUTHFUL: usize = 64 << 10;

/// What an exchange and the connection that it was lent tell each other about the body of the response.
#[derive(Debug)]
pub(super) struct Passage {
    compress: Arc<Compress>,
    offer: Offer,
    /// Bytes of the body that Pingora has been given, or is about to be.
    given: AtomicU64,
    held: Mutex<Option<Bytes>>,
    is_encoded: AtomicBool,
}

impl Passage {
    pub(super) fn new(compress: &Arc<Compress>, offer: Offer) -> Self {
        Self {
            compress: Arc::clone(compress),
            offer,
            given: AtomicU64::new(0),
            held: Mutex::default(),
            is_encoded: AtomicBool::new(false),
        }
    }

    /// The whole body, if it was held. Pingora gets to see it all the same.
    pub(super) fn take(&self) -> Option<Bytes> {
        self.held.lock().take()
    }

    /// Shows the exchange all of the body.
    pub(super) fn hold(&self, body: Bytes) {
        *self.held.lock() = Some(body);
    }

    /// The body is compressed as it comes.
    pub(super) fn is_encoded(&self) {
        self.is_encoded.store(true, Relaxed);
    }

    /// Whether there is more of the body than so many bytes already on its way, whatever the server does next.
    pub(super) fn has_more_than(&self, seen: u64) -> bool {
        self.given.load(Relaxed) > seen
    }

    /// How long a body is that is worth waiting for.
    fn worth_holding(&self, reply: &Reply, head: &[u8]) -> Option<usize> {
        let length = reply.content() + reply.left()?;
        if !self.compress.is_whole(length) {
            return None;
        }
        let parts = ResponseParts::read(&Bytes::copy_from_slice(head))?;
        let plan = self.compress.decide(
            self.offer,
            parts.status,
            (&parts.fields).into(),
            Some(length),
        );
        plan.coding().and_then(|_| usize::try_from(length).ok())
    }
}

/// How long a response is held at most, where `deadline` is the shortest of those that are kept for the server meanwhile.
pub(super) fn patience(deadline: Duration) -> Duration {
    PATIENCE.min(deadline / 2)
}

/// Of one connection, for one response.
#[derive(Debug)]
pub(super) struct Hold {
    passage: Arc<Passage>,
    patience: Duration,
    stage: Stage,
    /// Of what was held, what is still to be given on.
    rest: Bytes,
    /// Bytes given on since Pingora last had to wait.
    mouthful: usize,
}

#[derive(Debug)]
enum Stage {
    /// The head is awaited.
    Head,
    Holding(Holding),
    /// Nothing is held, or nothing any more.
    Passing,
}

/// Head and body as far as they have come.
#[derive(Debug)]
struct Holding {
    inbox: BytesMut,
    head: usize,
    /// The length of both.
    whole: usize,
    /// Set when the server is first waited for.
    until: Option<Pin<Box<Sleep>>>,
}

impl Hold {
    /// `deadline` is as for [`patience`]. Where memory is strained nothing is held.
    pub(super) fn new(passage: &Arc<Passage>, deadline: Duration, is_strained: bool) -> Self {
        let stage = if is_strained {
            Stage::Passing
        } else {
            Stage::Head
        };
        Self {
            passage: Arc::clone(passage),
            patience: patience(deadline),
            stage,
            rest: Bytes::new(),
            mouthful: 0,
        }
    }

    /// Whether the head has come, and is held.
    pub(super) fn is_holding(&self) -> bool {
        matches!(self.stage, Stage::Holding(_))
    }

    /// Whether all that was held has been given on.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty() && !self.is_holding()
    }

    /// As [`Reader::poll_read`], but gives nothing on while the response is held.
    pub(super) fn poll_read(
        &mut self,
        reader: &mut Reader,
        mut line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match &mut self.stage {
            Stage::Passing if self.rest.is_empty() => {
                ready!(self.poll_rested(cx));
                ready!(reader.poll_read(line, cx, buf))?;
                self.mouthful += buf.filled().len() - before;
            }
            Stage::Passing => {}
            Stage::Head => {
                ready!(reader.poll_read(line.as_mut(), cx, buf))?;
                self.look_at_head(reader.reply(), buf, before);
                if let Stage::Holding(holding) = &mut self.stage {
                    let held = ready!(holding.poll_whole(reader, line, cx, self.patience))?;
                    self.let_go(held);
                }
            }
            Stage::Holding(holding) => {
                let held = ready!(holding.poll_whole(reader, line, cx, self.patience))?;
                self.let_go(held);
            }
        }
        self.passage.given.store(reader.reply().content(), Relaxed);
        if !self.rest.is_empty() {
            let most = reader.portion().min(buf.remaining());
            let length = self.rest.len().min(most);
            buf.put_slice(&self.rest.split_to(length));
        }
        Poll::Ready(Ok(()))
    }

    /// After a mouthful of what is compressed others have their turn on this thread.
    fn poll_rested(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let is_full = self.mouthful >= MOUTHFUL && self.passage.is_encoded.load(Relaxed);
        if !is_full {
            return Poll::Ready(());
        }
        self.mouthful = 0;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Begins to hold what was read into `buf` after `before`, if it has the head of what is worth it.
    fn look_at_head(&mut self, reply: &Reply, buf: &mut ReadBuf<'_>, before: usize) {
        if reply.awaits_head() {
            return; // interim responses pass
        }
        self.stage = Stage::Passing;
        let new = buf.filled().get(before..).unwrap_or_default();
        let Ok(content) = usize::try_from(reply.content()) else {
            return;
        };
        let Some((heads, body)) = new.len().checked_sub(content).map(|at| new.split_at(at)) else {
            return; // the head does not fit into what Pingora reads at once
        };
        let Some(length) = self.passage.worth_holding(reply, last_head(heads)) else {
            return;
        };
        let head = heads.len();
        let whole = head + length;
        let mut inbox = BytesMut::with_capacity(whole);
        inbox.extend_from_slice(heads);
        inbox.extend_from_slice(body);
        buf.set_filled(before);
        self.stage = Stage::Holding(Holding {
            head,
            inbox,
            whole,
            until: None,
        });
    }

    /// Shows the exchange the body, if all of it is there, and has all given on.
    fn let_go(&mut self, held: Held) {
        self.stage = Stage::Passing;
        match held {
            Held::Whole { head, all } => {
                self.passage.hold(all.slice(head..));
                self.rest = all;
            }
            Held::Part(part) => self.rest = part,
        }
    }
}

/// What came of holding.
enum Held {
    Whole {
        head: usize,
        all: Bytes,
    },
    /// The server took too long; nothing if it closed.
    Part(Bytes),
}

impl Holding {
    fn poll_whole(
        &mut self,
        reader: &mut Reader,
        mut line: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        patience: Duration,
    ) -> Poll<io::Result<Held>> {
        loop {
            let before = self.inbox.len();
            if before == self.whole {
                return Poll::Ready(Ok(Held::Whole {
                    head: self.head,
                    all: std::mem::take(&mut self.inbox).freeze(),
                }));
            }
            self.inbox.resize(self.whole.min(before + PIECE), 0);
            let mut room = ReadBuf::new(self.inbox.get_mut(before..).unwrap_or_default());
            let polled = reader.poll_read(line.as_mut(), cx, &mut room);
            let read = room.filled().len();
            self.inbox.truncate(before + read);
            match polled {
                // Pingora sees a close before any response: nothing of this one has been shown to the client.
                Poll::Ready(Ok(())) if read == 0 => {
                    return Poll::Ready(Ok(Held::Part(Bytes::new())));
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let until = self.until.get_or_insert_with(|| Box::pin(sleep(patience)));
                    ready!(until.as_mut().poll(cx));
                    let part = std::mem::take(&mut self.inbox).freeze();
                    return Poll::Ready(Ok(Held::Part(part)));
                }
            }
        }
    }
}

/// The last of these heads, those before it being of interim responses.
fn last_head(mut heads: &[u8]) -> &[u8] {
    while let Some(end) = find_head_end(heads, 0)
        && let Some(rest @ [_, ..]) = heads.get(end..)
    {
        heads = rest;
    }
    heads
}

#[cfg(test)]
mod tests;
