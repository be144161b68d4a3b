//! Reloads: a certificate gets another host, or is not wanted any more.

use super::{
    TEMPORARY, at_front, await_certified, dns_01, one_through_front, plain, shown, signer,
};
use crate::harness::{AcmeFront, Pebble, Setup, When, look_at, until};

#[tokio::test]
async fn another_host_leaves_the_certificate_in_service_until_the_new_one_is_there() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let edge = at_front(&front, &pebble).start().await;
    await_certified(&edge, "a.test", &pebble).await;
    let old = shown(&edge, "a.test").await;

    front.hold("/finalize-order/", When::BeforePebble);
    let text = one_through_front().replace("[a.test]", "[a.test, b.test]");
    edge.rewrite(&front.name_in(&text));
    edge.reload().await;
    front.await_held().await;
    assert_eq!(shown(&edge, "a.test").await, old);
    assert_eq!(signer(&shown(&edge, "b.test").await), TEMPORARY);

    front.release();
    await_certified(&edge, "b.test", &pebble).await;
    let new = shown(&edge, "a.test").await;
    assert_ne!(new, old);
    assert_eq!(shown(&edge, "b.test").await, new);
    assert_eq!(pebble.orders(), 2);
}

#[tokio::test]
async fn a_certificate_that_is_not_wanted_any_more_is_not_ordered_any_further() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let hook = pebble.dns().hook();
    let both = |hosts: &str| {
        let text = one_through_front().replace("http-01", &dns_01(&pebble, &hook));
        text.replace("{ hosts: [a.test], acme: ca }", hosts)
    };
    front.hold("/chalZ/", When::BeforePebble);
    let (a, b) = (
        "{ hosts: [a.test], acme: ca }",
        "{ hosts: [b.test], acme: ca }",
    );
    let edge = Setup::of(&both(&format!("{a}, {b}")))
        .through(&front)
        .certified_by(&pebble)
        .start()
        .await;
    until("both are under way", async || {
        front.asked("/chalZ/").len() == 2
    })
    .await;
    edge.rewrite(&front.name_in(&both(a)));
    edge.reload().await;
    // The order is given up, and leaves no record behind.
    until("its record is cleared", async || {
        let calls = hook.calls();
        calls
            .iter()
            .any(|call| call.starts_with("cleanup _acme-challenge.b.test"))
    })
    .await;
    front.release();
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(pebble.certificates(), 1);
    // Whatever a client asks for, it is not shown for the other host.
    assert!(look_at(edge.https(), "b.test").await.is_err());
}
