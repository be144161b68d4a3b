//! How hard to try while the processors are busy.

use std::time::Duration;

use crate::policy::Coding;

/// How much of the processors that we may use is in use, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Load(u16);

/// Up to here levels are as configured.
const AT_EASE: u16 = 600;
/// From here on nothing is compressed.
const AT_THE_LIMIT: u16 = 950;

impl Load {
    pub const NONE: Self = Self(0);

    /// More than a thousand becomes a thousand.
    pub const fn thousandths(busy: u16) -> Self {
        Self(if busy > 1000 { 1000 } else { busy })
    }

    /// Of so many thousandths of a processor for this long, so much was used.
    pub fn of(used: Duration, within: Duration, processors: u32) -> Self {
        let all = within.as_micros().saturating_mul(processors.max(1).into());
        let busy = used.as_micros().saturating_mul(1_000_000).checked_div(all);
        Self::thousandths(busy.map_or(0, |busy| u16::try_from(busy).unwrap_or(u16::MAX)))
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    /// Half way between two: one busy second alone changes less.
    #[must_use]
    pub const fn between(self, other: Self) -> Self {
        Self(u16::midpoint(self.0, other.0))
    }
}

/// The level to compress at: as configured while there is enough to spare, then step by step down to the coding's
/// cheapest, and beyond 95 % none.
pub(super) fn eased(coding: Coding, configured: u8, load: Load) -> Option<u8> {
    let Load(busy) = load;
    if busy >= AT_THE_LIMIT {
        return None;
    }
    let steps = u16::from(configured.saturating_sub(cheapest(coding)));
    let beyond = busy.saturating_sub(AT_EASE);
    // From the border on, each step has its equal share of the way to the limit, the cheapest level the last.
    let down = beyond * (steps + 1) / (AT_THE_LIMIT - AT_EASE);
    let down = u8::try_from(down).unwrap_or(u8::MAX);
    Some(configured.saturating_sub(down))
}

/// Brotli's lowest does hardly less work than the next, for a good deal more bytes.
const fn cheapest(coding: Coding) -> u8 {
    match coding {
        Coding::Brotli | Coding::Zstd | Coding::Gzip => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_go_down_as_the_load_goes_up_and_end_at_95_percent() {
        for (coding, configured, at) in [
            (
                Coding::Brotli,
                4,
                [
                    (0, 4),
                    (600, 4),
                    (687, 4),
                    (688, 3),
                    (775, 2),
                    (863, 1),
                    (949, 1),
                ],
            ),
            (
                Coding::Gzip,
                6,
                [
                    (0, 6),
                    (600, 6),
                    (658, 6),
                    (659, 5),
                    (720, 4),
                    (890, 2),
                    (949, 1),
                ],
            ),
            (
                Coding::Zstd,
                1,
                [
                    (0, 1),
                    (600, 1),
                    (700, 1),
                    (800, 1),
                    (900, 1),
                    (930, 1),
                    (949, 1),
                ],
            ),
            (
                Coding::Brotli,
                0,
                [
                    (0, 0),
                    (600, 0),
                    (700, 0),
                    (800, 0),
                    (900, 0),
                    (930, 0),
                    (949, 0),
                ],
            ),
        ] {
            for (busy, level) in at {
                let eased = eased(coding, configured, Load::thousandths(busy));
                assert_eq!(eased, Some(level), "{coding:?} {configured} at {busy}");
            }
            for busy in [950, 999, 1000, u16::MAX] {
                assert_eq!(eased(coding, configured, Load::thousandths(busy)), None);
            }
        }
    }

    #[test]
    fn a_level_never_goes_up_with_the_load_nor_below_the_cheapest() {
        for configured in 1..=19 {
            let levels: Vec<_> = (0..950)
                .map(|busy| eased(Coding::Zstd, configured, Load::thousandths(busy)).unwrap())
                .collect();
            assert!(levels.is_sorted_by(|before, after| before >= after));
            assert_eq!((levels[0], levels[949]), (configured, 1));
        }
    }

    #[test]
    fn load_is_what_was_used_of_what_there_was() {
        let second = Duration::from_secs(1);
        for (used, processors, busy) in [
            (Duration::ZERO, 4000, 0),
            (second, 4000, 250),
            (second / 4, 500, 500),
            (second * 9 / 4, 2500, 900),
            (second * 4, 4000, 1000),
            (second * 5, 4000, 1000),
            (second / 2, 0, 1000),
        ] {
            assert_eq!(Load::of(used, second, processors), Load(busy));
        }
        assert_eq!(Load::of(second, Duration::ZERO, 1000), Load::NONE);
        assert_eq!(Load(0).between(Load(1000)), Load(500));
    }
}
