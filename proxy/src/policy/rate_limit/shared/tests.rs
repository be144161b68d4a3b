//! This node's own count beside what a store says.

use std::{num::NonZeroU32, time::Duration};

use http::{HeaderMap, Method};

use super::*;
use crate::{
    config::model::{By, LimitList, RateLimit as Spec},
    limits::{Bucket, MOST_WAITING, Registry, Standing},
};

/// So many in an hour.
fn spec(name: &str, rate: u32) -> Spec {
    let rate = NonZeroU32::new(rate).unwrap();
    Spec {
        name: name.into(),
        bucket: Bucket {
            rate,
            window: Duration::from_secs(3600),
            burst: rate,
        },
        by: By::Client,
        mode: Mode::Enforce,
        delay: Duration::ZERO,
        max_keys: 100,
    }
}

fn observing(name: &str, rate: u32) -> Spec {
    Spec {
        mode: Mode::Observe,
        ..spec(name, rate)
    }
}

/// One edge, at one moment.
struct Edge {
    limits: RateLimit,
    now: Instant,
}

/// Whether a request is refused, whether it would have been, how many seconds it waits, and what is left of each limit.
type Outcome = (Option<Refusal>, bool, u64, Vec<u32>);

impl Edge {
    fn with(limits: Vec<Spec>) -> Self {
        let list = LimitList {
            of_defaults: false,
            limits,
        };
        Self {
            limits: RateLimit::new(&list, "a.example/", &Registry::default()),
            now: Instant::now(),
        }
    }

    /// One request, of which the store says this; asked for as many as it has an answer for.
    fn ask(&self, found: &[Found]) -> Outcome {
        self.request(|own, request, applied| {
            assert_eq!(own.questions().len(), found.len());
            own.decide_by(found, request, "a.example/", applied)
        })
    }

    /// One request without a store.
    fn alone(&self) -> Outcome {
        self.request(|own, request, applied| own.decide(request, "a.example/", applied))
    }

    fn request(
        &self,
        decide: impl FnOnce(Own<'_>, &Request<'_>, &mut Applied) -> Checked,
    ) -> Outcome {
        let fields = HeaderMap::new();
        let request = Request {
            client: [192, 0, 2, 1].into(),
            method: &Method::GET,
            announced: None,
            is_tls: false,
            host: "a.example",
            port: None,
            path: "/",
            query: "",
            fields: (&fields).into(),
        };
        let own = self.limits.count_here(&request, "a.example/", self.now);
        let mut applied = Applied::default();
        let checked = decide(own, &request, &mut applied);
        let told = applied
            .response_fields
            .iter()
            .find(|(name, _)| name == "ratelimit");
        let told = told.map_or("", |(_, value)| value.to_str().unwrap());
        let left = told
            .split(";r=")
            .skip(1)
            .map(|rest| rest.split(';').next().unwrap().parse().unwrap());
        (
            checked.refusal,
            checked.observed,
            checked.wait().as_secs(),
            left.collect(),
        )
    }
}

/// A bucket with room, and what is left of it.
fn room(remaining: u32) -> Found {
    found(0, remaining, true)
}

/// A bucket that is full for so many seconds.
fn full(wait: u64) -> Found {
    found(wait, 0, false)
}

fn found(wait: u64, remaining: u32, has_room: bool) -> Found {
    Found {
        standing: Standing {
            wait: Duration::from_secs(wait),
            remaining,
            reset: Duration::from_secs(7),
        },
        has_room,
    }
}

#[test]
fn clients_are_told_what_is_left_at_the_store() {
    let edge = Edge::with(vec![spec("one", 10), spec("two", 20)]);
    let outcome = edge.ask(&[room(3), room(17)]);
    assert_eq!(outcome, (None, false, 0, vec![3, 17]));
}

#[test]
fn what_the_store_refuses_this_node_has_not_spent() {
    let edge = Edge::with(vec![spec("one", 10), spec("two", 20)]);
    for _ in 0..30 {
        let outcome = edge.ask(&[room(3), full(90)]);
        assert_eq!(
            outcome,
            (Some(Refusal::RateLimited(90)), false, 0, vec![3, 0])
        );
    }
    assert_eq!(edge.alone(), (None, false, 0, vec![9, 19]));
}

#[test]
fn what_the_store_lets_pass_this_node_has_spent() {
    let edge = Edge::with(vec![spec("one", 3)]);
    for _ in 0..3 {
        assert_eq!(edge.ask(&[room(2)]), (None, false, 0, vec![2]));
    }
    // Even a store that has forgotten it all.
    let refused = (Some(Refusal::RateLimited(1200)), false, 0, vec![0]);
    assert_eq!(edge.alone(), refused);
    edge.request(|own, request, applied| {
        assert!(own.is_refused() && own.questions().is_empty());
        own.decide(request, "a.example/", applied)
    });
}

#[test]
fn a_limit_that_only_observes_keeps_nobody_from_counting() {
    let edge = Edge::with(vec![observing("seen", 10), spec("held", 10)]);
    let outcome = edge.ask(&[full(90), room(4)]);
    assert_eq!(outcome, (None, true, 0, vec![0, 4]));
    assert_eq!(edge.alone(), (None, false, 0, vec![9, 8]));
}

#[test]
fn a_limit_that_only_observes_is_not_asked_for_what_this_node_knows() {
    let edge = Edge::with(vec![observing("seen", 1), spec("held", 10)]);
    assert_eq!(edge.ask(&[room(0), room(9)]), (None, false, 0, vec![0, 9]));
    assert_eq!(edge.ask(&[room(8)]), (None, true, 0, vec![0, 8]));
}

#[test]
fn a_turn_is_the_later_of_both() {
    let patient = Spec {
        delay: Duration::from_secs(3600),
        ..spec("patient", 2)
    };
    let edge = Edge::with(vec![patient]);
    assert_eq!(edge.ask(&[room(1)]), (None, false, 0, vec![1]));
    // There is room here, but others have come to other nodes.
    assert_eq!(
        edge.ask(&[found(600, 0, true)]),
        (None, false, 600, vec![0])
    );
    // A third comes half an hour after the second by this node's own count.
    assert_eq!(
        edge.ask(&[found(900, 0, true)]),
        (None, false, 1800, vec![0])
    );
    // The next would have to wait for longer than it may, and is not asked about.
    let outcome = edge.ask(&[found(4000, 0, true)]);
    assert_eq!(outcome.2, 4000);
    assert_eq!(edge.ask(&[]).0, Some(Refusal::RateLimited(5400)));
}

#[test]
fn what_this_node_refuses_is_spent_from_none_of_its_limits() {
    let edge = Edge::with(vec![
        spec("many", 10),
        observing("seen", 10),
        spec("few", 2),
    ]);
    for left in [(9, 9, 1), (8, 8, 0)] {
        let left = vec![left.0, left.1, left.2];
        assert_eq!(edge.alone(), (None, false, 0, left));
    }
    for _ in 0..30 {
        let outcome = edge.request(|mut own, request, applied| {
            assert!(own.is_refused());
            own.uncount();
            own.decide(request, "a.example/", applied)
        });
        let refused = Some(Refusal::RateLimited(1800));
        assert_eq!(outcome, (refused, false, 0, vec![8, 8, 0]));
    }
}

#[test]
fn what_finds_no_place_to_wait_is_not_spent_here() {
    let edge = Edge::with(vec![spec("one", 10)]);
    let limit = &edge.limits.limits[0].limit;
    let taken = (0..MOST_WAITING).map(|_| limit.turn(Duration::ZERO).unwrap());
    let taken: Vec<_> = taken.collect();
    for _ in 0..30 {
        let outcome = edge.ask(&[found(600, 0, true)]);
        let refused = Some(Refusal::RateLimited(600));
        assert_eq!(outcome, (refused, false, 0, vec![0]));
    }
    drop(taken);
    assert_eq!(edge.alone(), (None, false, 0, vec![9]));
}

#[test]
fn what_is_refused_for_want_of_a_store_is_not_spent() {
    let edge = Edge::with(vec![spec("one", 2), observing("two", 2)]);
    for _ in 0..5 {
        let outcome = edge.request(|own, _, _| own.refuse());
        assert_eq!(outcome, (Some(Refusal::LimitsStore), false, 0, vec![]));
    }
    assert_eq!(edge.alone(), (None, false, 0, vec![1, 1]));
    let watching = Edge::with(vec![observing("two", 2)]);
    let outcome = watching.request(|own, _, _| own.refuse());
    assert_eq!(outcome, (None, false, 0, vec![]));
}
