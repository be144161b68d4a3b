//! Leaves a server out for a time when its requests show that it fails.
//!
//! `failures` within `window` eject it for `eject`. It returns by time alone. A server is never
//! ejected if no other healthy server of its tier (primaries, or backups) would be left.

use std::{collections::VecDeque, time::Instant};

use parking_lot::Mutex;

use super::{server::Server, upstream::Upstream, vitals::Failure};
use crate::config::model::Passive;

/// The times of a server's latest failures; never more than `Passive::failures` of them.
#[derive(Debug, Default)]
pub(super) struct Window(Mutex<VecDeque<Instant>>);

impl Window {
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Notes one failure; true if it fills the window, which is then empty again.
    ///
    /// Failures exactly `window` apart still belong together.
    fn fill(&self, rule: &Passive, now: Instant) -> bool {
        let mut failures = self.0.lock();
        let fresh = |at: Instant| now.saturating_duration_since(at) <= rule.window;
        while failures.front().is_some_and(|at| !fresh(*at)) {
            failures.pop_front();
        }
        failures.push_back(now);
        let full = failures.len() >= rule.failures.get() as usize;
        if full {
            failures.clear();
        }
        full
    }
}

impl Upstream {
    pub(super) fn succeeded(&self, server: &Server, now: Instant) {
        let vitals = &server.vitals;
        vitals.successes.add();
        if vitals.returned(now) {
            tracing::info!(
                upstream = %self.name(),
                server = %server.label,
                "server answers again after its ejection"
            );
        }
    }

    pub(super) fn failed(&self, server: &Server, failure: Failure, now: Instant) {
        let vitals = &server.vitals;
        vitals.failures.count(failure);
        // Requests sent before the ejection still come back failing; they tell nothing new. Nor do those that
        // were at a server when its maintenance began.
        if vitals.is_ejected(now)
            || vitals.ordered().is_maint()
            || !vitals.window.fill(self.passive(), now)
        {
            return;
        }
        // One at a time, or two servers could each rely on the other to stay.
        let _deciding = self.ejecting.lock();
        if !server.is_healthy(now) {
            return;
        }
        if !self.another_is_healthy(server, now) {
            vitals.ejections_refused.add();
            return;
        }
        let Passive {
            failures,
            window,
            eject,
        } = self.passive();
        vitals.eject(now, *eject);
        self.look_again();
        tracing::warn!(
            upstream = %self.name(),
            server = %server.label,
            "server is ejected for {eject:?}: {failures} failures within {window:?}"
        );
    }

    fn another_is_healthy(&self, server: &Server, now: Instant) -> bool {
        self.servers().iter().any(|other| {
            other.index != server.index && other.backup == server.backup && other.takes_new(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, sync::Arc, time::Duration};

    use super::*;
    use crate::balance::{HealthState, sample};

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    fn upstream(servers: usize, start: Instant) -> Arc<Upstream> {
        let mut spec = sample::upstream(&vec![1; servers]);
        spec.passive = Passive {
            failures: NonZeroU32::new(3).unwrap(),
            window: Duration::from_secs(10),
            eject: Duration::from_secs(30),
        };
        Upstream::build(&spec, None, None, start)
    }

    fn fail(upstream: &Upstream, index: usize, times: &[Instant]) {
        let server = &upstream.servers()[index];
        for now in times {
            upstream.failed(server, Failure::Reset, *now);
        }
    }

    #[test]
    fn failures_eject_only_if_they_are_close_enough() {
        let table: [(&[u64], bool); 8] = [
            (&[0, 1], false),
            (&[0, 0, 0], true),
            (&[0, 5_000, 10_000], true),
            (&[0, 5_000, 10_001], false),
            (&[0, 5_000, 10_001, 15_000], true),
            (&[0, 9_000, 18_000, 27_000, 36_000], false),
            (&[0, 9_000, 18_000, 18_001, 18_002], true),
            (&[0, 60_000, 120_000], false),
        ];
        for (millis, ejected) in table {
            let start = Instant::now();
            let upstream = upstream(2, start);
            let times: Vec<_> = millis.iter().map(|millis| at(start, *millis)).collect();
            fail(&upstream, 0, &times);
            let server = &upstream.servers()[0];
            let now = *times.last().unwrap();
            assert_eq!(server.is_ejected(now), ejected, "{millis:?}");
            assert_eq!(server.vitals.ejections.get(), u64::from(ejected));
        }
    }

    #[test]
    fn an_ejected_server_returns_by_time_alone() {
        let start = Instant::now();
        let upstream = upstream(2, start);
        let server = &upstream.servers()[0];
        fail(&upstream, 0, &[start; 3]);
        assert_eq!(server.state(start), HealthState::Ejected);
        assert_eq!(server.vitals.ejected_until(start), Some(at(start, 30_000)));
        upstream.succeeded(server, at(start, 10));
        assert!(server.is_ejected(at(start, 29_999)));
        assert!(!server.is_ejected(at(start, 30_000)));
        assert_eq!(server.state(at(start, 30_000)), HealthState::Up);
        assert_eq!(server.vitals.ejected_until(at(start, 30_000)), None);
    }

    #[test]
    fn failures_while_ejected_do_not_count_for_the_next_ejection() {
        let start = Instant::now();
        let upstream = upstream(2, start);
        fail(&upstream, 0, &[start; 9]);
        fail(&upstream, 0, &[at(start, 29_999); 2]);
        fail(&upstream, 0, &[at(start, 30_000); 2]);
        let server = &upstream.servers()[0];
        assert!(!server.is_ejected(at(start, 30_000)));
        fail(&upstream, 0, &[at(start, 30_001)]);
        assert!(server.is_ejected(at(start, 30_001)));
        assert_eq!(server.vitals.ejections.get(), 2);
        assert_eq!(server.vitals.failures.reset.get(), 14);
    }

    #[test]
    fn the_return_is_noticed_by_the_first_success_after_it() {
        let start = Instant::now();
        let upstream = upstream(2, start);
        let server = &upstream.servers()[0];
        fail(&upstream, 0, &[start; 3]);
        assert!(!server.vitals.returned(at(start, 29_999)));
        upstream.succeeded(server, at(start, 30_000));
        assert!(!server.vitals.returned(at(start, 30_000)), "told once");
        assert_eq!(server.vitals.successes.get(), 1);
    }

    #[test]
    fn the_last_healthy_server_is_never_ejected() {
        for servers in [1, 2, 3] {
            let start = Instant::now();
            let upstream = upstream(servers, start);
            for index in 0..servers {
                fail(&upstream, index, &[start; 3]);
            }
            let ejected = |server: &&Server| server.is_ejected(start);
            let left = upstream.servers().iter().filter(ejected).count();
            assert_eq!(left, servers - 1);
            let last = &upstream.servers()[servers - 1].vitals;
            assert_eq!(last.ejections_refused.get(), 1);
        }
    }

    #[test]
    fn a_server_that_checks_took_down_does_not_count_as_left() {
        let start = Instant::now();
        let upstream = upstream(2, start);
        sample::take_down(&upstream.servers()[1], start);
        fail(&upstream, 0, &[start; 3]);
        assert!(!upstream.servers()[0].is_ejected(start));
        fail(&upstream, 1, &[start; 3]);
        assert_eq!(
            upstream.servers()[1].vitals.ejections.get(),
            0,
            "down already"
        );
    }

    #[test]
    fn threads_never_eject_the_last_server() {
        for _ in 0..200 {
            let start = Instant::now();
            let upstream = upstream(2, start);
            std::thread::scope(|scope| {
                for index in 0..2 {
                    let upstream = &upstream;
                    scope.spawn(move || fail(upstream, index, &[start; 3]));
                }
            });
            let ejections = |server: &Server| server.vitals.ejections.get();
            assert_eq!(upstream.servers().iter().map(ejections).sum::<u64>(), 1);
        }
    }

    #[test]
    fn a_reload_that_leaves_one_server_uses_it_though_it_was_ejected() {
        let start = Instant::now();
        let two = upstream(2, start);
        fail(&two, 0, &[start; 3]);
        let one = Upstream::build(&sample::upstream(&[1]), None, Some(&two), start);
        assert!(one.servers()[0].vitals.is_ejected(start));
        assert!(one.servers()[0].is_healthy(start));
        assert!(!one.is_panicking(start));
    }
}
