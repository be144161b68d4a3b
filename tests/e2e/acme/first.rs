//! The first start: from nothing but a configuration to a certificate of the CA, by each challenge.

use std::time::{Duration, Instant};

use super::{ONE, TEMPORARY, at_front, await_certified, by_dns, plain, shown, signer};
use crate::harness::{AcmeFront, Pebble, Setup, Terms, When, shake_hands};

#[tokio::test]
async fn a_first_start_serves_a_certificate_of_the_ca_within_three_seconds() {
    let pebble = Pebble::start(Terms::default()).await;
    let begun = Instant::now();
    let edge = Setup::of(ONE).certified_by(&pebble).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    let took = begun.elapsed();
    println!("from start to a certificate of the CA: {took:?}");
    // The machine may be busy with everything else.
    assert!(took < Duration::from_secs(12), "{took:?}");
    let order = [("issuer", "ca"), ("result", "issued")];
    edge.await_metric("simplon_acme_orders_total", &order, 1)
        .await;
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn until_the_certificate_is_there_clients_get_a_temporary_one_that_says_so() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    front.hold("/order-plz", When::BeforePebble);
    let edge = at_front(&front, &pebble).start().await;
    let host = [("host", "a.test")];
    let is_temporary = async || edge.metric("simplon_certificate_temporary", &host).await;
    assert_eq!(signer(&shown(&edge, "a.test").await), TEMPORARY);
    assert_eq!(is_temporary().await, Some(1));
    front.await_held().await;
    assert_eq!(signer(&shown(&edge, "a.test").await), TEMPORARY);

    front.release();
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(is_temporary().await, Some(0));
}

#[tokio::test]
async fn a_host_and_all_below_it_are_certified_by_dns() {
    let pebble = Pebble::start(Terms::default()).await;
    let hook = pebble.dns().hook();
    for (hosts, names) in [
        ("['*.wild.test']", &["x.wild.test"][..]),
        (
            "[example.test, '*.example.test']",
            &["example.test", "www.example.test"],
        ),
        ("[b.test]", &["b.test"]),
    ] {
        let text = by_dns(&pebble, &hook, hosts);
        let edge = Setup::of(&text).certified_by(&pebble).start().await;
        for name in names {
            await_certified(&edge, name, &pebble).await;
        }
        let others = shake_hands(edge.https(), "x.y.test", &[], &pebble.issued_by().await).await;
        assert!(others.is_err(), "{hosts}");
    }
    let calls = hook.calls();
    let count = |verb: &str| calls.iter().filter(|call| call.starts_with(verb)).count();
    assert_eq!((count("present "), count("cleanup ")), (4, 4), "{calls:#?}");
    assert_eq!(pebble.orders(), 3);
}

#[tokio::test]
async fn a_first_start_with_nothing_but_a_secure_listener_is_validated_by_tls() {
    let pebble = Pebble::start(Terms::default()).await;
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: modern } }
        acme: { ca: { directory: $acme, root: $root, challenge: tls-alpn-01 } }
        certificates: [{ hosts: [a.test, b.test], acme: ca }]
        routes: [{ respond: { body: secure } }]
        ";
    let edge = Setup::of(text).certified_by(&pebble).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    await_certified(&edge, "b.test", &pebble).await;
    assert_eq!((pebble.orders(), pebble.requests("a.test")), (1, 0));
    // Who offers it when nothing is at issue gets no certificate of ours.
    let trust = pebble.issued_by().await;
    let asked = shake_hands(edge.https(), "a.test", &["acme-tls/1"], &trust).await;
    assert!(asked.is_err());
}
