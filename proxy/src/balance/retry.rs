//! Whether a request that failed on one server is sent to another: one decision, in one place.
//!
//! Nothing is ever done twice that must not be: once a byte has left the proxy, only a request
//! that means the same however often it is sent, and that can be sent again in full, goes on.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

use http::{Method, StatusCode};
use parking_lot::Mutex;

use super::vitals::Failure;
use crate::config::model::{Retries, RetryOn};

/// A try that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub failure: Failure,
    pub sent: Sent,
    /// See [`is_idempotent`].
    pub idempotent: bool,
    /// Tries made, this one included; at least 1.
    pub tries: u32,
}

/// How much of the request has left the proxy, to any server, in any of its tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Nothing,
    /// Bytes of the head, none of the body; so the body is still whole.
    Head,
    /// Bytes of the body too. `kept` if all that was read of it is still held and can be replayed.
    Body {
        kept: bool,
    },
}

/// Whether sending a request of this method twice has the effect of sending it once.
///
/// RFC 9110 section 9.2.2, and PROPFIND (RFC 4918 section 9.1). A method we do not know is not.
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    ) || method.as_str() == "PROPFIND"
}

impl Attempt {
    /// Whether the request may be sent once more without harm.
    pub fn is_repeatable(&self) -> bool {
        match self.sent {
            Sent::Nothing => true,
            Sent::Head => self.idempotent,
            Sent::Body { kept } => self.idempotent && kept,
        }
    }

    /// A response that does not come in time counts as the 504 it would become, a malformed one as the 502.
    fn is_listed(&self, on: &RetryOn) -> bool {
        match self.failure {
            Failure::Connect => on.connect,
            Failure::Reset => on.reset,
            Failure::Timeout => on.statuses.contains(&StatusCode::GATEWAY_TIMEOUT),
            Failure::Malformed => on.statuses.contains(&StatusCode::BAD_GATEWAY),
            Failure::Status(status) => on.statuses.contains(&status),
        }
    }
}

/// Keeps retries a share of the requests of the last ten seconds, so that they cannot make an
/// outage worse.
///
/// Ten retries in ten seconds are always allowed, for a quiet upstream; but a budget of 0 % means
/// no retries at all. Counts by whole seconds: the window is between nine and ten seconds long.
#[derive(Debug)]
pub struct Budget {
    origin: Instant,
    /// Written by every request, so without a lock.
    requests: [AtomicU64; SLOTS],
    /// Locked while a retry is decided, so that two cannot both take the last one.
    retries: Mutex<[Slot; SLOTS]>,
}

const SECONDS: u64 = 10;
const SLOTS: usize = 10;
const FLOOR: u64 = 10;

/// What was counted in one second. As bits: the second above, the count in the lower half.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    second: u64,
    count: u64,
}

impl Budget {
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            requests: Default::default(),
            retries: Mutex::default(),
        }
    }

    /// Counts a request. Its retries are not requests.
    pub fn deposit(&self, now: Instant) {
        let second = self.second(now);
        let Some(slot) = self.requests.get(place(second)) else {
            return;
        };
        let seen = slot.load(Relaxed);
        if Slot::from_bits(seen).second < second {
            let empty = Slot { second, count: 0 }.to_bits();
            // Whoever loses this race finds the slot emptied by the winner.
            let _ = slot.compare_exchange(seen, empty, Relaxed, Relaxed);
        }
        slot.fetch_add(1, Relaxed);
    }

    /// Whether this attempt may be followed by another; counts the retry if so.
    ///
    /// Connect failures are free while the upstream panics: panic sends requests to servers known
    /// to be dead on purpose, and the budget would be spent on what the proxy itself has caused.
    pub fn again(
        &self,
        retries: &Retries,
        attempt: &Attempt,
        panicking: bool,
        now: Instant,
    ) -> bool {
        let Retries {
            attempts,
            budget,
            on,
        } = retries;
        if attempt.tries > *attempts
            || budget.get() == 0
            || !attempt.is_listed(on)
            || !attempt.is_repeatable()
        {
            return false;
        }
        let free = panicking && attempt.failure == Failure::Connect;
        free || self.withdraw(u64::from(budget.get()), now)
    }

    fn withdraw(&self, percent: u64, now: Instant) -> bool {
        let second = self.second(now);
        let requests = recent(self.requests.iter().map(Slot::load), second);
        let mut retries = self.retries.lock();
        if recent(retries.iter().copied(), second) >= FLOOR.max(requests * percent / 100) {
            return false;
        }
        if let Some(slot) = retries.get_mut(place(second)) {
            if slot.second < second {
                *slot = Slot { second, count: 0 };
            }
            slot.count += 1;
        }
        true
    }

    /// Seconds since the first, which has the number 10: so a slot never used is never recent.
    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_secs() + SECONDS
    }
}

impl Slot {
    fn load(bits: &AtomicU64) -> Self {
        Self::from_bits(bits.load(Relaxed))
    }

    fn from_bits(bits: u64) -> Self {
        Self {
            second: bits >> 32,
            count: bits & u64::from(u32::MAX),
        }
    }

    fn to_bits(self) -> u64 {
        self.second << 32 | self.count
    }
}

/// The slot of a second.
fn place(second: u64) -> usize {
    (second % SECONDS) as usize
}

/// What was counted in the ten seconds that end with this one.
fn recent(slots: impl Iterator<Item = Slot>, second: u64) -> u64 {
    slots
        .filter(|slot| second.saturating_sub(slot.second) < SECONDS)
        .map(|slot| slot.count)
        .sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::balance::sample;

    use Failure::{Connect, Malformed, Reset, Timeout};
    use Sent::{Head, Nothing};

    const KEPT: Sent = Sent::Body { kept: true };
    const GONE: Sent = Sent::Body { kept: false };

    fn status(code: u16) -> Failure {
        Failure::Status(StatusCode::from_u16(code).unwrap())
    }

    fn attempt(failure: Failure, sent: Sent, idempotent: bool, tries: u32) -> Attempt {
        Attempt {
            failure,
            sent,
            idempotent,
            tries,
        }
    }

    #[test]
    fn what_may_be_tried_again_and_what_may_not() {
        let (get, post) = (true, false);
        let table = [
            // Nothing has left the proxy: any method goes on.
            (Connect, Nothing, get, 1, true),
            (Connect, Nothing, post, 1, true),
            (Reset, Nothing, get, 1, true),
            (Reset, Nothing, post, 1, true),
            // The head has left: only what is idempotent.
            (Reset, Head, get, 1, true),
            (Reset, Head, post, 1, false),
            (status(502), Head, get, 1, true),
            (status(502), Head, post, 1, false),
            (status(503), Head, get, 1, true),
            (Timeout, Head, get, 1, true),
            (Timeout, Head, post, 1, false),
            (Malformed, Head, get, 1, true),
            (Malformed, Head, post, 1, false),
            // A body has left: only if it can be replayed as well.
            (Reset, KEPT, get, 1, true),
            (Reset, GONE, get, 1, false),
            (Reset, KEPT, post, 1, false),
            (Reset, GONE, post, 1, false),
            (status(503), KEPT, get, 1, true),
            (status(503), GONE, get, 1, false),
            (Timeout, KEPT, get, 1, true),
            (Timeout, GONE, get, 1, false),
            // What an earlier try has sent counts as well.
            (Connect, Head, get, 2, true),
            (Connect, Head, post, 2, false),
            (Connect, GONE, get, 2, false),
            // Statuses that are not listed are answers.
            (status(500), Head, get, 1, false),
            (status(429), Head, get, 1, false),
            (status(404), Head, get, 1, false),
            // Two attempts after the first.
            (Connect, Nothing, get, 2, true),
            (Connect, Nothing, get, 3, false),
            (Reset, Head, get, 3, false),
            (Connect, Nothing, get, u32::MAX, false),
        ];
        let retries = sample::retries(2, 20, &[502, 503, 504]);
        for (failure, sent, idempotent, tries, expected) in table {
            let now = Instant::now();
            let attempt = attempt(failure, sent, idempotent, tries);
            let again = Budget::new(now).again(&retries, &attempt, false, now);
            assert_eq!(again, expected, "{attempt:?}");
        }
    }

    #[test]
    fn only_listed_failures_are_tried_again() {
        let mut retries = sample::retries(2, 20, &[503]);
        let now = Instant::now();
        let again = |retries: &Retries, failure| {
            Budget::new(now).again(retries, &attempt(failure, Nothing, true, 1), false, now)
        };
        let table = [
            (Connect, true),
            (Reset, true),
            (status(503), true),
            (status(502), false),
            // A slow first byte is a 504, a malformed response a 502.
            (Timeout, false),
            (Malformed, false),
        ];
        for (failure, expected) in table {
            assert_eq!(again(&retries, failure), expected, "{failure:?}");
        }
        retries.on.connect = false;
        retries.on.reset = false;
        assert!(!again(&retries, Connect));
        assert!(!again(&retries, Reset));
        assert!(again(&retries, status(503)));
        retries.attempts = 0;
        assert!(!again(&retries, status(503)));
    }

    #[test]
    fn methods_that_may_be_sent_twice() {
        let table = [
            ("GET", true),
            ("HEAD", true),
            ("OPTIONS", true),
            ("TRACE", true),
            ("PUT", true),
            ("DELETE", true),
            ("PROPFIND", true),
            ("POST", false),
            ("PATCH", false),
            ("CONNECT", false),
            ("get", false),
            ("PURGE", false),
        ];
        for (method, expected) in table {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(is_idempotent(&method), expected, "{method}");
        }
    }

    /// How many retries are granted before one is refused.
    fn granted(budget: &Budget, percent: u8, panicking: bool, now: Instant) -> usize {
        let retries = sample::retries(2, percent, &[]);
        let attempt = attempt(Connect, Nothing, true, 1);
        let grants = || budget.again(&retries, &attempt, panicking, now);
        (0..1000).take_while(|_| grants()).count()
    }

    #[test]
    fn the_budget_is_a_share_with_a_floor() {
        let table = [
            (0, 20, 10),
            (50, 20, 10),
            (54, 20, 10),
            (55, 20, 11),
            (500, 20, 100),
            (500, 100, 500),
            (500, 1, 10),
            (0, 0, 0),
            (500, 0, 0),
        ];
        for (requests, percent, expected) in table {
            let now = Instant::now();
            let budget = Budget::new(now);
            (0..requests).for_each(|_| budget.deposit(now));
            let granted = granted(&budget, percent, false, now);
            assert_eq!(granted, expected, "{percent} % of {requests}");
        }
    }

    #[test]
    fn requests_and_retries_are_forgotten_after_ten_seconds() {
        let start = Instant::now();
        let budget = Budget::new(start);
        let at = |seconds| start + Duration::from_secs(seconds);
        (0..100).for_each(|_| budget.deposit(start));
        assert_eq!(granted(&budget, 20, false, at(9)), 20);
        assert_eq!(granted(&budget, 20, false, at(10)), 0, "of none, 20 spent");
        assert_eq!(granted(&budget, 20, false, at(18)), 0);
        assert_eq!(granted(&budget, 20, false, at(19)), 10, "the floor is back");
    }

    #[test]
    fn requests_of_every_second_of_the_window_count() {
        let start = Instant::now();
        let budget = Budget::new(start);
        for second in 0..25 {
            (0..10).for_each(|_| budget.deposit(start + Duration::from_secs(second)));
        }
        let now = start + Duration::from_secs(24);
        assert_eq!(granted(&budget, 50, false, now), 50);
    }

    #[test]
    fn a_panic_does_not_spend_the_budget_on_dead_servers() {
        let now = Instant::now();
        let budget = Budget::new(now);
        assert_eq!(granted(&budget, 20, true, now), 1000);
        assert_eq!(granted(&budget, 20, false, now), 10, "nothing was spent");
        assert_eq!(granted(&budget, 0, true, now), 0, "0 % is none at all");
        let reset = attempt(Reset, Head, true, 1);
        let retries = sample::retries(2, 20, &[]);
        assert!(!budget.again(&retries, &reset, true, now));
    }

    #[test]
    fn threads_together_get_what_the_budget_has() {
        let now = Instant::now();
        let budget = Budget::new(now);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| budget.deposit(now)));
            }
        });
        let total: usize = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(|| granted(&budget, 20, false, now)));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(total, 800);
    }
}
