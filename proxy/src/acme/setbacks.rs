//! What went wrong lately, and until when that keeps us from asking again.
//!
//! Rests are counted by a clock that nobody sets: a machine whose time of day is put right neither waits for
//! a year nor asks at once.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{Failure, failure::Fault, schedule};
use crate::config::model::Name;

/// The longest that a CA, or a limit of ours, is obeyed at a stretch; then it is asked again.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Since the last success of one certificate.
#[derive(Debug, Default)]
pub(super) struct Setbacks {
    failures: u32,
    problem: Option<String>,
    fault: Option<Fault>,
    /// No try before.
    rest: Option<Instant>,
    /// CAs that want, or get, no order before.
    parked: Vec<(Name, Instant)>,
}

impl Setbacks {
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn problem(&self) -> Option<&String> {
        self.problem.as_ref()
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// Something an operator should know although all went well.
    pub(super) fn mention(&mut self, problem: String, fault: Option<Fault>) {
        self.problem = Some(problem);
        self.fault = fault;
    }

    /// When the next try is due, if there were failures.
    pub(super) fn rest(&self) -> Option<Instant> {
        self.rest
    }

    pub(super) fn may_try(&self, now: Instant) -> bool {
        self.rest.is_none_or(|rest| rest <= now)
    }

    /// Which of the ways to try, each given by its CA: those of free CAs in turn. `None` while every CA is
    /// parked.
    pub(super) fn choose(&self, ways: &[Name], now: Instant) -> Option<usize> {
        let first = schedule::way(self.failures, ways.len());
        let in_turn = (0..ways.len()).map(|step| (first + step) % ways.len());
        in_turn
            .filter_map(|index| Some((index, ways.get(index)?)))
            .find(|(_, issuer)| self.parked_until(issuer, now).is_none())
            .map(|(index, _)| index)
    }

    fn parked_until(&self, issuer: &Name, now: Instant) -> Option<Instant> {
        let of_issuer = self.parked.iter().find(|(parked, _)| parked == issuer);
        of_issuer
            .map(|(_, until)| *until)
            .filter(|until| *until > now)
    }

    /// Notes a failure at `issuer`. `spread` is random, from 0 to 1; `at` is the time of day that the failure's
    /// `not_before` goes by.
    pub(super) fn note(
        &mut self,
        failure: &Failure,
        issuer: &Name,
        ways: &[Name],
        (now, at): (Instant, SystemTime),
        spread: f64,
    ) {
        // Our own limits are no failure of a way to prove a host.
        if failure.fault != Fault::Limited {
            self.failures = self.failures.saturating_add(1);
        }
        self.problem = Some(failure.words.clone());
        self.fault = Some(failure.fault);
        if let Some(until) = failure.not_before {
            let patience = until.duration_since(at).unwrap_or_default().min(LONGEST);
            self.parked.retain(|(parked, _)| parked != issuer);
            self.parked.push((Arc::clone(issuer), now + patience));
        }
        let count = u32::try_from(ways.len()).unwrap_or(u32::MAX);
        let mut rest = now + schedule::rest(self.failures, count, spread);
        let free = ways.iter().map(|issuer| self.parked_until(issuer, now));
        // Only if no CA is free is the one waited for that is free first.
        if let Some(first) = free
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().min())
        {
            rest = rest.max(first);
        }
        self.rest = Some(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn refused(not_before: Option<SystemTime>) -> Failure {
        Failure {
            not_before,
            ..Failure::refused("no")
        }
    }

    #[test]
    fn a_ca_that_wants_patience_does_not_keep_us_from_another() {
        let (now, at) = (Instant::now(), SystemTime::now());
        let ways = names(&["one", "two"]);
        let mut setbacks = Setbacks::default();
        assert_eq!(setbacks.choose(&ways, now), Some(0));
        setbacks.note(
            &refused(Some(at + DAY * 3650)),
            &ways[0],
            &ways,
            (now, at),
            0.0,
        );
        assert!(!setbacks.may_try(now));
        let soon = now + Duration::from_secs(4);
        assert!(setbacks.may_try(soon));
        assert_eq!(setbacks.choose(&ways, soon), Some(1));
        assert_eq!(
            setbacks.choose(&ways, now + DAY),
            Some(0),
            "no CA is obeyed for years"
        );
    }

    #[test]
    fn while_every_ca_is_parked_the_first_that_is_free_is_waited_for() {
        let (now, at) = (Instant::now(), SystemTime::now());
        let ways = names(&["one", "two"]);
        let mut setbacks = Setbacks::default();
        let hour = Duration::from_secs(3600);
        setbacks.note(
            &refused(Some(at + hour * 3)),
            &ways[0],
            &ways,
            (now, at),
            0.0,
        );
        setbacks.note(
            &refused(Some(at + hour * 2)),
            &ways[1],
            &ways,
            (now, at),
            0.0,
        );
        assert_eq!(setbacks.choose(&ways, now + hour), None);
        assert_eq!(setbacks.rest(), Some(now + hour * 2));
        assert_eq!(setbacks.choose(&ways, now + hour * 2), Some(1));
    }

    #[test]
    fn limits_of_ours_are_no_failures() {
        let (now, at) = (Instant::now(), SystemTime::now());
        let ways = names(&["one"]);
        let mut setbacks = Setbacks::default();
        let limited = Failure {
            fault: Fault::Limited,
            ..refused(Some(at + DAY / 2))
        };
        setbacks.note(&limited, &ways[0], &ways, (now, at), 0.0);
        assert_eq!(setbacks.failures(), 0);
        assert_eq!(setbacks.rest(), Some(now + DAY / 2));
    }
}
