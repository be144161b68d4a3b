//! Deadlines that Pingora's one read timeout cannot tell apart.
//!
//! An exchange waits for the client to send its body (`body_idle_timeout`), then for the server to begin
//! its response (`first_byte`), then for the server to go on with it (`idle`): three promises, two of them
//! about the server. Where it begins before the body is over, either may go on. A watchdog knows which one runs. When it is broken it shuts the server's socket, and
//! Pingora sees that close.

use std::{
    os::fd::{OwnedFd, RawFd},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::{
    io::ioctl_fionread,
    net::{Shutdown, shutdown},
};
use tokio::{sync::Notify, task::AbortHandle, time::Instant};

use crate::listen::second_handle;

/// Until the next look at a connection whose bytes wait to be read.
const AGAIN: Duration = Duration::from_secs(1);

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

/// Ends the watch over a connection before it becomes somebody else's.
#[derive(Debug)]
pub struct Leash(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    watch: Mutex<Watch>,
    /// The deadline has come nearer.
    nearer: Notify,
}

#[derive(Debug)]
enum Watch {
    Until(Instant),
    /// The connection is no longer this try's.
    Released,
    /// The watchdog has ended the connection.
    Expired,
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
            watch: Mutex::new(Watch::Until(Instant::now() + first)),
            nearer: Notify::new(),
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
        if let Watch::Until(expires) = &mut *self.shared.watch.lock()
            && std::mem::replace(expires, next) > next
        {
            self.shared.nearer.notify_one();
        }
    }

    /// For whoever gives the connection away.
    pub fn leash(&self) -> Leash {
        Leash(Arc::clone(&self.shared))
    }

    /// Whether it was the watchdog that ended the connection.
    pub fn has_expired(&self) -> bool {
        matches!(*self.shared.watch.lock(), Watch::Expired)
    }
}

impl Leash {
    /// From now on the connection is left alone. False if the watchdog has ended it already.
    pub fn release(&self) -> bool {
        let mut watch = self.0.watch.lock();
        let is_whole = !matches!(*watch, Watch::Expired);
        if is_whole {
            *watch = Watch::Released;
        }
        is_whole
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Sleeps until the deadline as it stands, and looks again: it may have been put off.
async fn watch(shared: Arc<Shared>, socket: OwnedFd, idle: Duration) {
    while let Some(expires) = shared.look(&socket, idle) {
        tokio::select! {
            () = tokio::time::sleep_until(expires) => {}
            () = shared.nearer.notified() => {}
        }
    }
}

impl Shared {
    /// Until when there is time yet; nothing if the watch is over. Whoever releases the connection waits for the
    /// end of a look, so that nobody else's is ever shut.
    ///
    /// Bytes that wait to be read mean that we are the slow ones, because the client reads slowly: the server
    /// has kept its promise. But they may have come just now, of a head that drips: so it is looked at again soon.
    fn look(&self, socket: &OwnedFd, idle: Duration) -> Option<Instant> {
        let mut watch = self.watch.lock();
        let Watch::Until(expires) = &mut *watch else {
            return None;
        };
        let now = Instant::now();
        if *expires <= now {
            if ioctl_fionread(socket).unwrap_or(0) == 0 {
                *watch = Watch::Expired;
                // A socket that is closed already needs no help.
                let _ = shutdown(socket, Shutdown::Both);
                return None;
            }
            *expires = now + idle.min(AGAIN);
        }
        Some(*expires)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
        time::sleep,
    };

    use super::*;

    const PATIENCE: Patience = Patience {
        upload: Duration::from_secs(3),
        first_byte: Duration::from_secs(2),
        idle: Duration::from_secs(1),
    };

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_released_is_left_alone() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let watchdog = Watchdog::set(near.as_raw_fd(), PATIENCE, false).unwrap();
        assert!(watchdog.leash().release());
        watchdog.response_moved();
        sleep(Duration::from_secs(10)).await;
        assert!(!watchdog.has_expired());
        near.write_all(b"x").await.unwrap();
        assert_eq!(far.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_expired_is_shut_and_not_released() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let watchdog = Watchdog::set(near.as_raw_fd(), PATIENCE, true).unwrap();
        let started = Instant::now();
        assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(started.elapsed().as_secs(), 3);
        assert!(watchdog.has_expired());
        assert!(!watchdog.leash().release());
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_wait_put_the_end_off_for_as_long_as_they_wait() {
        let (mut near, mut far) = UnixStream::pair().unwrap();
        let patience = Patience {
            idle: Duration::from_secs(30),
            ..PATIENCE
        };
        let watchdog = Watchdog::set(near.as_raw_fd(), patience, false).unwrap();
        far.write_all(b"x").await.unwrap();
        sleep(Duration::from_secs(20)).await;
        assert!(!watchdog.has_expired());
        assert_eq!(near.read_u8().await.unwrap(), b'x'); // and nothing has moved by it, as of a head that drips
        sleep(Duration::from_millis(1100)).await;
        assert!(watchdog.has_expired());
    }

    #[tokio::test(start_paused = true)]
    async fn while_both_sides_speak_the_longer_patience_counts() {
        let (near, _far) = UnixStream::pair().unwrap();
        let watchdog = Watchdog::set(near.as_raw_fd(), PATIENCE, true).unwrap();
        for _ in 0..5 {
            watchdog.either_moved();
            sleep(Duration::from_millis(2900)).await;
            assert!(!watchdog.has_expired());
        }
        watchdog.response_moved();
        sleep(Duration::from_millis(1100)).await;
        assert!(watchdog.has_expired());
    }
}
