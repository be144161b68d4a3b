//! How often a batch is tried, and how long is waited between.

use std::time::Duration;

use super::collector::Failure;

/// Requests for one batch at most.
const MOST: u32 = 5;
/// Before the second of them; each next one waits twice as long.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// How long to wait before the next try, or that it is not worth one. `chance` is from 0 to 1: collectors should not hear
    /// from all their clients at once.
    pub(super) fn after(&mut self, failure: &Failure, chance: f64) -> Option<Duration> {
        self.0 += 1;
        if !failure.may_pass || self.0 >= MOST {
            return None;
        }
        let pause = PAUSE * 2_u32.pow(self.0 - 1);
        Some(failure.after.unwrap_or(pause.mul_f64(0.5 + chance / 2.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(failure: &Failure, chance: f64) -> Vec<u128> {
        let mut tries = Tries::default();
        let pauses = std::iter::from_fn(|| tries.after(failure, chance));
        pauses.take(100).map(|pause| pause.as_millis()).collect()
    }

    #[test]
    fn a_batch_is_sent_again_when_that_may_help_and_not_for_ever() {
        let failure = |may_pass, after: Option<u64>| Failure {
            reason: String::new(),
            may_pass,
            after: after.map(Duration::from_secs),
        };
        for (failure, chance, expected) in [
            (failure(true, None), 1.0, &[1000, 2000, 4000, 8000][..]),
            (failure(true, None), 0.0, &[500, 1000, 2000, 4000]),
            (failure(true, Some(7)), 0.0, &[7000; 4]),
            (failure(true, Some(0)), 1.0, &[0; 4]),
            (failure(false, None), 1.0, &[]),
            (failure(false, Some(7)), 1.0, &[]),
        ] {
            assert_eq!(pauses(&failure, chance), expected, "{failure:?} {chance}");
        }
    }
}
