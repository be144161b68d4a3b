//! How long things took, counted so that percentiles are percentiles and never averages of averages.
//!
//! A histogram whose buckets are a tenth of their value wide, from 10 µs to 1000 s, as HDR histograms are. Its
//! bounds hold every bound that is shown to Prometheus, so one count serves both.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// Powers of ten from 10 µs on that have buckets of their own.
const DECADES: u32 = 8;
/// 1.0, 1.1 … 4.9, then 5.0, 5.5 … 9.5.
const OF_DECADE: u64 = 50;
/// Those of the decades, one for what is quicker, and one for what is slower.
const BUCKETS: usize = 8 * 50 + 2;

/// A histogram that anyone may add to. Takes no room before its first value, and 3.2 KB from then on.
#[derive(Debug, Default)]
pub struct Buckets(OnceLock<Box<[AtomicU64; BUCKETS]>>);

/// A histogram that knows the sum of its values as well.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: Buckets,
    /// Nanoseconds; it would take 584 years of waiting to wrap around.
    sum: AtomicU64,
}

/// How long something took, with its bucket: what is counted in several places is looked up once.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    nanos: u64,
    bucket: usize,
}

/// What a histogram held at one moment, or between two: the buckets that are not empty, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(u16, u64)>);

/// Milliseconds within which half, 95 and 99 of a hundred were done; each at most a tenth off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

impl Took {
    pub fn new(took: Duration) -> Self {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        Self {
            nanos,
            bucket: index(nanos.div_ceil(1000)),
        }
    }
}

impl Buckets {
    pub fn add(&self, took: Took) {
        let buckets = self.0.get_or_init(|| {
            let empty = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
            empty
                .try_into()
                .unwrap_or_else(|_| Box::new([const { AtomicU64::new(0) }; BUCKETS]))
        });
        if let Some(bucket) = buckets.get(took.bucket) {
            bucket.fetch_add(1, Relaxed);
        }
    }

    pub fn counts(&self) -> Counts {
        let buckets = self.0.get().map_or(&[][..], |buckets| &buckets[..]);
        let counts = buckets.iter().map(|bucket| bucket.load(Relaxed));
        Counts((0..).zip(counts).filter(|(_, count)| *count > 0).collect())
    }
}

impl Latency {
    pub fn observe(&self, took: Duration) {
        self.add(Took::new(took));
    }

    pub fn add(&self, took: Took) {
        self.buckets.add(took);
        if took.nanos > 0 {
            self.sum.fetch_add(took.nanos, Relaxed);
        }
    }

    pub fn counts(&self) -> Counts {
        self.buckets.counts()
    }

    /// Of all values so far.
    pub fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum.load(Relaxed))
    }
}

impl Counts {
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What came after `before`, which was taken from the same histogram.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut earlier = before.0.iter().copied().peekable();
        let more = self.0.iter().filter_map(|&(index, count)| {
            while earlier.next_if(|(other, _)| *other < index).is_some() {}
            let had = earlier.next_if(|(other, _)| *other == index);
            let more = count.saturating_sub(had.map_or(0, |(_, count)| count));
            (more > 0).then_some((index, more))
        });
        Self(more.collect())
    }

    pub fn add(&mut self, other: &Self) {
        for &(index, count) in &other.0 {
            match self.0.binary_search_by_key(&index, |(index, _)| *index) {
                Ok(at) => self.0[at].1 += count,
                Err(at) => self.0.insert(at, (index, count)),
            }
        }
    }

    /// Adds so many that took no time.
    pub fn add_instant(&mut self, count: u64) {
        if count > 0 {
            self.add(&Self(vec![(0, count)]));
        }
    }

    /// How many took no longer than this, which is to be one of the histogram's bounds.
    pub fn within(&self, bound: Duration) -> u64 {
        let bound = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        let within = |(index, _): &&(u16, u64)| upper(usize::from(*index)) <= bound;
        self.0
            .iter()
            .take_while(within)
            .map(|(_, count)| count)
            .sum()
    }

    /// Nothing without values.
    pub fn quantiles(&self) -> Option<Quantiles> {
        Some(Quantiles {
            p50: self.quantile(50)?,
            p95: self.quantile(95)?,
            p99: self.quantile(99)?,
        })
    }

    /// Milliseconds within which so many of a hundred were done, taking those of a bucket as spread evenly over it.
    #[expect(clippy::cast_precision_loss, reason = "a tenth is the error anyway")]
    fn quantile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total() * percent).div_ceil(100);
        let mut before = 0;
        for &(index, count) in &self.0 {
            if before + count >= rank {
                let (low, high) = (lower(usize::from(index)), upper(usize::from(index)));
                let share = (rank - before) as f64 / count as f64;
                let micros = low as f64 + (high.min(LONGEST) - low) as f64 * share;
                return Some(micros / 1000.0);
            }
            before += count;
        }
        None
    }
}

/// Microseconds; what took longer is shown as this long.
const LONGEST: u64 = 10_u64.pow(1 + DECADES);

/// The bucket of a number of microseconds. Each holds its upper bound, as Prometheus' `le` does.
fn index(micros: u64) -> usize {
    let below = micros.saturating_sub(1);
    if below < 10 {
        return 0;
    }
    if below >= LONGEST {
        return BUCKETS - 1;
    }
    let decade = below.ilog10();
    // 10 to 99
    let tenths = below / 10_u64.pow(decade - 1);
    let within = if tenths < 50 {
        tenths - 10
    } else {
        40 + (tenths - 50) / 5
    };
    let index = 1 + u64::from(decade - 1) * OF_DECADE + within;
    usize::try_from(index).unwrap_or(BUCKETS - 1)
}

/// The bucket holds what is above this many microseconds…
fn lower(index: usize) -> u64 {
    let Some(index) = index.checked_sub(1) else {
        return 0;
    };
    let (mut bound, mut index) = (1, index as u64);
    while index >= OF_DECADE {
        bound *= 10;
        index -= OF_DECADE;
    }
    let tenths = if index < 40 {
        10 + index
    } else {
        50 + (index - 40) * 5
    };
    tenths * bound
}

/// … and up to this many.
fn upper(index: usize) -> u64 {
    if index + 1 < BUCKETS {
        lower(index + 1)
    } else {
        u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latency {
        let latency = Latency::default();
        for one in millis {
            latency.observe(Duration::from_millis(one));
        }
        latency
    }

    #[test]
    fn buckets_follow_each_other_without_gaps_and_are_a_tenth_wide_at_most() {
        assert_eq!((lower(0), upper(0)), (0, 10));
        for bucket in 1..BUCKETS - 1 {
            let (low, high) = (lower(bucket), upper(bucket));
            assert!(
                low < high && (high - low) * 10 <= low,
                "{bucket}: {low} to {high}"
            );
            assert_eq!((index(low + 1), index(high)), (bucket, bucket));
        }
        assert_eq!(lower(BUCKETS - 1), LONGEST);
        assert_eq!(
            (index(LONGEST), index(LONGEST + 1)),
            (BUCKETS - 2, BUCKETS - 1)
        );
    }

    #[test]
    fn the_bounds_that_prometheus_is_shown_are_bounds_of_buckets() {
        for millis in [
            1_u64, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
        ] {
            let latency = of([millis]);
            let bound = Duration::from_millis(millis);
            assert_eq!(latency.counts().within(bound), 1, "{millis}");
            latency.observe(bound + Duration::from_nanos(1));
            assert_eq!(latency.counts().within(bound), 1, "{millis}");
        }
    }

    #[test]
    fn percentiles_are_within_a_tenth() {
        let quantiles = of(1..=1000).counts().quantiles().unwrap();
        for (is, expected) in [
            (quantiles.p50, 500.0),
            (quantiles.p95, 950.0),
            (quantiles.p99, 990.0),
        ] {
            assert!(
                (is - expected).abs() <= expected / 10.0,
                "{is} for {expected}"
            );
        }
        assert_eq!(Latency::default().counts().quantiles(), None);
    }

    #[test]
    fn one_slow_answer_in_a_hundred_is_no_lie_of_an_average() {
        let quantiles = of(std::iter::repeat_n(2, 97).chain([4000; 3]))
            .counts()
            .quantiles()
            .unwrap();
        assert!(
            quantiles.p50 < 2.3 && quantiles.p95 < 2.3 && quantiles.p99 > 3600.0,
            "{quantiles:?}"
        );
    }

    #[test]
    fn what_came_between_two_looks_is_their_difference() {
        let latency = of([1, 5, 5]);
        let before = latency.counts();
        for millis in [5, 70] {
            latency.observe(Duration::from_millis(millis));
        }
        let between = latency.counts().since(&before);
        assert_eq!(between, of([5, 70]).counts());
        let mut sum = before;
        sum.add(&between);
        assert_eq!(sum, latency.counts());
        assert_eq!(latency.sum(), Duration::from_millis(86));
    }

    #[test]
    fn what_takes_for_ever_is_counted_too() {
        let latency = Latency::default();
        latency.observe(Duration::MAX);
        assert_eq!(latency.counts().total(), 1);
        assert!(latency.counts().quantiles().unwrap().p50 >= 1e6);
    }

    proptest! {
        #[test]
        fn each_value_lies_in_its_bucket(micros in 1..2 * LONGEST) {
            let bucket = index(micros);
            prop_assert!(lower(bucket) < micros && micros <= upper(bucket));
        }
    }
}
