//! What is said of traces.

use std::time::Duration;

use super::defaults::{LEAST, load};
use crate::config::{
    model::{Follow, Tracing},
    units::Percent,
};

fn tracing(text: &str) -> Tracing {
    load(&format!("{LEAST}tracing: {text}\n")).tracing.unwrap()
}

#[test]
fn a_collector_is_all_it_takes() {
    let tracing = tracing("{ otlp: 'http://127.0.0.1:4318' }");
    assert_eq!(tracing.otlp, "http://127.0.0.1:4318/v1/traces");
    assert_eq!(tracing.tls, None);
    assert_eq!(tracing.service, "simplon");
    assert_eq!(tracing.sample, Percent::new(100));
    assert_eq!(tracing.follow, Follow::Any);
    assert_eq!(tracing.timeout, Duration::from_secs(5));
    assert_eq!(tracing.queue, 2048);
}

#[test]
fn every_key_is_read() {
    let tracing = tracing(
        "{ otlp: 'https://otel.lan/x', service: edge, sample: 1%, follow: trusted, timeout: 1s, queue: 16, ca: ca.pem }",
    );
    assert_eq!(tracing.otlp, "https://otel.lan/x");
    let tls = tracing.tls.unwrap();
    assert!(tls.verify && tls.ca.unwrap().value.ends_with("ca.pem"));
    assert_eq!(tracing.service, "edge");
    assert_eq!(tracing.sample, Percent::new(1));
    assert_eq!(tracing.follow, Follow::Trusted);
    assert_eq!(tracing.timeout, Duration::from_secs(1));
    assert_eq!(tracing.queue, 16);
}

#[test]
fn with_tls_the_authorities_of_the_system_are_trusted_unless_one_is_named() {
    let tls = tracing("{ otlp: 'https://otel.lan', follow: none }")
        .tls
        .unwrap();
    assert!(tls.verify && tls.ca.is_none());
}
