//! What passes when: each case is a bucket and the moments at which one client comes.

use std::{sync::Arc, time::Duration};

use super::{bucket, identity, limit, ms};
use crate::limits::{Bucket, Limit, Live, MOST_WAITING, Subject};

/// A moment in milliseconds, and what is found: the wait and the reset in milliseconds, and what remains.
type Visit = (u64, u64, u32, u64);

const fn pass(at: u64, remaining: u32, reset: u64) -> Visit {
    (at, 0, remaining, reset)
}

const fn refuse(at: u64, wait: u64, reset: u64) -> Visit {
    (at, wait, 0, reset)
}

/// Rate, its window in milliseconds, burst; then who comes when.
const CASES: &[(&str, [u32; 3], &[Visit])] = &[
    (
        "one at a time",
        [1, 1000, 1],
        &[pass(0, 0, 1000), refuse(0, 1000, 1000)],
    ),
    (
        "one a second",
        [1, 1000, 1],
        &[pass(0, 0, 1000), pass(1000, 0, 1000), pass(2000, 0, 1000)],
    ),
    (
        "a little too early",
        [1, 1000, 1],
        &[pass(0, 0, 1000), refuse(999, 1, 1), pass(1000, 0, 1000)],
    ),
    (
        "a refusal costs nothing",
        [1, 1000, 1],
        &[
            pass(0, 0, 1000),
            refuse(200, 800, 800),
            refuse(400, 600, 600),
            refuse(999, 1, 1),
            pass(1000, 0, 1000),
        ],
    ),
    (
        "a burst at once",
        [2, 1000, 2],
        &[pass(0, 1, 500), pass(0, 0, 1000), refuse(0, 500, 1000)],
    ),
    (
        "a burst comes back one by one",
        [2, 1000, 2],
        &[
            pass(0, 1, 500),
            pass(0, 0, 1000),
            pass(500, 0, 1000),
            refuse(500, 500, 1000),
            pass(1000, 0, 1000),
        ],
    ),
    (
        "a burst comes back whole",
        [2, 1000, 2],
        &[
            pass(0, 1, 500),
            pass(0, 0, 1000),
            pass(1000, 1, 500),
            pass(1000, 0, 1000),
            refuse(1000, 500, 1000),
        ],
    ),
    (
        "never more than the burst is saved up",
        [2, 1000, 2],
        &[
            pass(0, 1, 500),
            pass(3_600_000, 1, 500),
            pass(3_600_000, 0, 1000),
            refuse(3_600_000, 500, 1000),
        ],
    ),
    (
        "a burst below the rate",
        [10, 1000, 1],
        &[
            pass(0, 0, 100),
            refuse(50, 50, 50),
            pass(100, 0, 100),
            pass(200, 0, 100),
        ],
    ),
    (
        "a burst above the rate",
        [1, 1000, 3],
        &[
            pass(0, 2, 1000),
            pass(0, 1, 2000),
            pass(0, 0, 3000),
            refuse(0, 1000, 3000),
            pass(1000, 0, 3000),
        ],
    ),
    (
        "the slow pace is for ever",
        [4, 1000, 1],
        &[
            pass(0, 0, 250),
            pass(250, 0, 250),
            pass(500, 0, 250),
            pass(750, 0, 250),
            pass(1000, 0, 250),
        ],
    ),
    (
        "half of it came back",
        [4, 1000, 4],
        &[
            pass(0, 3, 250),
            pass(0, 2, 500),
            pass(0, 1, 750),
            pass(0, 0, 1000),
            pass(500, 1, 750),
            pass(500, 0, 1000),
            refuse(500, 250, 1000),
        ],
    ),
    (
        "what has half come back is no request",
        [2, 1000, 2],
        &[
            pass(0, 1, 500),
            pass(0, 0, 1000),
            refuse(250, 250, 750),
            pass(600, 0, 900),
        ],
    ),
    (
        "two an hour",
        [2, 3_600_000, 2],
        &[
            pass(0, 1, 1_800_000),
            pass(1000, 0, 3_599_000),
            refuse(2000, 1_798_000, 3_598_000),
        ],
    ),
    (
        "two an hour, an hour later",
        [2, 3_600_000, 2],
        &[
            pass(0, 1, 1_800_000),
            pass(0, 0, 3_600_000),
            pass(3_600_000, 1, 1_800_000),
        ],
    ),
    (
        "two thousand in five minutes",
        [2000, 300_000, 1],
        &[pass(0, 0, 150), refuse(100, 50, 50), pass(150, 0, 150)],
    ),
    (
        "one a day",
        [1, 86_400_000, 1],
        &[
            pass(0, 0, 86_400_000),
            refuse(86_399_999, 1, 1),
            pass(86_400_000, 0, 86_400_000),
        ],
    ),
    (
        "one in seven weeks",
        [1, 4_233_600_000, 1],
        &[pass(0, 0, 4_233_600_000), refuse(4_233_599_999, 1, 1)],
    ),
    (
        "a window of milliseconds",
        [1, 10, 1],
        &[pass(0, 0, 10), refuse(9, 1, 1), pass(10, 0, 10)],
    ),
    (
        "late ones do not catch up",
        [1, 1000, 1],
        &[
            pass(0, 0, 1000),
            pass(1500, 0, 1000),
            refuse(2000, 500, 500),
            pass(2500, 0, 1000),
        ],
    ),
    (
        "early ones may catch up within the burst",
        [1, 1000, 2],
        &[
            pass(0, 1, 1000),
            pass(500, 0, 1500),
            refuse(600, 400, 1400),
            pass(1000, 0, 2000),
        ],
    ),
    (
        "time that stands still",
        [5, 1000, 5],
        &[
            pass(7, 4, 200),
            pass(7, 3, 400),
            pass(7, 2, 600),
            pass(7, 1, 800),
            pass(7, 0, 1000),
            refuse(7, 200, 1000),
        ],
    ),
];

#[test]
fn a_bucket_lets_through_what_it_should() {
    for (name, [rate, window, burst], visits) in CASES {
        let bucket = bucket(*rate, u64::from(*window), *burst);
        let (limit, begun) = limit(bucket, Duration::ZERO, 100);
        let key = limit.table().key(Subject::Route("a"));
        for (at, wait, remaining, reset) in *visits {
            let found = limit.check(key, begun + ms(*at));
            assert_eq!(found.wait, ms(*wait), "{name}, wait at {at}");
            assert_eq!(found.remaining, *remaining, "{name}, remaining at {at}");
            assert_eq!(found.reset, ms(*reset), "{name}, reset at {at}");
        }
    }
}

/// Before and after a reload: rate, window and burst, and who comes when.
const RELOADS: &[(&str, [[u32; 3]; 2], &[Visit], &[Visit])] = &[
    (
        "nothing changed",
        [[2, 1000, 2], [2, 1000, 2]],
        &[pass(0, 1, 500), pass(0, 0, 1000)],
        &[refuse(0, 500, 1000), pass(500, 0, 1000)],
    ),
    (
        "a higher rate, of which the client waits one interval at most",
        [[2, 3_600_000, 2], [1, 1000, 1]],
        &[pass(0, 1, 1_800_000), pass(0, 0, 3_600_000)],
        &[refuse(0, 1000, 1000), pass(3_600_000, 0, 1000)],
    ),
    (
        "a lower rate: what was spent is spent",
        [[10, 1000, 10], [1, 1000, 1]],
        &[pass(0, 9, 100), pass(0, 8, 200)],
        &[refuse(0, 200, 200), pass(200, 0, 1000)],
    ),
    (
        "a larger burst has room at once",
        [[1, 1000, 1], [1, 1000, 3]],
        &[pass(0, 0, 1000)],
        &[pass(0, 1, 2000), pass(0, 0, 3000), refuse(0, 1000, 3000)],
    ),
    (
        "a smaller burst",
        [[1, 1000, 3], [1, 1000, 1]],
        &[pass(0, 2, 1000), pass(0, 1, 2000), pass(0, 0, 3000)],
        &[
            refuse(0, 1000, 1000),
            refuse(1000, 1000, 1000),
            pass(3000, 0, 1000),
        ],
    ),
];

#[test]
fn a_limit_that_changes_goes_on_with_its_state() {
    for (name, buckets, before, after) in RELOADS {
        let begun = std::time::Instant::now();
        let live = Arc::new(Live::new(100, begun));
        for ([rate, window, burst], visits) in buckets.iter().zip([before, after]) {
            let bucket = bucket(*rate, u64::from(*window), *burst);
            let limit = Limit::new(identity(), bucket, Duration::ZERO, Arc::clone(&live));
            let key = limit.table().key(Subject::Route("a"));
            for (at, wait, remaining, reset) in *visits {
                let found = limit.check(key, begun + ms(*at));
                let found = (found.wait, found.remaining, found.reset);
                assert_eq!(
                    found,
                    (ms(*wait), *remaining, ms(*reset)),
                    "{name}, at {at}"
                );
            }
        }
    }
}

/// Delay in milliseconds, and for requests that come at once the waits of those that get a turn.
const DELAYS: &[(&str, [u32; 3], u64, &[Option<u64>])] = &[
    ("none", [1, 1000, 1], 0, &[Some(0), None]),
    ("too short for one", [1, 1000, 1], 999, &[Some(0), None]),
    (
        "for one",
        [1, 1000, 1],
        1000,
        &[Some(0), Some(1000), None, None],
    ),
    (
        "for two",
        [1, 1000, 1],
        2999,
        &[Some(0), Some(1000), Some(2000), None],
    ),
    (
        "behind a burst",
        [10, 1000, 2],
        250,
        &[Some(0), Some(0), Some(100), Some(200), None],
    ),
];

#[test]
fn those_who_may_wait_get_a_turn_each() {
    for (name, [rate, window, burst], delay, turns) in DELAYS {
        let bucket = bucket(*rate, u64::from(*window), *burst);
        let (limit, begun) = limit(bucket, ms(*delay), 100);
        let key = limit.table().key(Subject::Route("a"));
        for expected in *turns {
            let found = if limit.check(key, begun).passes() {
                Some(0)
            } else {
                let turn = limit.queue(key, begun);
                turn.map(|(turn, _)| u64::try_from(turn.wait.as_millis()).unwrap())
            };
            assert_eq!(found, *expected, "{name}");
        }
    }
}

#[test]
fn so_many_wait_and_no_more() {
    let (limit, begun) = limit(bucket(1000, 1000, 1), ms(30_000), 100);
    let key = limit.table().key(Subject::Route("a"));
    assert!(limit.check(key, begun).passes());
    let turns: Vec<_> = (0..MOST_WAITING + 10)
        .map_while(|_| limit.queue(key, begun))
        .collect();
    assert_eq!(turns.len(), MOST_WAITING);
    assert!(limit.queue(key, begun).is_none());
    drop(turns);
    assert!(limit.queue(key, begun).is_some());
}

#[test]
fn the_slowest_and_the_widest_bucket_do_no_harm() {
    let year = 365 * 86_400_000;
    for (rate, window, burst) in [
        (1, year, 10),
        (u32::MAX, 1, u32::MAX),
        (u32::MAX, year, u32::MAX),
        (1, 1, u32::MAX),
    ] {
        let bucket = bucket(rate, window, burst);
        assert!(!bucket.is_too_slow());
        let (limit, begun) = limit(bucket, ms(30_000), 100);
        let key = limit.table().key(Subject::Route("a"));
        for at in [0, 1, 1000, year * 100] {
            let found = limit.check(key, begun + ms(at));
            assert!(
                found.passes() && found.reset <= Bucket::LONGEST_FILL,
                "{rate} {burst}"
            );
        }
    }
    assert!(bucket(1, year, 11).is_too_slow());
}
