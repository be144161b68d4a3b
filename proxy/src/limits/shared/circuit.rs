//! When the store is not asked any more, and when it is tried again.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// How the last 32 checks ended, a bit each; 1 is a failure, and the lowest is the last.
///
/// A store of which every fourth answer comes too late costs more than it is worth, and one that is
/// merely shaken by a moment's load is not given up.
#[derive(Debug, Default)]
pub(super) struct Circuit(AtomicU32);

/// Failures among the last 32 checks that are too many.
const TOO_MANY: u32 = 8;

/// Until the first try to reach a lost store again, and between two tries at most.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

impl Circuit {
    /// Notes how a check ended; whether failures are too many now.
    pub(super) fn note(&self, has_failed: bool) -> bool {
        let before = self.0.load(Relaxed);
        if before == 0 && !has_failed {
            return false; // all is well, and nothing is written that every thread reads
        }
        // If two checks end at once, one of the notes may be lost, which does no harm.
        let now = before << 1 | u32::from(has_failed);
        self.0.store(now, Relaxed);
        has_failed && now.count_ones() >= TOO_MANY
    }

    /// The store has been reached anew.
    pub(super) fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// Until the next try, after so many that failed. `chance` is from 0 to 1, so that nodes do not come all at once.
pub(super) fn pause(failures: u32, chance: f64) -> Duration {
    let longest = SHORTEST.saturating_mul(1 << failures.min(10)).min(LONGEST);
    longest.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After which of these checks, `x` for a failure, the store is given up.
    fn given_up(checks: &str) -> Option<usize> {
        let circuit = Circuit::default();
        checks.chars().position(|check| circuit.note(check == 'x'))
    }

    #[test]
    fn failures_close_together_are_too_many() {
        for (checks, after) in [
            (String::new(), None),
            (".".repeat(100), None),
            ("x".repeat(7), None),
            ("x".repeat(8), Some(7)),
            (format!("{}{}", ".".repeat(50), "x".repeat(8)), Some(57)),
            // One of four is too many; one of five is not.
            ("...x".repeat(20), Some(31)),
            ("....x".repeat(20), None),
            // What is long ago is forgotten.
            (
                format!("{}{}{}", "x".repeat(7), ".".repeat(32), "x".repeat(7)),
                None,
            ),
        ] {
            assert_eq!(given_up(&checks), after, "{checks}");
        }
    }

    #[test]
    fn a_store_reached_anew_begins_anew() {
        let circuit = Circuit::default();
        assert!((0..7).all(|_| !circuit.note(true)));
        circuit.reset();
        assert!((0..7).all(|_| !circuit.note(true)));
        assert!(circuit.note(true));
    }

    #[test]
    fn pauses_grow_up_to_a_limit_and_differ_from_node_to_node() {
        let millis = |failures, chance| pause(failures, chance).as_millis();
        assert_eq!([millis(0, 0.0), millis(0, 1.0)], [50, 100]);
        assert_eq!([millis(3, 0.0), millis(3, 1.0)], [400, 800]);
        assert_eq!([millis(6, 0.0), millis(6, 1.0)], [2500, 5000]);
        assert_eq!([millis(u32::MAX, 0.0), millis(u32::MAX, 1.0)], [2500, 5000]);
    }
}
