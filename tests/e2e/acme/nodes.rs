//! Several edges on one state directory: one of them orders, all of them serve and answer.

use super::{TEMPORARY, await_certified, one_through_front, plain, shown, signer};
use crate::harness::{AcmeFront, Pebble, Ports, Proxy, Setup, When, until};

/// An edge on these ports, with the state directory of all.
async fn edge(pebble: &Pebble, front: &AcmeFront, ports: Ports, state: &str) -> Proxy {
    let text = format!(
        "{}\nstate: {state}",
        one_through_front().replace("\n    ", "\n")
    );
    Setup::of(&text)
        .through(front)
        .certified_by(pebble)
        .on(ports)
        .start()
        .await
}

#[tokio::test]
async fn two_edges_that_start_at_once_order_once_and_both_serve_it() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    let (one, other) = tokio::join!(
        edge(&pebble, &front, pebble.ports(), state),
        edge(&pebble, &front, Ports::free(), state),
    );
    await_certified(&one, "a.test", &pebble).await;
    await_certified(&other, "a.test", &pebble).await;
    assert_eq!(shown(&one, "a.test").await, shown(&other, "a.test").await);
    assert_eq!(pebble.orders(), 1);
    assert_eq!(front.asked("/sign-me-up").len(), 1);
}

#[tokio::test]
async fn a_challenge_of_one_edge_is_answered_by_the_other() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    front.hold("/chalZ/", When::BeforePebble);
    let one = edge(&pebble, &front, Ports::free(), state).await;
    front.await_held().await;
    // Where Pebble looks there is the other.
    let other = edge(&pebble, &front, pebble.ports(), state).await;
    assert_eq!(signer(&shown(&other, "a.test").await), TEMPORARY);
    front.release();
    await_certified(&one, "a.test", &pebble).await;
    await_certified(&other, "a.test", &pebble).await;
    let asked = other
        .logged(|line| line["path"].as_str().unwrap().starts_with("/.well-known/"))
        .await;
    assert_eq!(asked["status"], 200);
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn the_other_edge_takes_over_when_the_one_that_orders_is_killed() {
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().to_str().unwrap();
    front.hold("/chalZ/", When::BeforePebble);
    let one = edge(&pebble, &front, Ports::free(), state).await;
    front.await_held().await;
    let other = edge(&pebble, &front, pebble.ports(), state).await;
    drop(one.leave().await);
    front.forget();
    await_certified(&other, "a.test", &pebble).await;
    until("the order goes on", async || {
        other.errors().has("going on with the order")
    })
    .await;
    assert_eq!(pebble.orders(), 1);
}
