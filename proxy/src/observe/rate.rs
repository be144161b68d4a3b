//! How often something happens per second, as seen by whoever looks once a second: those that happen pay nothing.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Of one counter.
#[derive(Debug, Default)]
pub struct Rate {
    before: AtomicU64,
    now: AtomicU64,
    max: AtomicU64,
}

/// Times per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateView {
    /// In the last second.
    pub now: u64,
    /// In the busiest second since the start.
    pub max: u64,
}

impl Rate {
    /// The counter stands at `count`, so long after the last look.
    pub fn tick(&self, count: u64, elapsed: Duration) {
        let more = count.saturating_sub(self.before.swap(count, Relaxed));
        let millis = elapsed.as_millis().max(1);
        let rate = u64::try_from(u128::from(more) * 1000 / millis).unwrap_or(u64::MAX);
        self.now.store(rate, Relaxed);
        self.max.fetch_max(rate, Relaxed);
    }

    pub fn view(&self) -> RateView {
        RateView {
            now: self.now.load(Relaxed),
            max: self.max.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_and_the_busiest_are_kept() {
        let rate = Rate::default();
        for (count, millis, now) in [(10, 1000, 10), (70, 2000, 30), (70, 1000, 0)] {
            rate.tick(count, Duration::from_millis(millis));
            assert_eq!(rate.view().now, now);
        }
        assert_eq!(rate.view().max, 30);
    }
}
