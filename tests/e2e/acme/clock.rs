//! A machine whose clock is wrong: it gets its certificate, is told, and does not order for ever.

use std::path::Path;

use super::{ONE, await_certified, kept, plain, shown};
use crate::harness::{Certificates, Clock, Pebble, Proxy, Setup, until};

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
    see_a_tick(&edge, &pebble, 10).await;
    let edge = setup().kept_in(edge.leave().await).start().await;
    see_a_tick(&edge, &pebble, 5).await;
    see_a_tick(&edge, &pebble, 3).await;
    assert_eq!(pebble.orders(), 1);
}

/// Waits until the edge has looked at its state directory, where a certificate of the future is now: it is
/// newer the later it comes.
async fn see_a_tick(edge: &Proxy, pebble: &Pebble, sooner_s: i64) {
    let planted = plant(edge.directory(), pebble, sooner_s);
    let file = kept(edge, "a.test");
    let draft = file.with_extension("draft");
    std::fs::write(&draft, planted).unwrap();
    std::fs::rename(draft, file).unwrap();
    let before = shown(edge, "a.test").await;
    until("it has looked around", async || {
        shown(edge, "a.test").await != before
    })
    .await;
}

/// A certificate of this day as the state directory keeps it.
fn plant(directory: &Path, pebble: &Pebble, sooner_s: i64) -> String {
    let certificates = Certificates::new();
    certificates.write_begun(sooner_s - 60, directory, "planted", &["a.test"]);
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let (key, chain) = (read("planted.key"), read("planted.pem"));
    format!("a.test\ndirectory: {}\n{key}\n{chain}", pebble.directory())
}
