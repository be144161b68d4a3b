//! Medians, and in what interval the rounds lie.

use serde::Serialize;

/// The middle of the values; of an even number of them, the mean of the two in the middle. None of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// A value that `share` of the values do not exceed, 0.99 for the 99th percentile; none of none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place among millions"
)]
pub(crate) fn percentile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

/// A ratio in the middle of the rounds, and the interval that holds it with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Interval {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

/// How often the rounds are drawn again.
const DRAWS: usize = 2_000;

impl Interval {
    /// By bootstrap: the median of as many values, drawn with replacement, again and again. The draws are the same in each run.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let middle = median(values)?;
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut draw = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let place = usize::try_from(state >> 33).unwrap_or(0) % values.len();
            values.get(place).copied().unwrap_or(middle)
        };
        let medians: Vec<f64> = (0..DRAWS)
            .filter_map(|_| {
                let drawn: Vec<f64> = values.iter().map(|_| draw()).collect();
                median(&drawn)
            })
            .collect();
        Some(Self {
            median: middle,
            low: percentile(&medians, 0.025)?,
            high: percentile(&medians, 0.975)?,
        })
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these values are passed on, not computed")]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), Some(500.0));
        assert_eq!(percentile(&values, 0.999), Some(999.0));
        assert_eq!(percentile(&values, 1.0), Some(1000.0));
        assert_eq!(percentile(&[], 0.5), None);
    }

    #[test]
    fn the_interval_holds_the_median_and_stays_within_the_rounds() {
        let rounds = [1.10, 1.14, 1.12, 1.20, 1.11, 1.13, 1.09];
        let interval = Interval::of(&rounds).unwrap();
        assert_eq!(interval.median, 1.12);
        assert!(1.09 <= interval.low && interval.low <= 1.12);
        assert!(1.12 <= interval.high && interval.high <= 1.20);
        assert_eq!(Interval::of(&rounds), Interval::of(&rounds));
    }

    #[test]
    fn equal_rounds_leave_no_doubt() {
        let interval = Interval::of(&[2.0; 7]).unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 2.0));
        assert_eq!(Interval::of(&[]), None);
    }
}
