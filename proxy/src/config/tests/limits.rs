//! Limits: every key of them, and what a route takes from `defaults`.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    config::{
        Config, load_with,
        model::{By, LimitList, MOST_KEYS, MaxInFlight, Mode, RateLimit},
    },
    limits::Bucket,
};

fn load(routes: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.yaml");
    let text = format!("listeners: {{ http: {{ bind: ':8080' }} }}\n{routes}");
    std::fs::write(&path, text).unwrap();
    let loaded = load_with(&path, &|_| None).unwrap_or_else(|report| panic!("\n{report}"));
    assert!(loaded.warnings.is_empty(), "\n{}", loaded.warnings);
    loaded.config
}

fn bucket(rate: u32, window_s: u64, burst: u32) -> Bucket {
    Bucket {
        rate: NonZeroU32::new(rate).unwrap(),
        window: Duration::from_secs(window_s),
        burst: NonZeroU32::new(burst).unwrap(),
    }
}

fn rates(config: &Config, route: usize) -> Option<&LimitList<RateLimit>> {
    config.routes[route].policies.rate_limit.as_deref()
}

#[test]
fn what_is_left_out_of_a_limit_has_the_documented_default() {
    let config =
        load("routes: [{ respond: {}, rate_limit: { rate: 50/s }, max_in_flight: { max: 7 } }]");
    let limit = RateLimit {
        name: "default".into(),
        bucket: bucket(50, 1, 50),
        by: By::Client,
        mode: Mode::Enforce,
        delay: Duration::ZERO,
        max_keys: MOST_KEYS,
    };
    let expected = LimitList {
        of_defaults: false,
        limits: vec![limit],
    };
    assert_eq!(rates(&config, 0), Some(&expected));
    let flights = config.routes[0].policies.max_in_flight.as_deref();
    let limit = MaxInFlight {
        name: "default".into(),
        max: NonZeroU32::new(7).unwrap(),
        by: By::Client,
        mode: Mode::Enforce,
        max_keys: 1_000_000,
    };
    let expected = LimitList {
        of_defaults: false,
        limits: vec![limit],
    };
    assert_eq!(flights, Some(&expected));
    let none = load("routes: [{ respond: {} }]");
    assert!(rates(&none, 0).is_none() && none.routes[0].policies.max_in_flight.is_none());
}

#[test]
fn every_key_of_a_limit_reaches_the_model() {
    let config = load(
        "
routes:
  - respond: {}
    rate_limit:
      - { rate: 2000/5m, burst: 3, by: 'header:X-Api-Key', mode: observe, delay: 30s, name: a.b, max_keys: 9 }
      - { rate: 1/365d, by: 'cookie:Sid', mode: enforce }
      - { rate: 1/ms, by: route }
    max_in_flight:
      - { max: 1, by: route, mode: observe, name: all, max_keys: 5 }
      - { max: 2, by: client_ip }
",
    );
    let limits = &rates(&config, 0).unwrap().limits;
    let first = RateLimit {
        name: "a.b".into(),
        bucket: bucket(2000, 300, 3),
        by: By::Header("x-api-key".parse().unwrap()),
        mode: Mode::Observe,
        delay: Duration::from_secs(30),
        max_keys: 9,
    };
    assert_eq!(limits[0], first);
    assert_eq!((&*limits[1].name, &*limits[2].name), ("2", "3"));
    assert_eq!(limits[1].by, By::Cookie("Sid".into()));
    assert_eq!(limits[1].bucket, bucket(1, 365 * 86_400, 1));
    assert_eq!(
        (&limits[2].by, limits[2].bucket.window),
        (&By::Route, Duration::from_millis(1))
    );
    let flights = &config.routes[0]
        .policies
        .max_in_flight
        .as_ref()
        .unwrap()
        .limits;
    assert_eq!(
        (&*flights[0].name, flights[0].mode, flights[0].max_keys),
        ("all", Mode::Observe, 5)
    );
    assert_eq!((&*flights[1].name, flights[1].max.get()), ("2", 2));
}

#[test]
fn a_route_takes_the_limits_of_defaults_unless_it_says_its_own() {
    let config = load(
        "
defaults: { rate_limit: { rate: 5/s } }
routes:
  - { path: /a, respond: {} }
  - { path: /b, respond: {} }
  - { path: /c, respond: {}, rate_limit: { rate: 5/s } }
  - { path: /d, respond: {}, rate_limit: false }
  - { path: /e, respond: {}, rate_limit: [] }
",
    );
    let of = |route: usize| config.routes[route].policies.rate_limit.as_ref();
    assert!(Arc::ptr_eq(of(0).unwrap(), of(1).unwrap()));
    assert!(of(0).unwrap().of_defaults && !of(2).unwrap().of_defaults);
    assert!(of(3).is_none() && of(4).is_none());
}
