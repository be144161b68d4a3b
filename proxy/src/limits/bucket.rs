//! A leaky bucket as GCRA has it (ITU-T I.371), and how full one is.

use std::{num::NonZeroU32, time::Duration};

/// How much may pass, whoever it is for: `rate` in `window`, and `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bucket {
    pub rate: NonZeroU32,
    pub window: Duration,
    /// Requests that pass at once after a quiet while.
    pub burst: NonZeroU32,
}

/// What one check of one bucket found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Until the request conforms; zero if it does, and then it was counted.
    pub wait: Duration,
    /// Further requests that would pass at this moment.
    pub remaining: u32,
    /// Until the bucket is as if nobody had come.
    pub reset: Duration,
}

impl Bucket {
    /// The slowest bucket there is: one that was emptied is full again within this.
    pub const LONGEST_FILL: Duration = Duration::from_secs(3650 * 86_400);

    /// Between two requests at the allowed rate, in whole nanoseconds, at least one.
    pub fn interval(&self) -> Duration {
        (self.window / self.rate.get()).max(Duration::from_nanos(1))
    }

    /// Whether it takes longer than [`Self::LONGEST_FILL`] to fill.
    pub fn is_too_slow(&self) -> bool {
        self.interval().saturating_mul(self.burst.get()) > Self::LONGEST_FILL
    }

    /// How long an empty bucket takes to be full; at most [`Self::LONGEST_FILL`].
    pub fn fill(&self) -> Duration {
        let fill = self.interval().saturating_mul(self.burst.get());
        fill.min(Self::LONGEST_FILL)
    }
}

impl Standing {
    pub fn passes(&self) -> bool {
        self.wait.is_zero()
    }
}
