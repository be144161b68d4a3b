//! Many hosts.

use std::time::{Duration, Instant};

use super::{ONE, await_certified, plain};
use crate::harness::{Pebble, Proxy, Setup};

#[tokio::test]
async fn two_hundred_hosts_get_each_their_own_certificate() {
    let pebble = Pebble::start(plain()).await;
    let all: Vec<String> = (0..200)
        .map(|nth| format!("{{ hosts: [h{nth}.test], acme: ca }}"))
        .collect();
    let text = ONE
        .replace("{ hosts: [a.test], acme: ca }", &all.join(", "))
        .replace("http-01", "http-01, limits: { orders: 1000/1h }");
    let begun = Instant::now();
    let edge = Setup::of(&text).certified_by(&pebble).start().await;
    await_all(&edge, 200).await;
    println!("200 hosts with a certificate each: {:?}", begun.elapsed());
    await_certified(&edge, "h7.test", &pebble).await;
    await_certified(&edge, "h199.test", &pebble).await;
    assert_eq!((pebble.orders(), pebble.certificates()), (200, 200));
}

#[tokio::test]
async fn a_hundred_hosts_fit_into_one_certificate() {
    let pebble = Pebble::start(plain()).await;
    let all: Vec<String> = (0..100).map(|nth| format!("h{nth}.test")).collect();
    let text = ONE.replace("a.test", &all.join(", "));
    let edge = Setup::of(&text).certified_by(&pebble).start().await;
    await_all(&edge, 100).await;
    await_certified(&edge, "h0.test", &pebble).await;
    await_certified(&edge, "h99.test", &pebble).await;
    assert_eq!(pebble.orders(), 1);
}

/// Waits until none of so many hosts has a temporary certificate. Takes what it takes.
async fn await_all(edge: &Proxy, count: usize) {
    let certified = async || {
        let metrics = edge.admin("/metrics").await.unwrap();
        let lines = metrics.text().lines();
        let of_hosts = lines.filter(|line| line.starts_with("simplon_certificate_temporary{"));
        of_hosts.filter(|line| line.ends_with(" 0")).count()
    };
    let waiting = async {
        while certified().await < count {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), waiting)
        .await
        .unwrap();
}
