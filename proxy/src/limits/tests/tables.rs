//! Tables: how full they get, what goes when they are, and where limits find them again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{bucket, identity, limit, ms, passes};
use crate::{
    config::model::{By, MOST_KEYS},
    limits::{Identity, Registry, Subject},
};

#[test]
fn a_table_keeps_to_its_end() {
    for capacity in [1, 2, 10, 511, 512, 1000, 5000] {
        let (limit, begun) = limit(bucket(1, 3_600_000, 1), Duration::ZERO, capacity);
        for who in 0..20_000 {
            assert!(
                passes(&limit, who, begun),
                "nobody is refused for want of room"
            );
            assert!(limit.table().keys() <= capacity);
        }
        assert_eq!(limit.table().keys(), capacity);
        assert_eq!(limit.table().evictions(), 20_000 - capacity as u64);
    }
}

#[test]
fn who_goes_is_nearly_over() {
    let (limit, begun) = limit(bucket(1, 3_600_000, 5), Duration::ZERO, 400);
    // Every tenth has spent all, the others one of five.
    for who in 0..400 {
        for _ in 0..if who % 10 == 0 { 5 } else { 1 } {
            assert!(passes(&limit, who, begun));
        }
    }
    for who in 1000..1100 {
        assert!(passes(&limit, who, begun));
    }
    let forgotten = (0..400)
        .step_by(10)
        .filter(|who| passes(&limit, *who, begun));
    assert!(
        forgotten.count() <= 2,
        "those who must wait longest are remembered"
    );
}

/// `benches/limits.rs` does the same with five million.
#[test]
fn clients_without_number_find_a_bounded_table_and_an_offender_stays_one() {
    const CLIENTS: u32 = 1_500_000;
    const A_SECOND: u32 = 10_000;
    const OFFENDER: u32 = u32::MAX;
    let (limit, begun) = limit(bucket(5, 3_600_000, 5), Duration::ZERO, MOST_KEYS);
    assert_eq!(
        (0..9).filter(|_| passes(&limit, OFFENDER, begun)).count(),
        5
    );
    for who in 0..CLIENTS {
        let now = begun + Duration::from_secs(u64::from(who / A_SECOND));
        assert!(
            passes(&limit, who, now),
            "a client that comes for the first time"
        );
        if who % A_SECOND == 0 {
            assert!(
                !passes(&limit, OFFENDER, now),
                "forgotten behind {who} clients"
            );
            assert!(limit.table().keys() <= MOST_KEYS);
            limit.table().tick(now);
        }
    }
    assert_eq!(limit.table().keys(), MOST_KEYS);
    assert!(limit.table().evictions() > 0);
}

#[test]
fn what_is_over_makes_room_by_itself() {
    let (limit, begun) = limit(bucket(1, 1000, 1), Duration::ZERO, 1000);
    for round in 0..20 {
        for who in 0..900 {
            assert!(passes(
                &limit,
                round * 1000 + who,
                begun + ms(u64::from(round) * 1001)
            ));
        }
    }
    assert_eq!(limit.table().evictions(), 0);
    for _ in 0..64 {
        limit.table().tick(begun + ms(60_000));
    }
    assert!(limit.table().keys() < 900, "ticks sweep too");
    for _ in 0..64 {
        limit.table().tick(begun + ms(60_000));
    }
    assert_eq!(limit.table().keys(), 0);
}

#[test]
fn tables_do_not_know_each_others_keys() {
    let (one, _) = limit(bucket(1, 1000, 1), Duration::ZERO, 10);
    let (other, _) = limit(bucket(1, 1000, 1), Duration::ZERO, 10);
    let subject = Subject::Value(b"a");
    assert_eq!(one.table().key(subject), one.table().key(subject));
    assert_ne!(one.table().key(subject), other.table().key(subject));
    assert_ne!(
        one.table().key(subject),
        one.table().key(Subject::Route("a"))
    );
}

#[test]
fn many_at_once_pass_as_often_as_one() {
    let (limit, begun) = limit(bucket(1, 3_600_000, 50), Duration::ZERO, 10);
    let passed: usize = std::thread::scope(|scope| {
        let count = || (0..100).filter(|_| passes(&limit, 1, begun)).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(count)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(passed, 50);
}

#[test]
fn a_limit_finds_its_state_by_all_but_its_rate() {
    let registry = Registry::new(Instant::now());
    let state = registry.rate(&identity(), 100);
    assert!(Arc::ptr_eq(&state, &registry.rate(&identity(), 100)));
    let others = [
        Identity {
            owner: "defaults".into(),
            ..identity()
        },
        Identity {
            name: "1".into(),
            ..identity()
        },
        Identity {
            by: By::Route,
            ..identity()
        },
    ];
    for other in &others {
        assert!(
            !Arc::ptr_eq(&state, &registry.rate(other, 100)),
            "{other:?}"
        );
    }
    assert!(!Arc::ptr_eq(&state, &registry.rate(&identity(), 101)));
}

#[test]
fn a_limit_that_is_gone_frees_its_state() {
    let registry = Registry::new(Instant::now());
    let state = registry.rate(&identity(), 100);
    let gone = Arc::downgrade(&state);
    assert_eq!(registry.views().len(), 1);
    drop(state);
    assert!(gone.upgrade().is_none() && registry.views().is_empty());
}

#[test]
fn flights_are_counted_until_they_end() {
    let flights = Registry::new(Instant::now()).flights(&identity(), 2);
    let key = |name| flights.key(Subject::Route(name));
    let first = flights.begin(key("a"), 2).unwrap();
    let second = flights.begin(key("a"), 2).unwrap();
    assert!(flights.begin(key("a"), 2).is_none());
    let other = flights.begin(key("b"), 2).unwrap();
    assert_eq!((flights.keys(), flights.uncounted()), (2, 0));
    let uncounted = flights.begin(key("c"), 2).unwrap();
    assert_eq!((flights.keys(), flights.uncounted()), (2, 1));
    drop((first, uncounted));
    let third = flights.begin(key("a"), 2);
    assert!(third.is_some() && flights.begin(key("a"), 2).is_none());
    drop((second, third, other));
    assert_eq!(flights.keys(), 0);
}
