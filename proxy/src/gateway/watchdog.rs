//! Deadlines towards a server that Pingora's one read timeout cannot tell apart.
//!
//! `first_byte`, `idle` and `tunnel` are three promises; Pingora keeps one number for a whole exchange.
//! Where they differ, or the connection may become a tunnel, a watchdog holds them: when the phase
//! the exchange is in lasts too long, it shuts the server's socket, and Pingora sees it close.

use std::{
    os::fd::{OwnedFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    net::{Shutdown, shutdown},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};
use tokio::task::AbortHandle;

/// Watches one try. Dropping it ends the watch.
pub struct Watchdog {
    shared: Arc<Shared>,
    watching: AbortHandle,
    /// How long the phase after the first byte may stand still.
    streaming: Duration,
}

struct Shared {
    origin: Instant,
    /// Milliseconds after `origin`.
    expires: AtomicU64,
    /// Milliseconds that each movement puts the deadline off.
    allowance: AtomicU64,
    expired: AtomicBool,
}

impl Watchdog {
    /// Watches the connection `socket`: `first_byte` until a response begins, `streaming` between
    /// movements from then on. `None` if the socket cannot be had twice; Pingora's timeout remains.
    pub fn set(socket: RawFd, first_byte: Duration, streaming: Duration) -> Option<Self> {
        let socket = second_handle(socket)?;
        let shared = Arc::new(Shared {
            origin: Instant::now(),
            expires: AtomicU64::new(0),
            allowance: AtomicU64::new(0),
            expired: AtomicBool::new(false),
        });
        shared.allow(first_byte);
        let watching = tokio::spawn(watch(Arc::clone(&shared), socket)).abort_handle();
        Some(Self {
            shared,
            watching,
            streaming,
        })
    }

    /// The response has begun.
    pub fn answered(&self) {
        self.shared.allow(self.streaming);
    }

    /// Bytes moved, in either direction.
    pub fn moved(&self) {
        self.shared.put_off();
    }

    /// Whether it was the watchdog that ended the connection.
    pub fn has_expired(&self) -> bool {
        self.shared.expired.load(Ordering::Acquire)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Shared {
    fn allow(&self, allowance: Duration) {
        let allowance = u64::try_from(allowance.as_millis()).unwrap_or(u64::MAX);
        self.allowance.store(allowance, Ordering::Relaxed);
        self.put_off();
    }

    fn put_off(&self) {
        let elapsed = u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX);
        let expires = elapsed.saturating_add(self.allowance.load(Ordering::Relaxed));
        self.expires.store(expires, Ordering::Relaxed);
    }
}

/// Sleeps until the deadline as it stands, and looks again: movements only write a number.
async fn watch(shared: Arc<Shared>, socket: OwnedFd) {
    loop {
        let expires = shared.origin + Duration::from_millis(shared.expires.load(Ordering::Relaxed));
        if Instant::now() >= expires {
            break;
        }
        tokio::time::sleep_until(expires.into()).await;
    }
    shared.expired.store(true, Ordering::Release);
    // A socket that is closed already needs no help.
    let _ = shutdown(&socket, Shutdown::Both);
}

/// A handle of our own on a socket that belongs to Pingora: its number alone could be another
/// connection's by the time a deadline passes.
fn second_handle(socket: RawFd) -> Option<OwnedFd> {
    let this_process = pidfd_open(getpid(), PidfdFlags::empty()).ok()?;
    pidfd_getfd(this_process, socket, PidfdGetfdFlags::empty()).ok()
}
