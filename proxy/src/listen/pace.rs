//! Whether a client keeps up: slowness is saved up, and wears off as bytes move.

use std::time::Duration;

/// A client owes `rate` bytes for each second we wait for it, and may fall behind by `grace`.
///
/// A byte a second short of an idle timeout would else hold a connection for ever. Kestrel's
/// `MinRequestBodyDataRate` is the precedent; there what was sent early counts for ever, here no further than
/// the grace, so that nothing buys the right to dribble.
#[derive(Debug)]
pub struct Pace {
    /// Bytes a second; 0 asks nothing.
    rate: u64,
    grace: Duration,
    /// How long we may still be made to wait.
    left: Duration,
}

impl Pace {
    pub fn new(rate: u64, grace: Duration) -> Self {
        Self {
            rate,
            grace,
            left: grace,
        }
    }

    /// Asks nothing.
    pub fn any() -> Self {
        Self::new(0, Duration::ZERO)
    }

    /// What was slow before is forgotten.
    pub fn start_over(&mut self) {
        self.left = self.grace;
    }

    /// How long the wait that begins now may last; nothing if for as long as it likes.
    pub fn left(&self) -> Option<Duration> {
        (self.rate > 0).then_some(self.left)
    }

    /// `bytes` moved after a wait of `waited`; false if that was too slow.
    pub fn moved(&mut self, bytes: usize, waited: Duration) -> bool {
        if self.rate == 0 {
            return true;
        }
        let keeps_up = waited <= self.left;
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let earned = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let left = self.left.saturating_sub(waited);
        self.left = left.saturating_add(earned).min(self.grace);
        keeps_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    /// How many turns of so many bytes after so long a wait a client gets, of a hundred.
    fn turns(rate: u64, bytes: usize, wait: Duration) -> usize {
        let mut pace = Pace::new(rate, GRACE);
        (0..100).take_while(|_| pace.moved(bytes, wait)).count()
    }

    #[test]
    fn a_client_below_the_rate_gets_its_grace_and_no_more() {
        let seconds = Duration::from_secs;
        for (rate, bytes, wait, expected) in [
            (240, 1, seconds(29), 1),
            (240, 1, seconds(1), 30),
            (240, 120, seconds(1), 59),
            (240, 240, seconds(1), 100),
            (240, 2400, seconds(10), 100),
            (240, 100_000, seconds(30), 100),
            (240, 100_000, seconds(31), 0),
            (240, 0, seconds(10), 3),
            (0, 0, seconds(1000), 100),
        ] {
            let got = turns(rate, bytes, wait);
            assert_eq!(got, expected, "{bytes} bytes each {wait:?} at {rate}");
        }
    }

    #[test]
    fn nothing_sent_early_buys_more_than_the_grace() {
        let mut pace = Pace::new(240, GRACE);
        assert!(pace.moved(1 << 30, Duration::ZERO));
        assert_eq!(pace.left(), Some(GRACE));
        assert!(pace.moved(usize::MAX, GRACE));
        assert_eq!(pace.left(), Some(GRACE));
    }

    #[test]
    fn starting_over_forgets() {
        let mut pace = Pace::new(240, GRACE);
        assert!(pace.moved(0, GRACE));
        assert_eq!(pace.left(), Some(Duration::ZERO));
        pace.start_over();
        assert_eq!(pace.left(), Some(GRACE));
        assert_eq!(Pace::any().left(), None);
    }
}
