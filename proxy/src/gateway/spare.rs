//! Connections with TLS that wait for their next request.
//!
//! Pingora cannot keep them: it asks the system who is at the other end of a pooled connection, and a
//! stream that is not its own has no descriptor to ask by. Here they are kept by the whole of what they
//! were made for, so that one that was verified for somebody else is never found.

use std::{
    collections::HashMap,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    runtime::Handle,
    task::AbortHandle,
    time,
};
use tokio_rustls::client::TlsStream;

use super::socket::Socket;
use crate::balance::Target;

/// A connection that hands have been shaken on.
pub(super) type Secured = Box<TlsStream<Socket>>;

/// Whom a connection was made for: [`crate::tls::ServerTls::number`], and where it leads.
pub(super) type Whom = (u64, Target);

/// How long a goodbye may take that nobody waits for.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// Connections kept over all upstreams, the last one put down first.
#[derive(Debug)]
pub(super) struct Spares {
    most: usize,
    kept: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    by_whom: HashMap<Whom, Vec<Spare>>,
    count: usize,
}

#[derive(Debug)]
struct Spare {
    seat: Seat,
    watching: AbortHandle,
}

/// Empty once somebody has taken the connection.
type Seat = Arc<Mutex<Option<Secured>>>;

impl Spares {
    /// Keeps `most` connections at most; what comes then is closed.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            kept: Mutex::default(),
        }
    }

    /// Keeps a connection on which nothing is under way, until it is taken, the server closes it, or
    /// `keepalive` is over.
    pub(super) fn keep(self: &Arc<Self>, whom: Whom, connection: Secured, keepalive: Duration) {
        let Ok(runtime) = Handle::try_current() else {
            return; // the process ends
        };
        let seat: Seat = Arc::new(Mutex::new(Some(connection)));
        // Locked first: the watcher may be done before its spare is on the shelf.
        let mut kept = self.kept.lock();
        if kept.count >= self.most {
            return;
        }
        let watch = watch(Arc::clone(self), whom.clone(), Arc::clone(&seat), keepalive);
        let watching = runtime.spawn(watch).abort_handle();
        kept.count += 1;
        let shelf = kept.by_whom.entry(whom).or_default();
        shelf.push(Spare { seat, watching });
    }

    /// A connection that was made for `whom`, and that the server has not closed.
    pub(super) async fn take(&self, whom: &Whom) -> Option<Secured> {
        loop {
            let spare = self.kept.lock().pop(whom)?;
            spare.watching.abort();
            let connection = spare.seat.lock().take();
            if let Some(mut connection) = connection
                && is_quiet(&mut connection).await
            {
                return Some(connection);
            }
        }
    }

    fn forget(&self, whom: &Whom, seat: &Seat) {
        self.kept.lock().remove(whom, seat);
    }
}

impl Shelves {
    fn pop(&mut self, whom: &Whom) -> Option<Spare> {
        let shelf = self.by_whom.get_mut(whom)?;
        let spare = shelf.pop();
        if shelf.is_empty() {
            self.by_whom.remove(whom);
        }
        self.count -= usize::from(spare.is_some());
        spare
    }

    fn remove(&mut self, whom: &Whom, seat: &Seat) {
        let Some(shelf) = self.by_whom.get_mut(whom) else {
            return;
        };
        let before = shelf.len();
        shelf.retain(|spare| !Arc::ptr_eq(&spare.seat, seat));
        self.count -= before - shelf.len();
        if shelf.is_empty() {
            self.by_whom.remove(whom);
        }
    }
}

/// Waits until the server speaks, which a server that was not asked does only to say goodbye, or until
/// time is up. Then the connection is closed.
async fn watch(spares: Arc<Spares>, whom: Whom, seat: Seat, keepalive: Duration) {
    let stirs = poll_fn(|cx| match &mut *seat.lock() {
        Some(connection) => poll_stir(connection, cx),
        None => Poll::Ready(()),
    });
    // Either way it is over.
    let _ = time::timeout(keepalive, stirs).await;
    spares.forget(&whom, &seat);
    let connection = seat.lock().take();
    if let Some(mut connection) = connection {
        // A server that is gone needs no goodbye.
        let _ = time::timeout(GOODBYE, connection.shutdown()).await;
    }
}

/// Whether the server has neither closed nor said anything. Session tickets are read on the way.
async fn is_quiet(connection: &mut Secured) -> bool {
    let look = poll_fn(|_| {
        let mut nobody = Context::from_waker(Waker::noop());
        Poll::Ready(poll_stir(connection, &mut nobody).is_pending())
    });
    // Tokio would hold back from a task that has done much what has come in.
    tokio::task::unconstrained(look).await
}

fn poll_stir(connection: &mut Secured, cx: &mut Context<'_>) -> Poll<()> {
    let mut byte = [0];
    Pin::new(connection)
        .poll_read(cx, &mut ReadBuf::new(&mut byte))
        .map(drop)
}
