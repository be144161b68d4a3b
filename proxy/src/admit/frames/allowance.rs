//! How much of each kind of frame a client may send, and why just so much.
//!
//! The numbers stand above what clients were seen to need (browsers, gRPC, curl, load generators) by a factor
//! of two or more, and far below what a flood lives on: none lets a connection spend more of us in a second
//! than some thousandths of a core.

use std::time::{Duration, Instant};

/// CVE-2023-44487. A browser's streams `at_once`, and then twenty in a second, as one who scrolls through
/// pictures cancels what has left the screen. Whatever is answered may be cancelled as often again. Above
/// that, Envoy ends a connection by the share of its resets, Go and nginx slow it down.
pub(super) fn resets(at_once: usize) -> Account {
    Account::new(u32::try_from(at_once).unwrap_or(u32::MAX), 20)
}

/// CVE-2025-8671, and requests that the lane answers by itself. Clients in order are never blamed; one with a mistake may
/// be, for each of its requests, until somebody looks. `h2` ends a connection after 1024, and Pingora after 32 requests
/// that are malformed, neither with a word of why: so that we are first.
pub(super) fn our_resets() -> Account {
    Account::new(25, 1)
}

/// CVE-2019-9512. Clients measure the path with pings: gRPC sends one with every DATA frame it gets, and
/// these are earned; browsers and keep-alive send one in seconds.
pub(super) fn pings() -> Account {
    Account::new(100, 10)
}

/// CVE-2019-9515. One at the beginning; gRPC in Go sends another whenever it finds the path to be wider, which
/// doubles each time. A change of the initial window walks over every stream.
pub(super) fn settings() -> Account {
    Account::new(30, 1)
}

/// CVE-2019-9513. Old browsers build a tree of six and move each request in it; new ones send
/// `PRIORITY_UPDATE` when a picture scrolls into view. We heed neither.
pub(super) fn priorities() -> Account {
    Account::new(300, 20)
}

/// CVE-2019-9511 and CVE-2019-9517. A client in order opens its window as it reads: at worst twice for each
/// DATA frame, once for the stream and once for the connection. One for each 256 bytes that we send is
/// earned, so frames of 512 bytes and more pay for themselves (h2load with a window of 1 KiB is served), and
/// small ones (events) live on the fifty in a second.
pub(super) fn windows() -> Account {
    Account::new(1000, 50)
}

/// CVE-2019-9518. A client that flushes nothing, once in a while. `h2` takes 100 in a connection's life.
pub(super) fn empty() -> Account {
    Account::new(50, 1)
}

/// Clients send a frame of a made-up kind now and then, so that servers keep ignoring them (RFC 8701).
pub(super) fn unknown() -> Account {
    Account::new(100, 10)
}

/// What one window update costs in bytes sent.
const BYTES_OF_A_WINDOW_UPDATE: u32 = 256;

/// A leaky bucket, told in time: how far into the future the spending of the past reaches. It holds `burst`,
/// and regains `rate` in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Account {
    /// What one costs.
    price: Duration,
    /// How far the debt may reach.
    reach: Duration,
    /// Until when what was spent is paid; nothing was spent yet without.
    paid_at: Option<Instant>,
}

impl Account {
    fn new(burst: u32, rate: u32) -> Self {
        let price = Duration::from_secs(1) / rate.max(1);
        Self {
            price,
            reach: price.saturating_mul(burst),
            paid_at: None,
        }
    }

    /// Spends one; false if it is not there.
    pub(super) fn spend(&mut self, now: Instant) -> bool {
        let from = self.paid_at.map_or(now, |paid_at| paid_at.max(now));
        let Some(paid_at) = from.checked_add(self.price) else {
            return false;
        };
        let is_there = paid_at.duration_since(now) <= self.reach;
        if is_there {
            self.paid_at = Some(paid_at);
        }
        is_there
    }

    /// Whether a quarter of it is spent.
    pub(super) fn is_quarter_spent(&self, now: Instant) -> bool {
        let debt = self
            .paid_at
            .map(|paid_at| paid_at.saturating_duration_since(now));
        debt.is_some_and(|debt| debt > self.reach / 4)
    }

    /// Gives back what some of them cost. It cannot be saved up: an account holds no more than its burst.
    pub(super) fn earn(&mut self, some: u32) {
        self.pay(self.price.saturating_mul(some));
    }

    /// Gives back for bytes that were sent.
    pub(super) fn earn_by_bytes(&mut self, bytes: u32) {
        self.pay((self.price / BYTES_OF_A_WINDOW_UPDATE).saturating_mul(bytes));
    }

    fn pay(&mut self, debt: Duration) {
        self.paid_at = self.paid_at.and_then(|paid_at| paid_at.checked_sub(debt));
    }
}
