//! A machine whose clock is wrong: it gets its certificate, is told, and does not order for ever.

use std::time::Duration;

use super::{ONE, await_certified, plain, planted, shown};
use crate::harness::{Clock, Pebble, Proxy, Setup, until};

#[tokio::test]
async fn a_clock_that_is_ahead_is_told_of_and_keeps_nobody_from_a_certificate() {
    one_order_by("+400d", "ahead of the CA's; set it right").await;
}

#[tokio::test]
async fn a_clock_that_is_behind_is_told_of_and_keeps_nobody_from_a_certificate() {
    one_order_by("-400d", "behind the CA's; set it right").await;
}

async fn one_order_by(offset: &str, words: &str) {
    let pebble = Pebble::start(plain()).await;
    let clock = Clock::off_by(offset);
    let setup = || Setup::of(ONE).certified_by(&pebble).by(&clock);
    let edge = setup().start().await;
    await_certified(&edge, "a.test", &pebble).await;
    edge.errors().await_line(words).await;
    assert_eq!(pebble.orders(), 1);

    // It looks around without ordering again. So does a process after it.
    see_a_tick(&edge, &pebble, 1).await;
    let edge = setup().kept_in(edge.leave().await).start().await;
    see_a_tick(&edge, &pebble, 2).await;
    see_a_tick(&edge, &pebble, 3).await;
    assert_eq!(pebble.orders(), 1);
}

/// Waits until the edge has looked at its state directory: a certificate lies there that is newer the later
/// it begins.
async fn see_a_tick(edge: &Proxy, pebble: &Pebble, wait_m: u64) {
    let before = shown(edge, "a.test").await;
    planted(edge, &pebble.directory(), Duration::from_secs(60 * wait_m));
    until("it has looked around", async || {
        shown(edge, "a.test").await != before
    })
    .await;
}
