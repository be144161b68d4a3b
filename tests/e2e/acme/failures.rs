//! When there is no certificate: whose fault it is, and what is tried next.

use std::time::{Duration, SystemTime};

use super::{
    ONE, TEMPORARY, at_front, await_certified, await_told, chain, dns_01, plain, shown, signer,
};
use crate::harness::{AcmeFront, Pebble, Ports, Setup, Terms, When};

#[tokio::test]
async fn a_ca_that_refuses_a_host_is_quoted_and_asked_again_later() {
    let pebble = Pebble::start(Terms {
        blocked: vec!["a.test"],
        ..plain()
    })
    .await;
    let edge = Setup::of(ONE).certified_by(&pebble).start().await;
    let line = edge.errors().await_line("no certificate: ordering: ").await;
    assert!(
        line.contains("urn:ietf:params:acme:error:rejectedIdentifier"),
        "{line}"
    );
    assert!(line.contains("a.test"), "{line}");
    assert!(line.contains("the next try is in 3 s"), "{line}");
    // With nobody else to turn to, the rest grows soon.
    edge.errors().await_line("the next try is in 1").await;
    await_told(&edge, "rejectedIdentifier").await;
    assert_eq!(signer(&shown(&edge, "a.test").await), TEMPORARY);
}

#[tokio::test]
async fn a_challenge_that_does_not_work_gives_way_to_the_next() {
    let pebble = Pebble::start(plain()).await;
    let hook = pebble.dns().hook();
    let both = format!("challenge: [http-01, {}]", dns_01(&pebble, &hook));
    let text = ONE.replace("challenge: http-01", &both);
    // Nobody listens where Pebble looks.
    let edge = Setup::of(&text)
        .certified_by(&pebble)
        .on(Ports::free())
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    let line = edge.errors().await_line("no certificate: a.test: ").await;
    assert!(line.contains("refused"), "{line}");
    let calls = hook.calls();
    assert!(
        calls[0].starts_with("present _acme-challenge.a.test"),
        "{calls:?}"
    );
}

#[tokio::test]
async fn another_ca_stands_in_until_the_next_renewal() {
    let first = Pebble::start(plain()).await;
    let second = Pebble::start(plain()).await;
    let mut front = AcmeFront::of(&first).await;
    front.stop().await;
    let other = AcmeFront::of(&second).await;
    let text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          for_the_second: {{ bind: 127.0.0.1:{} }}
          https: {{ bind: 127.0.0.1:$https, tls: modern }}
        acme:
          ca: {{ directory: $front, root: $its_root, challenge: http-01, fallback: other }}
          other: {{ directory: {}, root: {:?}, challenge: http-01 }}
        certificates: [{{ hosts: [a.test], acme: ca }}]
        routes: [{{ respond: {{ body: secure }} }}]
        ",
        second.ports().http,
        other.directory(),
        other.root()
    );
    let setup = |front: &AcmeFront| {
        let setup = Setup::of(&text).through(front);
        setup.on(first.ports())
    };
    let edge = setup(&front).start().await;
    await_certified(&edge, "a.test", &second).await;
    edge.errors().await_line("no certificate: ").await;
    assert_eq!((first.orders(), second.orders()), (0, 1));

    front.start_again().await;
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 3600);
    other
        .set_renewal_info(&chain(&edge, "a.test"), now - 2 * day, now - day)
        .await;
    let edge = setup(&front).kept_in(edge.leave().await).start().await;
    await_certified(&edge, "a.test", &first).await;
    assert_eq!((first.orders(), second.orders()), (1, 1));
    // What another CA has issued is not replaced here.
    assert!(front.asked("/order-plz")[0]["replaces"].is_null());
}

#[tokio::test]
async fn a_ca_that_is_down_at_the_first_start_is_asked_again() {
    let pebble = Pebble::start(plain()).await;
    let mut front = AcmeFront::of(&pebble).await;
    front.stop().await;
    let edge = at_front(&front, &pebble).start().await;
    let line = edge.errors().await_line("no certificate: ").await;
    assert!(line.contains("refused"), "{line}");
    assert_eq!(signer(&shown(&edge, "a.test").await), TEMPORARY);
    front.start_again().await;
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn a_ca_that_goes_away_in_mid_order_is_found_again() {
    let pebble = Pebble::start(plain()).await;
    let mut front = AcmeFront::of(&pebble).await;
    front.hold("/finalize-order/", When::BeforePebble);
    let edge = at_front(&front, &pebble).start().await;
    front.await_held().await;
    front.stop().await;
    edge.errors()
        .await_line("no certificate: asking for the certificate")
        .await;
    front.release();
    front.start_again().await;
    await_certified(&edge, "a.test", &pebble).await;
    // The order goes on where it was.
    edge.errors().await_line("going on with the order").await;
    assert_eq!(pebble.orders(), 1);
}
