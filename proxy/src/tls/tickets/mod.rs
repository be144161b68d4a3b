//! Session tickets: sealed under keys that rotate, and that all who share the state directory know.
//!
//! So a session outlives a reload, a restart and an upgrade, and is resumed by other nodes. A ticket whose
//! key is not known, or that was sealed under another policy, costs a full handshake and nothing else.

mod key;
mod ring;
mod shared;
#[cfg(test)]
mod tests;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::{Mutex, RwLock};
use rustls::server::ProducesTickets;

use self::{key::Opened, ring::Ring, shared::Shared};

/// How long a session is resumed, from its full handshake on, and how long a key seals. It opens for as long
/// again, so that the last ticket it sealed lives as long as the first.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// What a listener asks of its clients, as a fingerprint: a ticket is good under the same policy alone.
pub(super) type Policy = [u8; 32];

/// The keys of this process. They belong to it, and not to a configuration.
#[derive(Default)]
pub struct Tickets {
    /// Nothing is sealed until the first [`Self::refresh`].
    ring: RwLock<Option<Arc<Ring>>>,
    shared: Mutex<Shared>,
}

impl Tickets {
    /// Takes over what the state directory holds, and makes a new key there if the newest is old.
    ///
    /// Where it cannot be read or written, the keys stay in memory, and one warning says so. Blocks on the disk;
    /// to be called every few seconds, as that is how long other nodes take to hear of a new key.
    pub fn refresh(&self, directory: &Path, now: SystemTime) {
        let mut shared = self.shared.lock();
        match shared.refresh(directory, now, |ring| *self.ring.write() = Some(ring)) {
            Ok(()) => shared.warned = false,
            Err(error) => {
                if !std::mem::replace(&mut shared.warned, true) {
                    tracing::warn!(
                        "cannot share the keys of session tickets in {}, so they are lost with the process: {error}",
                        directory.display()
                    );
                }
                self.rotate_in_memory(now);
            }
        }
    }

    fn rotate_in_memory(&self, now: SystemTime) {
        let before = self.ring.read().clone();
        if before.as_ref().is_some_and(|ring| !ring.is_old(now)) {
            return;
        }
        // Without randomness nothing is sealed, which costs full handshakes.
        if let Ok(ring) = Ring::rotated(before.as_deref(), now) {
            *self.ring.write() = Some(Arc::new(ring));
        }
    }

    fn seal(&self, policy: &Policy, session: &[u8], began: SystemTime) -> Option<Vec<u8>> {
        self.ring.read().as_ref()?.seal(policy, session, began)
    }

    fn open(&self, policy: &Policy, ticket: &[u8], now: SystemTime) -> Option<Opened> {
        self.ring.read().as_ref()?.open(policy, ticket, now)
    }
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets")
    }
}

/// The tickets of one connection, under the policy of its listener.
///
/// Each has its own, so that the ticket which a resumed session is given tells when the session began, and not when
/// it was last resumed: no client puts off its next full handshake by coming back often.
#[derive(Debug)]
pub(super) struct Ticketer {
    tickets: Arc<Tickets>,
    policy: Policy,
    /// Of the session in the ticket that the client came with.
    began: Mutex<Option<SystemTime>>,
}

impl Ticketer {
    pub(super) fn new(tickets: Arc<Tickets>, policy: Policy) -> Self {
        Self {
            tickets,
            policy,
            began: Mutex::new(None),
        }
    }

    fn give(&self, session: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let began = self.began.lock().unwrap_or(now);
        self.tickets.seal(&self.policy, session, began)
    }

    fn take(&self, ticket: &[u8], now: SystemTime) -> Option<Vec<u8>> {
        let opened = self.tickets.open(&self.policy, ticket, now)?;
        *self.began.lock() = Some(opened.began);
        Some(opened.session)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, session: &[u8]) -> Option<Vec<u8>> {
        self.give(session, SystemTime::now())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.take(ticket, SystemTime::now())
    }
}
