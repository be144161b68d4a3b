//! The last minutes of one place: a point a second to plot, and the percentiles of the last minute.
//!
//! Filled by one task that looks once a second; requests pay nothing for it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::latency::{Counts, Quantiles};

/// Points that are kept: five minutes.
pub(super) const POINTS: usize = 300;
/// Seconds of a slot, and slots of a minute.
const SLOT: u64 = 10;
const SLOTS: usize = 6;

/// One second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Requests that ended in it.
    pub requests: u32,
    /// Those of them that were answered with 5xx.
    pub errors: u32,
    pub latency: Option<Quantiles>,
}

/// The points of one place, oldest first.
#[derive(Debug, Default)]
pub struct History {
    points: VecDeque<Point>,
    requests: u64,
    errors: u64,
    counts: Counts,
}

impl History {
    /// The counters stand at `requests` and `errors`, a second after the last look.
    pub fn tick(&mut self, requests: u64, errors: u64, counts: impl FnOnce() -> Counts) {
        let more =
            |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        let mut point = Point {
            requests: more(requests, self.requests),
            errors: more(errors, self.errors),
            latency: None,
        };
        if point.requests > 0 {
            let counts = counts();
            point.latency = counts.since(&self.counts).quantiles();
            self.counts = counts;
        }
        (self.requests, self.errors) = (requests, errors);
        if self.points.len() == POINTS {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    pub fn points(&self) -> impl Iterator<Item = Point> + '_ {
        self.points.iter().copied()
    }
}

/// What a histogram counted in the last minute, give or take ten seconds.
#[derive(Debug, Default)]
pub struct LastMinute {
    /// Whole slots, oldest first.
    slots: VecDeque<Counts>,
    /// As the histogram stood when the slot under way began.
    before: Counts,
    seconds: u64,
}

impl LastMinute {
    /// A second has passed.
    pub fn tick(&mut self, counts: impl FnOnce() -> Counts) {
        self.seconds += 1;
        if !self.seconds.is_multiple_of(SLOT) {
            return;
        }
        let now = counts();
        self.slots.push_back(now.since(&self.before));
        self.before = now;
        if self.slots.len() == SLOTS {
            self.slots.pop_front();
        }
    }

    /// `now` is how the histogram stands.
    pub fn quantiles(&self, now: &Counts) -> Option<Quantiles> {
        let mut counts = now.since(&self.before);
        for slot in &self.slots {
            counts.add(slot);
        }
        counts.quantiles()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::observe::Latency;

    #[test]
    fn a_point_tells_of_its_own_second_alone() {
        let (mut history, latency) = (History::default(), Latency::default());
        latency.observe(Duration::from_millis(10));
        history.tick(1, 0, || latency.counts());
        history.tick(1, 0, || latency.counts());
        latency.observe(Duration::from_secs(1));
        history.tick(3, 2, || latency.counts());
        let points: Vec<_> = history.points().collect();
        assert_eq!(
            points
                .iter()
                .map(|point| point.requests)
                .collect::<Vec<_>>(),
            [1, 0, 2]
        );
        assert_eq!(points[2].errors, 2);
        assert!(points[0].latency.unwrap().p99 < 12.0 && points[1].latency.is_none());
        assert!(points[2].latency.unwrap().p50 > 900.0);
    }

    #[test]
    fn no_more_is_kept_than_is_shown() {
        let (mut history, latency) = (History::default(), Latency::default());
        for requests in 0..2 * POINTS as u64 {
            history.tick(requests, 0, || latency.counts());
        }
        assert_eq!(history.points().count(), POINTS);
    }

    #[test]
    fn a_slow_minute_is_forgotten_after_a_minute() {
        let (mut minute, latency) = (LastMinute::default(), Latency::default());
        latency.observe(Duration::from_secs(5));
        for second in 0..70 {
            let p50 = minute
                .quantiles(&latency.counts())
                .map(|quantiles| quantiles.p50);
            match second {
                0..50 => assert!(p50.unwrap() > 4500.0, "{second}"),
                60.. => assert_eq!(p50, None, "{second}"),
                _ => {}
            }
            minute.tick(|| latency.counts());
        }
    }
}
