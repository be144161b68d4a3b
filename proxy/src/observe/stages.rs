//! What the stages of a request took of late: averages as `HAProxy` shows them, beside the longest since the start.
//!
//! For those who look for `HAProxy`'s columns; percentiles (`latency.rs`) tell more.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::record::Timers;

/// Requests that an average goes over.
const SPAN: u64 = 1024;

/// Of one server or upstream.
#[derive(Debug, Default)]
pub struct Stages {
    count: AtomicU64,
    queue: Average,
    connect: Average,
    first_byte: Average,
    total: Average,
}

/// A moving average and the longest, in microseconds.
#[derive(Debug, Default)]
struct Average {
    /// Times [`SPAN`], so that what is small is not lost.
    scaled: AtomicU64,
    longest: AtomicU64,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagesView {
    pub queue: StageView,
    pub connect: StageView,
    pub first_byte: StageView,
    pub total: StageView,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageView {
    /// Over the last 1024 requests.
    pub average: u64,
    pub longest: u64,
}

impl Stages {
    /// Of two requests that end at the same instant one may be left out of an average, which shows in none.
    pub(super) fn note(&self, timers: &Timers) {
        let count = self.count.load(Relaxed);
        if count < SPAN {
            self.count.store(count + 1, Relaxed);
        }
        let zero = Duration::ZERO;
        self.queue.note(count, timers.queue.unwrap_or(zero));
        self.connect.note(count, timers.connect.unwrap_or(zero));
        self.first_byte
            .note(count, timers.first_byte.unwrap_or(zero));
        self.total.note(count, timers.total);
    }

    pub fn view(&self) -> StagesView {
        StagesView {
            queue: self.queue.view(),
            connect: self.connect.view(),
            first_byte: self.first_byte.view(),
            total: self.total.view(),
        }
    }
}

impl Average {
    fn note(&self, count: u64, took: Duration) {
        // A day is more than any request may take.
        let micros = u64::try_from(took.as_micros())
            .unwrap_or(u64::MAX)
            .min(86_400_000_000);
        let (scaled, weight) = (self.scaled.load(Relaxed), (count + 1).min(SPAN));
        if scaled != 0 || micros != 0 {
            let next = if weight == SPAN {
                // The same without a division.
                scaled - scaled / SPAN + micros
            } else {
                scaled - scaled / weight + micros * SPAN / weight
            };
            self.scaled.store(next, Relaxed);
        }
        if micros > self.longest.load(Relaxed) {
            self.longest.fetch_max(micros, Relaxed);
        }
    }

    fn view(&self) -> StageView {
        StageView {
            average: (self.scaled.load(Relaxed) / SPAN).div_ceil(1000),
            longest: self.longest.load(Relaxed).div_ceil(1000),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: impl IntoIterator<Item = u64>) -> StageView {
        let stages = Stages::default();
        for one in millis {
            stages.note(&Timers {
                total: Duration::from_millis(one),
                ..Timers::default()
            });
        }
        stages.view().total
    }

    #[test]
    fn an_average_goes_over_the_last_thousand() {
        let cases = [
            (after([10]), 10, 10),
            (after([10, 30]), 20, 30),
            (after(std::iter::repeat_n(100, 5000)), 100, 100),
            (
                after([5000].into_iter().chain(std::iter::repeat_n(0, 20_000))),
                1,
                5000,
            ),
            (after([0]), 0, 0),
        ];
        for (is, average, longest) in cases {
            assert!(is.average.abs_diff(average) <= 1, "{is:?} for {average}");
            assert_eq!(is.longest, longest);
        }
    }
}
