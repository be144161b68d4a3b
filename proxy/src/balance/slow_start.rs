//! How much of its share a server has that has just come back.
//!
//! As `slowstart` of `HAProxy`: from a tenth the share grows evenly to the whole, so that caches fill and connections
//! open before the full load is there. Requests in flight are not limited by it, and a server that is the only one left
//! takes them all the same.

use std::time::{Duration, Instant};

use super::server::Server;

/// Percent of its share that a server begins with.
const FIRST: u128 = 10;
const WHOLE: u128 = 100;

impl Server {
    /// The percentage of its share that it has for now, of 10 to 99; `None` once it has all of it.
    pub fn throttle(&self, now: Instant) -> Option<u8> {
        let span = self.slow_start?;
        percent(self.vitals.up_for(now)?, span)
    }

    /// Its weight just now, among those of the same upstream.
    pub(super) fn share(&self, now: Instant) -> u32 {
        let percent = match self.slow_start {
            None => return self.effective_weight(),
            Some(_) => self.throttle(now).map_or(100, u32::from),
        };
        self.effective_weight() * percent
    }
}

fn percent(up_for: Duration, span: Duration) -> Option<u8> {
    let (up_for, span) = (up_for.as_nanos(), span.as_nanos());
    let grown = (WHOLE - FIRST) * up_for / span.max(1);
    (up_for < span)
        .then(|| u8::try_from(FIRST + grown).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::balance::{Order, Ordered, Tried, Upstream, sample};

    const SPAN: Duration = Duration::from_secs(30);

    fn upstream(start: Instant) -> Arc<Upstream> {
        let mut spec = sample::upstream(&[1, 1]);
        spec.slow_start = Some(SPAN);
        Upstream::build(&spec, None, None, start)
    }

    /// How many of so many requests the second server gets.
    fn reached(upstream: &Arc<Upstream>, requests: usize, now: Instant) -> usize {
        let picks = (0..requests).map(|_| upstream.pick(None, &Tried::EMPTY, now).unwrap());
        picks.filter(|pick| pick.server().index == 1).count()
    }

    #[test]
    fn the_share_grows_evenly_from_a_tenth() {
        for (seconds, expected) in [
            (0, Some(10)),
            (1, Some(13)),
            (10, Some(40)),
            (15, Some(55)),
            (29, Some(97)),
            (30, None),
            (3600, None),
        ] {
            let found = percent(Duration::from_secs(seconds), SPAN);
            assert_eq!(found, expected, "after {seconds} s");
        }
        assert_eq!(percent(Duration::ZERO, Duration::ZERO), None);
    }

    #[test]
    fn a_server_that_comes_back_gets_its_share_little_by_little() {
        let start = Instant::now();
        let upstream = upstream(start);
        let server = &upstream.servers()[1];
        sample::take_down(server, start);
        assert_eq!(reached(&upstream, 100, start), 0);
        let back = start + Duration::from_secs(60);
        sample::bring_up(server, back);
        for (seconds, throttle, share) in [
            (0, Some(10), 9),
            (15, Some(55), 35),
            (29, Some(97), 49),
            (30, None, 50),
        ] {
            let now = back + Duration::from_secs(seconds);
            assert_eq!(server.throttle(now), throttle);
            let found = reached(&upstream, 100, now);
            assert!(found.abs_diff(share) <= 2, "{found} after {seconds} s");
        }
    }

    #[test]
    fn maintenance_ends_with_a_slow_start_and_a_drain_does_not() {
        let start = Instant::now();
        let upstream = upstream(start);
        let server = &upstream.servers()[1];
        for (order, throttle) in [(Order::Drain, None), (Order::Maint, Some(10))] {
            for order in [order, Order::Ready] {
                let ordered = Ordered {
                    order,
                    weight: None,
                };
                server.vitals.follow(ordered, start);
            }
            assert_eq!(server.throttle(start), throttle, "{order:?}");
        }
    }

    #[test]
    fn nobody_starts_slowly_with_the_process_or_without_the_key() {
        let start = Instant::now();
        let slow = upstream(start);
        assert!(slow.servers().iter().all(|it| it.throttle(start).is_none()));
        assert_eq!(reached(&slow, 100, start), 50);
        let plain = Upstream::build(&sample::upstream(&[1, 1]), None, None, start);
        sample::take_down(&plain.servers()[1], start);
        sample::bring_up(&plain.servers()[1], start);
        assert_eq!(plain.servers()[1].throttle(start), None);
        assert_eq!(reached(&plain, 100, start), 50);
    }

    #[test]
    fn a_server_alone_takes_all_at_once_and_a_reload_does_not_begin_anew() {
        let start = Instant::now();
        let old = upstream(start);
        let server = &old.servers()[1];
        let back = start + Duration::from_secs(1);
        sample::take_down(server, start);
        sample::bring_up(server, back);
        sample::take_down(&old.servers()[0], back);
        assert_eq!(reached(&old, 10, back), 10);
        let mut spec = sample::upstream(&[1, 2]);
        spec.slow_start = Some(SPAN);
        let later = back + Duration::from_secs(10);
        let new = Upstream::build(&spec, None, Some(&old), later);
        assert_eq!(new.servers()[1].throttle(later), Some(40));
    }
}
