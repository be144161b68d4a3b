//! Up or down by the count of checks, and the words an operator reads. Counts as HAProxy does.

use std::fmt;

use crate::config::model::HealthCheck;

/// Where a server stands with its active checks. Starts up, as a configured peer of HAProxy does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    down: bool,
    /// Checks in a row that speak against `down`: failures while up, successes while down.
    against: u32,
}

/// What one more check changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    WentUp,
    WentDown,
}

impl Standing {
    pub fn is_up(self) -> bool {
        !self.down
    }

    /// After one more check. One result that agrees with the state undoes all progress against it.
    pub fn after(self, good: bool, check: &HealthCheck) -> (Self, Change) {
        if good == self.is_up() {
            let settled = Self { against: 0, ..self };
            return (settled, Change::None);
        }
        let against = self.against.saturating_add(1);
        let (needed, change) = if self.down {
            (check.rise.get(), Change::WentUp)
        } else {
            (check.fall.get(), Change::WentDown)
        };
        if against < needed {
            return (Self { against, ..self }, Change::None);
        }
        let turned = Self {
            down: !self.down,
            against: 0,
        };
        (turned, change)
    }

    /// As an operator sees it.
    pub fn shown(self, check: &HealthCheck) -> HealthState {
        let (rise, fall) = (check.rise.get(), check.fall.get());
        match (self.down, self.against) {
            (false, 0) => HealthState::Up,
            (false, failed) => HealthState::GoingDown {
                left: fall.saturating_sub(failed),
                fall,
            },
            (true, 0) => HealthState::Down,
            (true, passed) => HealthState::GoingUp { passed, rise },
        }
    }

    pub(super) fn to_bits(self) -> u64 {
        u64::from(self.against) << 1 | u64::from(self.down)
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self {
            down: bits & 1 == 1,
            against: u32::try_from(bits >> 1).unwrap_or(u32::MAX),
        }
    }
}

/// The state of a server as pages and logs show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthState {
    /// An operator wants it left alone: no traffic, no checks.
    Maint,
    /// An operator wants it to take nothing new.
    Drain,
    /// Not checked, so taken for healthy.
    NoCheck,
    Up,
    /// Up; down after `left` more failures.
    GoingDown {
        left: u32,
        fall: u32,
    },
    Down,
    /// Down; up after `rise - passed` more successes.
    GoingUp {
        passed: u32,
        rise: u32,
    },
    /// Left out for a time because its requests failed.
    Ejected,
    /// Its host name has no address yet.
    Unresolved,
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Maint => f.write_str("MAINT"),
            Self::Drain => f.write_str("DRAIN"),
            Self::NoCheck => f.write_str("no check"),
            Self::Up => f.write_str("UP"),
            Self::GoingDown { left, fall } => write!(f, "UP {left}/{fall}"),
            Self::Down => f.write_str("DOWN"),
            Self::GoingUp { passed, rise } => write!(f, "DOWN {passed}/{rise}"),
            Self::Ejected => f.write_str("EJECTED"),
            Self::Unresolved => f.write_str("UNRESOLVED"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::sample;

    /// `+` is a check that passes, `-` one that fails.
    fn states(rise: u32, fall: u32, checks: &str) -> Vec<String> {
        let check = sample::check(rise, fall);
        let mut standing = Standing::default();
        let mut seen = Vec::new();
        for result in checks.chars() {
            (standing, _) = standing.after(result == '+', &check);
            seen.push(standing.shown(&check).to_string());
            assert_eq!(Standing::from_bits(standing.to_bits()), standing);
        }
        seen
    }

    #[test]
    fn checks_lead_to_the_states_haproxy_shows() {
        let table = [
            (2, 3, "+", "UP"),
            (2, 3, "-", "UP 2/3"),
            (2, 3, "--", "UP 2/3, UP 1/3"),
            (2, 3, "---", "UP 2/3, UP 1/3, DOWN"),
            (2, 3, "--+", "UP 2/3, UP 1/3, UP"),
            (2, 3, "--+-", "UP 2/3, UP 1/3, UP, UP 2/3"),
            (2, 3, "----", "UP 2/3, UP 1/3, DOWN, DOWN"),
            (2, 3, "---+", "UP 2/3, UP 1/3, DOWN, DOWN 1/2"),
            (2, 3, "---++", "UP 2/3, UP 1/3, DOWN, DOWN 1/2, UP"),
            (2, 3, "---+-", "UP 2/3, UP 1/3, DOWN, DOWN 1/2, DOWN"),
            (
                2,
                3,
                "---+-+",
                "UP 2/3, UP 1/3, DOWN, DOWN 1/2, DOWN, DOWN 1/2",
            ),
            (2, 3, "---++-", "UP 2/3, UP 1/3, DOWN, DOWN 1/2, UP, UP 2/3"),
            (1, 1, "-+-", "DOWN, UP, DOWN"),
            (
                3,
                1,
                "-++-+++",
                "DOWN, DOWN 1/3, DOWN 2/3, DOWN, DOWN 1/3, DOWN 2/3, UP",
            ),
        ];
        for (rise, fall, checks, expected) in table {
            assert_eq!(states(rise, fall, checks).join(", "), expected, "{checks}");
        }
    }

    #[test]
    fn a_change_is_told_once() {
        use Change::{None, WentDown, WentUp};

        let check = sample::check(2, 3);
        let mut standing = Standing::default();
        let mut changes = Vec::new();
        for good in [false, false, false, false, true, true, true] {
            let (next, change) = standing.after(good, &check);
            standing = next;
            changes.push(change);
        }
        assert_eq!(changes, [None, None, WentDown, None, None, WentUp, None]);
    }

    #[test]
    fn states_without_a_count_have_words() {
        assert_eq!(HealthState::Maint.to_string(), "MAINT");
        assert_eq!(HealthState::Drain.to_string(), "DRAIN");
        assert_eq!(HealthState::NoCheck.to_string(), "no check");
        assert_eq!(HealthState::Ejected.to_string(), "EJECTED");
        assert_eq!(HealthState::Unresolved.to_string(), "UNRESOLVED");
    }
}
