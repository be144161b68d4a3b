//! Deadlines towards a server that Pingora's one read timeout cannot tell apart.
//!
//! `first_byte` and `idle` are two promises; Pingora keeps one number for a whole exchange. Where they
//! differ, a watchdog holds the shorter one: when the phase the exchange is in lasts too long, it shuts the
//! server's socket, and Pingora sees it close.

use std::{
    os::fd::{OwnedFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rustix::net::{Shutdown, shutdown};
use tokio::{sync::Notify, task::AbortHandle, time::Instant};

use crate::listen::second_handle;

/// Watches one try. Dropping it ends the watch.
pub struct Watchdog {
    shared: Arc<Shared>,
    watching: AbortHandle,
    first_byte: Duration,
    idle: Duration,
}

struct Shared {
    expires: Mutex<Instant>,
    /// The deadline has come nearer.
    nearer: Notify,
    expired: AtomicBool,
}

impl Watchdog {
    /// Watches the connection `socket`: `first_byte` until a response begins, `idle` between movements
    /// from then on. `None` if the process is out of descriptors; Pingora's timeout remains.
    pub fn set(socket: RawFd, first_byte: Duration, idle: Duration) -> Option<Self> {
        let socket = second_handle(socket).ok()?;
        let shared = Arc::new(Shared {
            expires: Mutex::new(Instant::now() + first_byte),
            nearer: Notify::new(),
            expired: AtomicBool::new(false),
        });
        let watching = tokio::spawn(watch(Arc::clone(&shared), socket)).abort_handle();
        Some(Self {
            shared,
            watching,
            first_byte,
            idle,
        })
    }

    /// Bytes of the request moved: the server cannot be expected to answer yet.
    pub fn request_moved(&self) {
        self.put_off(self.first_byte);
    }

    /// Bytes of the response moved, its first ones too.
    pub fn response_moved(&self) {
        self.put_off(self.idle);
    }

    fn put_off(&self, allowance: Duration) {
        let next = Instant::now() + allowance;
        let mut expires = self.shared.expires.lock();
        let nearer = next < *expires;
        *expires = next;
        drop(expires);
        if nearer {
            self.shared.nearer.notify_one();
        }
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

/// Sleeps until the deadline as it stands, and looks again: it may have been put off.
async fn watch(shared: Arc<Shared>, socket: OwnedFd) {
    loop {
        let expires = *shared.expires.lock();
        if Instant::now() >= expires {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep_until(expires) => {}
            () = shared.nearer.notified() => {}
        }
    }
    shared.expired.store(true, Ordering::Release);
    // A socket that is closed already needs no help.
    let _ = shutdown(&socket, Shutdown::Both);
}
