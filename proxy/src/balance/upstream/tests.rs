//! Which server is picked: tiers, panic, weights, limits, and what is adopted.

mod ordered;

use std::{num::NonZeroU32, time::Duration};

use super::*;
use crate::{
    balance::{Failure, Order, Ordered, Target, sample},
    config::model::Address,
};

fn build(spec: &model::Upstream, now: Instant) -> Arc<Upstream> {
    Upstream::build(spec, None, None, now)
}

fn pick_index(upstream: &Arc<Upstream>, tried: &[usize], now: Instant) -> Result<usize, Refusal> {
    let tried = tried.iter().copied().collect();
    upstream
        .pick(None, &tried, now)
        .map(|pick| pick.server().index)
}

/// The servers that 120 requests reach, in order.
fn reached(upstream: &Arc<Upstream>, tried: &[usize], now: Instant) -> Vec<usize> {
    let picks = (0..120).filter_map(|_| pick_index(upstream, tried, now).ok());
    let mut reached: Vec<_> = picks.collect();
    reached.sort_unstable();
    reached.dedup();
    reached
}

fn eject(server: &Server, now: Instant) {
    server.vitals.eject(now, Duration::from_secs(30));
}

fn order(server: &Server, order: Order, now: Instant) {
    let before = server.vitals.ordered();
    server.vitals.follow(Ordered { order, ..before }, now);
}

fn weigh(server: &Server, weight: u16, now: Instant) {
    let weight = Some(weight.try_into().unwrap());
    let before = server.vitals.ordered();
    server.vitals.follow(Ordered { weight, ..before }, now);
}

#[test]
fn five_to_one_spreads() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[5, 1]), now);
    let order: Vec<_> = (0..6)
        .map(|_| pick_index(&upstream, &[], now).unwrap())
        .collect();
    assert_eq!(order, [0, 0, 0, 1, 0, 0]);
}

#[test]
fn threads_together_keep_the_weights() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[3, 2, 1]), now);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..15_000 {
                    pick_index(&upstream, &[], now).unwrap();
                }
            });
        }
    });
    let picks = |server: &Server| server.vitals.picks.get();
    let counts: Vec<_> = upstream.servers().iter().map(picks).collect();
    assert_eq!(counts, [30_000, 20_000, 10_000]);
    assert!(
        upstream
            .servers()
            .iter()
            .all(|it| it.vitals.in_flight() == 0)
    );
}

#[test]
fn a_pick_is_in_flight_until_dropped() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[1]), now);
    let vitals = &upstream.servers()[0].vitals;
    let first = upstream.pick(None, &Tried::EMPTY, now).unwrap();
    let second = upstream.pick(None, &Tried::EMPTY, now).unwrap();
    assert_eq!(vitals.in_flight(), 2);
    drop(first);
    assert_eq!(vitals.in_flight(), 1);
    drop(second);
    assert_eq!((vitals.in_flight(), vitals.picks.get()), (0, 2));
}

#[test]
fn a_pick_says_where_to_connect_and_keeps_score() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[1]), now);
    let pick = upstream.pick(None, &Tried::EMPTY, now).unwrap();
    assert_eq!(
        *pick.target(),
        Target::Socket("10.0.0.1:80".parse().unwrap())
    );
    assert_eq!(&*pick.server().label, "10.0.0.1:80");
    assert!(Arc::ptr_eq(pick.upstream(), &upstream));
    pick.succeeded(now);
    pick.failed(Failure::Connect, now);
    pick.failed(Failure::Timeout, now);
    pick.failed(Failure::Malformed, now);
    pick.failed(Failure::Status(http::StatusCode::BAD_GATEWAY), now);
    let vitals = &pick.server().vitals;
    let failures = &vitals.failures;
    let counts = [
        &vitals.successes,
        &failures.connect,
        &failures.reset,
        &failures.timeout,
        &failures.malformed,
        &failures.status,
    ];
    assert_eq!(
        counts.map(crate::balance::vitals::Counter::get),
        [1, 1, 0, 1, 1, 1]
    );
}

#[test]
fn a_full_server_is_passed_over_and_all_full_is_saturated() {
    let now = Instant::now();
    let mut spec = sample::with_backups(3, 1);
    spec.servers[0].max_connections = NonZeroU32::new(1);
    spec.servers[1].max_connections = NonZeroU32::new(2);
    let upstream = build(&spec, now);
    let held: Vec<_> = (0..3)
        .map(|_| upstream.pick(None, &Tried::EMPTY, now).unwrap())
        .collect();
    let mut order: Vec<_> = held.iter().map(|pick| pick.server().index).collect();
    order.sort_unstable();
    assert_eq!(order, [0, 1, 1]);
    // Load is no reason to use the backup.
    assert_eq!(pick_index(&upstream, &[], now), Err(Refusal::Saturated));
    assert_eq!(pick_index(&upstream, &[0], now), Err(Refusal::Saturated));
    drop(held);
    assert!(pick_index(&upstream, &[], now).is_ok());
}

#[test]
fn threads_never_exceed_max_connections() {
    let now = Instant::now();
    let mut spec = sample::upstream(&[1, 1]);
    for server in &mut spec.servers {
        server.max_connections = NonZeroU32::new(3);
    }
    let upstream = build(&spec, now);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let held = [(); 3].map(|()| upstream.pick(None, &Tried::EMPTY, now));
                    for server in upstream.servers() {
                        assert!(server.vitals.in_flight() <= 3);
                    }
                    drop(held);
                }
            });
        }
    });
    assert!(
        upstream
            .servers()
            .iter()
            .all(|it| it.vitals.in_flight() == 0)
    );
}

/// Servers by letter: `u` up, `d` down, `e` ejected, and by order of an operator: `n` takes nothing new, `m` is
/// in maintenance, `z` has a weight of zero; capital letters are backups.
fn with_states(states: &str, now: Instant) -> Arc<Upstream> {
    let mut spec = sample::upstream(&vec![1; states.len()]);
    for (server, state) in spec.servers.iter_mut().zip(states.chars()) {
        server.backup = state.is_uppercase();
    }
    let upstream = build(&spec, now);
    for (server, state) in upstream.servers().iter().zip(states.chars()) {
        match state.to_ascii_lowercase() {
            'd' => sample::take_down(server, now),
            'e' => eject(server, now),
            'n' => order(server, Order::Drain, now),
            'm' => order(server, Order::Maint, now),
            'z' => weigh(server, 0, now),
            _ => {}
        }
    }
    upstream
}

#[test]
fn who_is_used_by_who_is_healthy() {
    let table: [(&str, &[usize], &[usize], bool); 27] = [
        // Backups only while no primary is healthy.
        ("uuU", &[], &[0, 1], false),
        ("duU", &[], &[1], false),
        ("ddU", &[], &[2], false),
        ("deU", &[], &[2], false),
        ("dddUD", &[], &[3], false),
        // One healthy primary of many carries on if a healthy backup is there to follow.
        ("udddU", &[], &[0], false),
        // Exactly half is no panic.
        ("ud", &[], &[0], false),
        ("uudd", &[], &[0, 1], false),
        ("uude", &[], &[0, 1], false),
        // Fewer than half is.
        ("udd", &[], &[0, 1, 2], true),
        ("ude", &[], &[0, 1, 2], true),
        ("uuddd", &[], &[0, 1, 2, 3, 4], true),
        ("dd", &[], &[0, 1], true),
        ("ed", &[], &[0, 1], true),
        ("d", &[], &[0], true),
        ("ddD", &[], &[0, 1], true),
        ("uddD", &[], &[0, 1, 2], true),
        // A retry under panic prefers who is healthy.
        ("udd", &[1], &[0], true),
        ("udd", &[0], &[1, 2], true),
        // A retry goes where it can still be answered.
        ("uu", &[0], &[1], false),
        ("uuU", &[0], &[1], false),
        ("uuU", &[0, 1], &[2], false),
        ("ud", &[0], &[1], false),
        ("duU", &[1], &[2], false),
        ("duU", &[1, 2], &[0], false),
        ("ddD", &[0, 1], &[2], true),
        ("uU", &[0, 1], &[], false),
    ];
    for (states, tried, expected, panicking) in table {
        let now = Instant::now();
        let upstream = with_states(states, now);
        let case = format!("{states} after {tried:?}");
        assert_eq!(reached(&upstream, tried, now), expected, "{case}");
        assert_eq!(upstream.is_panicking(now), panicking, "{case}");
    }
}

#[test]
fn nothing_left_to_try_is_no_server() {
    let now = Instant::now();
    let upstream = build(&sample::upstream(&[1, 1]), now);
    assert_eq!(pick_index(&upstream, &[0, 1], now), Err(Refusal::NoServer));
    let mut spec = sample::upstream(&[1]);
    spec.servers[0].address = Address::Named {
        host: "nobody.invalid".to_owned(),
        port: 80,
    };
    let unresolved = build(&spec, now);
    assert_eq!(pick_index(&unresolved, &[], now), Err(Refusal::NoServer));
    assert_eq!(unresolved.servers()[0].state(now).to_string(), "UNRESOLVED");
    spec.servers.clear();
    let none = build(&spec, now);
    assert_eq!(pick_index(&none, &[], now), Err(Refusal::NoServer));
}

#[test]
fn a_full_healthy_server_under_panic_leaves_the_rest_to_try() {
    let now = Instant::now();
    let mut spec = sample::upstream(&[1, 1, 1]);
    spec.servers[0].max_connections = NonZeroU32::new(1);
    let upstream = build(&spec, now);
    let held = upstream.pick(None, &Tried::EMPTY, now).unwrap();
    assert_eq!(held.server().index, 0);
    for server in &upstream.servers()[1..] {
        sample::take_down(server, now);
    }
    assert_eq!(pick_index(&upstream, &[1], now), Ok(2));
}

#[test]
fn full_primaries_under_panic_are_saturated_and_no_case_for_dead_backups() {
    let now = Instant::now();
    let mut spec = sample::with_backups(2, 1);
    spec.servers[0].max_connections = NonZeroU32::new(1);
    let upstream = build(&spec, now);
    let _held = upstream.pick(None, &Tried::EMPTY, now).unwrap();
    for server in upstream.servers() {
        sample::take_down(server, now);
    }
    assert!(upstream.is_panicking(now));
    assert_eq!(pick_index(&upstream, &[], now), Err(Refusal::Saturated));
}

#[test]
fn a_panic_ends_when_enough_servers_are_back() {
    let now = Instant::now();
    let upstream = with_states("uee", now);
    assert!(upstream.is_panicking(now));
    let later = now + Duration::from_secs(30);
    assert!(!upstream.is_panicking(later));
    assert_eq!(reached(&upstream, &[], later), [0, 1, 2]);
}

#[test]
fn an_upstream_without_checks_takes_its_servers_for_healthy() {
    let now = Instant::now();
    let checked = with_states("ddd", now);
    let mut spec = checked.spec.clone();
    spec.health = None;
    let upstream = Upstream::build(&spec, None, Some(&checked), now);
    assert!(!upstream.is_panicking(now));
    assert_eq!(upstream.servers()[0].state(now).to_string(), "no check");
}

#[test]
fn an_equal_spec_is_the_same_upstream() {
    let now = Instant::now();
    let spec = sample::upstream(&[1, 2]);
    let first = build(&spec, now);
    let second = Upstream::build(&spec.clone(), None, Some(&first), now);
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn a_new_generation_adopts_the_vitals_of_its_servers() {
    let now = Instant::now();
    let old = build(&sample::upstream(&[1, 1, 1]), now);
    sample::take_down(&old.servers()[1], now);
    let held = old.pick(None, &Tried::EMPTY, now).unwrap();
    let mut spec = sample::upstream(&[7, 1]);
    spec.servers.reverse();
    let new = Upstream::build(&spec, None, Some(&old), now);
    for (new, old) in [(0, 1), (1, 0)].map(|(a, b)| (&new.servers()[a], &old.servers()[b])) {
        assert!(Arc::ptr_eq(&new.vitals, &old.vitals));
        assert_eq!(new.label, old.label);
    }
    assert_eq!(new.servers()[0].state(now).to_string(), "DOWN");
    assert_eq!(new.servers()[1].weight, 7);
    // The request of the old generation is still counted, and uncounted once it ends.
    assert_eq!(new.servers()[1].vitals.in_flight(), 1);
    drop(held);
    assert_eq!(new.servers()[1].vitals.in_flight(), 0);
}

#[test]
fn a_reload_does_not_refill_the_retry_budget() {
    let now = Instant::now();
    let old = build(&sample::upstream(&[1, 1]), now);
    let attempt = Attempt {
        failure: Failure::Connect,
        sent: crate::balance::Sent::Nothing,
        idempotent: true,
        tries: 1,
    };
    assert_eq!((0..99).filter(|_| old.again(&attempt, now)).count(), 10);
    let new = Upstream::build(&sample::upstream(&[1, 2]), None, Some(&old), now);
    assert!(!new.again(&attempt, now));
}

#[test]
fn no_more_servers_are_used_than_a_set_can_hold() {
    let now = Instant::now();
    let mut spec = sample::upstream(&[1]);
    spec.servers = vec![spec.servers[0].clone(); 300];
    assert_eq!(build(&spec, now).servers().len(), ServerSet::CAPACITY);
}

#[test]
fn a_kept_client_goes_to_its_server_as_long_as_that_takes_it() {
    // States, the server kept on, tried servers, where it goes.
    let table: [(&str, usize, &[usize], &[usize]); 14] = [
        ("uuu", 1, &[], &[1]),
        ("uuU", 2, &[], &[2]),
        ("udu", 1, &[], &[0, 2]),
        ("ueu", 1, &[], &[0, 2]),
        ("uuu", 1, &[1], &[0, 2]),
        ("uuu", 9, &[], &[0, 1, 2]),
        // Under panic one that is healthy is kept, and one that is not is chosen like any other.
        ("udd", 0, &[], &[0]),
        ("udd", 1, &[], &[0, 1, 2]),
        ("ddU", 2, &[], &[2]),
        ("ddD", 2, &[], &[0, 1]),
        // Operators: a drained server keeps its clients, one in maintenance does not.
        ("unu", 1, &[], &[1]),
        ("uzu", 1, &[], &[1]),
        ("umu", 1, &[], &[0, 2]),
        ("nmU", 1, &[], &[2]),
    ];
    for (states, kept, tried, expected) in table {
        let now = Instant::now();
        let upstream = with_states(states, now);
        let tried = tried.iter().copied().collect();
        let picks = (0..60).map(|_| upstream.pick(Some(kept), &tried, now).unwrap());
        let mut reached: Vec<_> = picks.map(|pick| pick.server().index).collect();
        reached.sort_unstable();
        reached.dedup();
        assert_eq!(reached, expected, "{states} kept on {kept} after {tried:?}");
    }
}

#[test]
fn a_kept_client_whose_server_is_full_goes_elsewhere() {
    let now = Instant::now();
    let mut spec = sample::upstream(&[1, 1]);
    spec.servers[0].max_connections = NonZeroU32::new(1);
    let upstream = build(&spec, now);
    let held = upstream.pick(Some(0), &Tried::EMPTY, now).unwrap();
    let index = || {
        upstream
            .pick(Some(0), &Tried::EMPTY, now)
            .unwrap()
            .server()
            .index
    };
    assert_eq!(index(), 1);
    drop(held);
    assert_eq!(index(), 0);
}
