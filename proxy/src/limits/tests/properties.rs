//! What holds of any limit, whoever comes whenever.

use std::{collections::HashMap, time::Duration};

use proptest::prelude::*;

use super::{bucket, limit, ms, passes};
use crate::limits::Bucket;

fn any_bucket() -> impl Strategy<Value = Bucket> {
    (1..50_u32, 1..5000_u64, 1..20_u32)
        .prop_map(|(rate, window, burst)| bucket(rate, window, burst))
}

/// Milliseconds, one after the other.
fn moments() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..2000_u64, 1..120).prop_map(|steps| {
        let mut at = 0;
        let moment = |step| {
            at += step % 300 * (step / 1500); // many come at once
            at
        };
        steps.into_iter().map(moment).collect()
    })
}

proptest! {
    #[test]
    fn in_no_window_more_pass_than_the_burst_and_the_rate(bucket in any_bucket(), moments in moments()) {
        let (limit, begun) = limit(bucket, Duration::ZERO, 100);
        let passed: Vec<u64> = moments.into_iter().filter(|at| passes(&limit, 1, begun + ms(*at))).collect();
        for (first, from) in passed.iter().enumerate() {
            for (last, to) in passed.iter().enumerate().skip(first) {
                let meanwhile = ms(to - from).as_nanos() / bucket.interval().as_nanos();
                let most = u128::from(bucket.burst.get()) + meanwhile;
                prop_assert!((last - first + 1) as u128 <= most, "from {from} to {to}");
            }
        }
    }

    #[test]
    fn whoever_keeps_to_the_rate_always_passes(bucket in any_bucket(), steps in prop::collection::vec(0..500_u64, 1..100)) {
        let (limit, begun) = limit(bucket, Duration::ZERO, 100);
        let mut now = begun;
        for step in steps {
            now += bucket.interval() + ms(step);
            prop_assert!(passes(&limit, 1, now));
        }
    }

    #[test]
    fn whoever_waits_as_told_passes(bucket in any_bucket(), moments in moments()) {
        let (limit, begun) = limit(bucket, Duration::ZERO, 100);
        let key = limit.table().key(crate::limits::Subject::Route("a"));
        let mut now = begun;
        for at in moments {
            now = now.max(begun + ms(at));
            let found = limit.check(key, now);
            if !found.passes() {
                now += found.wait;
                prop_assert!(limit.check(key, now).passes());
            }
        }
    }

    #[test]
    fn what_one_does_is_nothing_to_another(
        bucket in any_bucket(),
        visits in prop::collection::vec((0..6_u32, 0..3000_u64), 1..150),
    ) {
        let mut visits = visits;
        visits.sort_by_key(|(_, at)| *at);
        let (together, begun) = limit(bucket, Duration::ZERO, 100);
        let mut alone = HashMap::new();
        for (who, at) in visits {
            let found = passes(&together, who, begun + ms(at));
            let (own, own_begun) = alone.entry(who).or_insert_with(|| limit(bucket, Duration::ZERO, 100));
            prop_assert_eq!(found, passes(own, who, *own_begun + ms(at)));
        }
    }

    #[test]
    fn whom_a_table_has_room_for_it_never_forgets(
        keys in 1..200_u32,
        ticks in prop::collection::vec(0..2000_u64, 0..50),
    ) {
        // Nobody is over before an hour has passed.
        let (limit, begun) = limit(bucket(1, 3_600_000, 1), Duration::ZERO, 200);
        for who in 0..keys {
            prop_assert!(passes(&limit, who, begun));
        }
        for tick in ticks {
            limit.table().tick(begun + ms(tick));
        }
        for who in 0..keys {
            prop_assert!(!passes(&limit, who, begun + ms(3_599_999)));
        }
        prop_assert_eq!(limit.table().evictions(), 0);
    }
}
