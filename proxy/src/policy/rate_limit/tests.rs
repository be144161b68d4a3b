//! What clients are told, and how several limits stand together.

use std::{num::NonZeroU32, time::Duration};

use http::{HeaderMap, Method};

use super::*;
use crate::config::model::By;

fn spec(name: &str, rate: u32, window_s: u64, burst: u32) -> Spec {
    Spec {
        name: name.into(),
        bucket: Bucket {
            rate: NonZeroU32::new(rate).unwrap(),
            window: Duration::from_secs(window_s),
            burst: NonZeroU32::new(burst).unwrap(),
        },
        by: By::Client,
        mode: Mode::Enforce,
        delay: Duration::ZERO,
        max_keys: 100,
    }
}

fn several(limits: Vec<Spec>, registry: &Registry) -> RateLimit {
    let list = LimitList {
        of_defaults: false,
        limits,
    };
    RateLimit::new(&list, "a.example/", registry)
}

/// What one request of `client` finds, and both fields.
fn visit(limit: &RateLimit, client: u8, now: Instant) -> (Checked, [String; 2]) {
    let fields = HeaderMap::new();
    let request = Request {
        client: [192, 0, 2, client].into(),
        method: &Method::GET,
        announced: None,
        is_tls: false,
        host: "a.example",
        port: None,
        path: "/",
        query: "",
        fields: (&fields).into(),
    };
    let mut applied = Applied::default();
    let checked = limit.check(&request, "a.example/", now, &mut applied);
    let told = [RATELIMIT_POLICY, RATELIMIT].map(|name| {
        let mut values = applied.response_fields.iter().filter(|(n, _)| *n == name);
        let (_, value) = values.next().unwrap();
        assert!(values.next().is_none());
        value.to_str().unwrap().to_owned()
    });
    (checked, told)
}

#[test]
fn the_policy_is_the_burst_and_the_seconds_in_which_it_comes_back() {
    for (rate, window, burst, expected) in [
        (100, 10, 100, "q=100;w=10"),
        (50, 1, 50, "q=50;w=1"),
        (3, 1, 3, "q=3;w=1"),
        (2000, 300, 2000, "q=2000;w=300"),
        (50, 1, 100, "q=100;w=2"),
        (50, 1, 10, "q=10;w=1"),
        (7, 60, 1, "q=1;w=9"),
        (1, 86_400, 2, "q=2;w=172800"),
    ] {
        let found = policy(&[spec("a", rate, window, burst)]);
        assert_eq!(found, format!("\"a\";{expected}"));
    }
    let both = policy(&[spec("fast", 5, 1, 5), spec("slow", 100, 3600, 10)]);
    assert_eq!(both, "\"fast\";q=5;w=1, \"slow\";q=10;w=360");
}

#[test]
fn the_field_counts_down_and_a_refusal_says_when_to_come_back() {
    let (registry, now) = (Registry::default(), Instant::now());
    let limit = several(vec![spec("default", 2, 3600, 2)], &registry);
    for (refusal, member) in [
        (None, "\"default\";r=1;t=1800"),
        (None, "\"default\";r=0;t=3600"),
        (Some(Refusal::RateLimited(1800)), "\"default\";r=0;t=3600"),
    ] {
        let (checked, [policy, field]) = visit(&limit, 1, now);
        assert_eq!(checked.refusal, refusal);
        assert_eq!(
            (policy.as_str(), field.as_str()),
            ("\"default\";q=2;w=3600", member)
        );
    }
    let (checked, _) = visit(&limit, 2, now);
    assert_eq!(checked.refusal, None, "another client is another matter");
    let (checked, _) = visit(&limit, 1, now + Duration::from_millis(1_799_001));
    assert_eq!(checked.refusal, Some(Refusal::RateLimited(1)), "rounded up");
}

#[test]
fn a_limit_that_is_not_reached_is_not_spent_from() {
    let (registry, now) = (Registry::default(), Instant::now());
    let limit = several(
        vec![spec("1", 1, 3600, 1), spec("2", 5, 3600, 5)],
        &registry,
    );
    let fields: Vec<_> = (0..4).map(|_| visit(&limit, 1, now).1[1].clone()).collect();
    assert_eq!(fields[0], "\"1\";r=0;t=3600, \"2\";r=4;t=720");
    assert!(fields[1..].iter().all(|field| field == "\"1\";r=0;t=3600"));
    let (checked, [_, field]) = visit(&limit, 1, now + Duration::from_secs(3600));
    assert_eq!(checked.refusal, None);
    assert_eq!(
        field, "\"1\";r=0;t=3600, \"2\";r=4;t=720",
        "only the passed were counted"
    );
}

#[test]
fn a_limit_that_observes_refuses_nothing_and_shows_it() {
    let (registry, now) = (Registry::default(), Instant::now());
    let observing = Spec {
        mode: Mode::Observe,
        ..spec("1", 1, 3600, 1)
    };
    let limit = several(vec![observing, spec("2", 3, 3600, 3)], &registry);
    let found: Vec<_> = (0..4)
        .map(|_| visit(&limit, 1, now).0)
        .map(|checked| (checked.observed, checked.refusal.is_some()))
        .collect();
    assert_eq!(
        found,
        [(false, false), (true, false), (true, false), (true, true)]
    );
    let shown = registry.top.shown(20, now);
    let shown: Vec<_> = shown
        .iter()
        .map(|limited| (&*limited.limit, limited.count))
        .collect();
    assert_eq!(shown, [("a.example/: 1", 3), ("a.example/: 2", 1)]);
}

#[test]
fn of_several_waits_the_longest_counts_and_a_refusal_ends_all() {
    let (registry, now) = (Registry::default(), Instant::now());
    let patient = |name, rate, delay| Spec {
        delay: Duration::from_secs(delay),
        ..spec(name, rate, 10, 1)
    };
    let limits = vec![
        patient("1", 10, 5),
        patient("2", 5, 5),
        spec("3", 2, 3600, 2),
    ];
    let limit = several(limits, &registry);
    let waits: Vec<_> = (0..3).map(|_| visit(&limit, 1, now).0).collect();
    assert_eq!(waits[0].wait(), Duration::ZERO);
    assert_eq!(
        (waits[1].wait(), waits[1].turns.len()),
        (Duration::from_secs(2), 2)
    );
    assert!(waits[2].refusal.is_some() && waits[2].turns.is_empty());
}

#[test]
fn no_more_is_to_be_waited_for_than_the_policy_says_however_many_wait_their_turn() {
    let (registry, now) = (Registry::default(), Instant::now());
    let patient = Spec {
        delay: Duration::from_secs(30),
        ..spec("default", 1, 10, 2)
    };
    let limit = several(vec![patient], &registry);
    let fields: Vec<_> = (0..6).map(|_| visit(&limit, 1, now).1[1].clone()).collect();
    assert_eq!(fields[0], "\"default\";r=1;t=10");
    assert!(
        fields[1..]
            .iter()
            .all(|field| field == "\"default\";r=0;t=20")
    );
    assert_eq!(visit(&limit, 1, now).1[0], "\"default\";q=2;w=20");
}

#[test]
fn limits_of_defaults_are_the_same_for_all_routes() {
    let (registry, now) = (Registry::default(), Instant::now());
    let list = |of_defaults| LimitList {
        of_defaults,
        limits: vec![spec("default", 1, 3600, 1)],
    };
    let built = [(true, "a/"), (true, "b/"), (false, "a/"), (false, "b/")]
        .map(|(of_defaults, route)| RateLimit::new(&list(of_defaults), route, &registry));
    let passed = built
        .each_ref()
        .map(|limit| visit(limit, 1, now).0.refusal.is_none());
    assert_eq!(passed, [true, false, true, true]);
}
