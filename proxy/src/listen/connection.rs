//! What is known of one connection, from the handshake to the last log line.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use futures_util::task::AtomicWaker;
use http::HeaderValue;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::Listener;
use crate::admit::{Progress, proxy_header::Ends};

/// The next connection's number.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How many headers of full size the requests under way may have together.
const FULL_HEADERS: u64 = 32;

/// Streams at a time that are many: browsers seldom have more whose answers are large.
const MANY: usize = 16;

/// One client's connection. Shared by its stream and its exchanges.
pub struct Connection {
    /// No other connection of this process has it.
    pub number: u64,
    pub listener: Arc<Listener>,
    /// The client: who connected, or whom a PROXY header named.
    pub peer: SocketAddr,
    /// Its address, as servers are told.
    pub peer_text: HeaderValue,
    /// Where that client connected to: our own address, or what a PROXY header said.
    pub reached: SocketAddr,
    /// Who connected, where a PROXY header named another.
    pub via: Option<SocketAddr>,
    pub tls: Option<TlsFacts>,
    /// Set once a server has agreed to an upgrade; from then on bytes pass as they come.
    upgraded: AtomicBool,
    requests: AtomicU32,
    /// Requests under way.
    busy: AtomicU32,
    /// Bytes of their headers.
    headers: AtomicUsize,
    /// No window has opened for the last of what it carried.
    stuck: Notify,
    /// Of HTTP/2, see [`Connection::note_answers`].
    unanswered: AtomicUsize,
    starved: AtomicUsize,
    moved: AtomicU64,
    cancels: AtomicBool,
    is_retired: AtomicBool,
    /// Tells of it those who cannot ask; made for the first of them.
    retire: Mutex<Option<watch::Sender<bool>>>,
    /// Of whoever waits for the next request.
    waiting: AtomicWaker,
}

/// Between whom a connection is, known before anything of the client's is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parties {
    pub(super) ends: Ends,
    /// Who connected, where a PROXY header named another.
    pub(super) via: Option<SocketAddr>,
}

/// What the handshake settled.
#[derive(Debug)]
pub struct TlsFacts {
    pub version: &'static str,
    pub cipher: &'static str,
    /// Lower case; empty if the client named none.
    pub server_name: Box<str>,
    pub h2: bool,
    pub resumed: bool,
    /// The subject of the client's certificate, which has been verified; cut at 256 bytes.
    pub client: Option<Box<str>>,
}

impl Connection {
    pub(super) fn new(listener: Arc<Listener>, parties: &Parties, tls: Option<TlsFacts>) -> Self {
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            listener,
            peer: parties.ends.source,
            peer_text: text(parties.ends.source.ip()),
            reached: parties.ends.destination,
            via: parties.via,
            tls,
            upgraded: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            busy: AtomicU32::new(0),
            headers: AtomicUsize::new(0),
            stuck: Notify::new(),
            unanswered: AtomicUsize::new(0),
            starved: AtomicUsize::new(0),
            moved: AtomicU64::new(0),
            cancels: AtomicBool::new(false),
            is_retired: AtomicBool::new(false),
            retire: Mutex::new(None),
            waiting: AtomicWaker::new(),
        }
    }

    /// Counts one more request; true if the connection may carry another after it.
    pub fn count_request(&self) -> bool {
        let before = self.requests.fetch_add(1, Ordering::Relaxed);
        before.saturating_add(1) < self.listener.settings.limits.requests_per_connection.get()
    }

    /// Counts a request, with so many bytes of header, as under way until the guard is dropped.
    pub fn carry(self: &Arc<Self>, header: usize) -> Carried {
        self.busy.fetch_add(1, Ordering::AcqRel);
        self.headers.fetch_add(header, Ordering::AcqRel);
        Carried {
            connection: Arc::clone(self),
            header,
            stalled: AtomicBool::new(false),
        }
    }

    /// Whether the headers of the requests under way are more than one connection may hold: HPACK makes
    /// a header of 64 KiB of a handful of bytes, once for each stream (CVE-2016-6581, CVE-2026-49975).
    ///
    /// A client that fills all its streams has some 20 KiB for each, of which browsers use 2.
    pub fn is_overloaded(&self) -> bool {
        let most = self.listener.settings.limits.header_size.get();
        self.headers.load(Ordering::Acquire) as u64 > most.saturating_mul(FULL_HEADERS)
    }

    /// Returns once the last of what it carried has waited too long for its window: nothing moves here.
    pub async fn stuck(&self) {
        self.stuck.notified().await;
    }

    /// What has become of answers by HTTP/2.
    pub fn note_answers(&self, progress: Progress) {
        self.unanswered.store(progress.open, Ordering::Release);
        self.starved.store(progress.starved, Ordering::Release);
        self.moved.store(progress.moved, Ordering::Release);
        self.cancels.store(progress.cancels, Ordering::Release);
    }

    /// Streams whose answers wait to be sent, if only from a buffer.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Acquire)
    }

    /// Whether many of them wait because the client lets nothing of them through.
    pub fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Acquire) > MANY
    }

    /// Whether its client has taken back many requests of late.
    pub fn cancels(&self) -> bool {
        self.cancels.load(Ordering::Acquire)
    }

    /// Whether there are many of them, each of which is to hold but little.
    pub fn is_crowded(&self) -> bool {
        self.unanswered() > MANY
    }

    /// Frames of answers that were sent so far, but for tiny ones.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Acquire)
    }

    /// Whether it has carried more requests than it may, and as many more as may have been on their way when the client
    /// was told.
    pub fn is_overdrawn(&self) -> bool {
        let limits = &self.listener.settings.limits;
        let most = limits
            .requests_per_connection
            .saturating_add(limits.streams.get());
        self.requests.load(Ordering::Relaxed) > most.get()
    }

    pub fn speaks_h2(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.h2)
    }

    /// Whether no request is under way.
    pub fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    /// Takes no new request from now on; those in flight end as they would.
    pub fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
        if let Some(retire) = &*self.retire.lock() {
            retire.send_replace(true);
        }
        self.waiting.wake();
    }

    /// Ready once the connection is to take no new request. For one task alone.
    pub(super) fn poll_retired(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_retired() {
            return Poll::Ready(());
        }
        self.waiting.register(cx.waker());
        if self.is_retired() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Turns true when the connection is to take no new request.
    pub fn retired(&self) -> watch::Receiver<bool> {
        let mut retire = self.retire.lock();
        let retire = retire.get_or_insert_with(|| watch::Sender::new(self.is_retired()));
        retire.subscribe()
    }

    /// Tells when the client has left, with every exchange of its.
    pub fn departure(&self) -> Departure {
        Departure(self.retired())
    }

    pub fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Acquire)
    }

    pub fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    pub fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }
}

fn text(address: IpAddr) -> HeaderValue {
    // No address has a character that a field could not hold.
    HeaderValue::try_from(address.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// The end of a connection, seen from afar: holding it keeps nothing alive.
#[derive(Clone, Debug)]
pub struct Departure(watch::Receiver<bool>);

impl Departure {
    /// Returns once the connection is gone.
    pub async fn await_it(mut self) {
        while self.0.changed().await.is_ok() {} // it may retire first
    }

    pub fn has_come(&self) -> bool {
        self.0.has_changed().is_err()
    }
}

/// A request under way on a connection, counted until dropped.
pub struct Carried {
    connection: Arc<Connection>,
    header: usize,
    stalled: AtomicBool,
}

impl Carried {
    /// Its response has waited too long for its window, and is given up.
    pub fn stall(&self) {
        self.stalled.store(true, Ordering::Release);
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        let Self {
            connection,
            header,
            stalled,
        } = self;
        connection.headers.fetch_sub(*header, Ordering::AcqRel);
        let was_last = connection.busy.fetch_sub(1, Ordering::AcqRel) == 1;
        if was_last && *stalled.get_mut() {
            connection.stuck.notify_one();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.peer)?;
        if let Some(via) = self.via {
            write!(f, " by way of {via}")?;
        }
        write!(f, " on {}", self.listener.settings.name)
    }
}
