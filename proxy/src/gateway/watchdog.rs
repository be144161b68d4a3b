//! Deadlines that Pingora's one read timeout cannot tell apart.
//!
//! An exchange waits for the client to send its body (`body_idle_timeout`), then for the server to begin
//! its response (`first_byte`), then for the server to go on with it (`idle`): three promises, two of them
//! about the server. Where it begins before the body is over, either may go on. A watchdog knows which one runs. When it is broken it shuts the server's socket, and
//! Pingora sees that close.

use std::{
    os::fd::{OwnedFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use rustix::{
    io::ioctl_fionread,
    net::{Shutdown, shutdown},
};
use tokio::{sync::Notify, task::AbortHandle, time::Instant};

use crate::listen::second_handle;

/// Watches one try. Dropping it ends the watch.
pub struct Watchdog {
    shared: Arc<Shared>,
    watching: AbortHandle,
    patience: Patience,
}

/// How long each phase may stand still.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    pub upload: Duration,
    pub first_byte: Duration,
    pub idle: Duration,
}

struct Shared {
    expires: Mutex<Instant>,
    /// The deadline has come nearer.
    nearer: Notify,
    expired: AtomicBool,
}

impl Watchdog {
    /// Watches the connection `socket`, beginning with the upload or, without one, with the wait for the
    /// first byte. `None` if the process is out of descriptors; Pingora's timeout remains.
    pub fn set(socket: RawFd, patience: Patience, has_upload: bool) -> Option<Self> {
        let socket = second_handle(socket).ok()?;
        let first = if has_upload {
            patience.upload
        } else {
            patience.first_byte
        };
        let shared = Arc::new(Shared {
            expires: Mutex::new(Instant::now() + first),
            nearer: Notify::new(),
            expired: AtomicBool::new(false),
        });
        let watching = tokio::spawn(watch(Arc::clone(&shared), socket, patience.idle));
        Some(Self {
            shared,
            watching: watching.abort_handle(),
            patience,
        })
    }

    /// A piece of the body came from the client.
    pub fn upload_moved(&self) {
        self.allow(self.patience.upload);
    }

    /// The request has been sent in full.
    pub fn request_over(&self) {
        self.allow(self.patience.first_byte);
    }

    /// Bytes of the response moved, its first ones too.
    pub fn response_moved(&self) {
        self.allow(self.patience.idle);
    }

    /// Bytes moved one way or the other while the server answers and the client still sends: a server may wait
    /// for the rest of the body before it goes on.
    pub fn either_moved(&self) {
        self.allow(self.patience.upload.max(self.patience.idle));
    }

    fn allow(&self, allowance: Duration) {
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
///
/// Bytes that wait to be read mean that we are the slow ones, because the client reads slowly: the server
/// has kept its promise.
async fn watch(shared: Arc<Shared>, socket: OwnedFd, idle: Duration) {
    loop {
        let expires = *shared.expires.lock();
        if Instant::now() >= expires {
            if ioctl_fionread(&socket).unwrap_or(0) == 0 {
                break;
            }
            *shared.expires.lock() = Instant::now() + idle;
            continue;
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
