//! A process that is killed leaves a state that starts, wherever it was.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use super::{ONE, at_front, await_certified, by_dns, plain};
use crate::harness::{AcmeFront, Pebble, Setup, When, until};

#[tokio::test]
async fn whoever_is_killed_in_mid_order_goes_on_where_it_was() {
    use When::{AfterPebble, BeforePebble};
    let pebble = Pebble::start(plain()).await;
    let front = AcmeFront::of(&pebble).await;
    let mut orders = 0;
    // Where it is killed, and how many orders it takes in the end.
    for (path, when, needed) in [
        ("/dir", AfterPebble, 1..=1),
        ("/nonce-plz", BeforePebble, 1..=1),
        ("/sign-me-up", AfterPebble, 1..=1),
        ("/order-plz", BeforePebble, 1..=1),
        // Nobody knows of that order.
        ("/order-plz", AfterPebble, 2..=2),
        ("/authZ/", AfterPebble, 1..=1),
        ("/chalZ/", BeforePebble, 1..=1),
        // Pebble looks while nobody answers, or does not get to it.
        ("/chalZ/", AfterPebble, 1..=2),
        ("/finalize-order/", BeforePebble, 1..=1),
        ("/finalize-order/", AfterPebble, 1..=1),
        ("/certZ/", BeforePebble, 1..=1),
        ("/certZ/", AfterPebble, 1..=1),
    ] {
        let setup = || at_front(&front, &pebble);
        front.hold(path, when);
        let edge = setup().start().await;
        front.await_held().await;
        let directory = edge.leave().await;
        front.forget();
        let edge = setup().kept_in(directory).start().await;
        await_certified(&edge, "a.test", &pebble).await;
        let made = pebble.orders() - orders;
        assert!(needed.contains(&made), "{made} orders: {when:?} {path}");
        orders = pebble.orders();
    }
}

#[tokio::test]
async fn whoever_is_killed_within_the_dns_hook_goes_on_where_it_was() {
    let pebble = Pebble::start(plain()).await;
    let hook = pebble.dns().hook();
    hook.mood("slow 2");
    let text = by_dns(&pebble, &hook, "[a.test]");
    let edge = Setup::of(&text).certified_by(&pebble).start().await;
    until("the hook runs", async || !hook.calls().is_empty()).await;
    let directory = edge.leave().await;
    hook.mood("");
    let edge = Setup::of(&text)
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn a_state_directory_full_of_halves_starts() {
    let pebble = Pebble::start(plain()).await;
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("state");
    for (folder, names) in [
        ("", &[][..]),
        ("accounts", &["localhost.ledger"]),
        ("certificates", &["a.test.pem"]),
        (
            "challenges",
            &["http-0123456789012345678901234567890123456789012"],
        ),
        ("orders", &["a.test"]),
        ("locks", &["certificate-a.test"]),
    ] {
        let folder = state.join(folder);
        fs::create_dir_all(&folder).unwrap();
        for draft in 0..50 {
            let half = "a.test\n-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49";
            fs::write(folder.join(format!(".new-{draft:016x}")), half).unwrap();
        }
        for name in names {
            fs::write(folder.join(name), b"https://loc\xff").unwrap();
        }
    }
    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    edge.errors()
        .await_line("certificates/a.test.pem cannot be used")
        .await;
    assert_eq!(pebble.orders(), 1);
}

#[tokio::test]
async fn what_killed_processes_left_is_swept() {
    let pebble = Pebble::start(plain()).await;
    let directory = tempfile::tempdir().unwrap();
    let left = [
        "accounts/.new-0123456789abcdef",
        "certificates/.new-0123456789abcdef",
        "challenges/.new-0123456789abcdef",
        "challenges/http-0123456789abcdef",
        "orders/.new-0123456789abcdef",
    ];
    let fresh = "challenges/http-fedcba9876543210";
    let state = directory.path().join("state");
    for name in left.into_iter().chain([fresh]) {
        fs::create_dir_all(state.join(name).parent().unwrap()).unwrap();
        fs::write(state.join(name), "half").unwrap();
    }
    let yesterday = SystemTime::now() - Duration::from_secs(24 * 3600);
    for name in left {
        let file = fs::File::open(state.join(name)).unwrap();
        file.set_modified(yesterday).unwrap();
    }
    let edge = Setup::of(ONE)
        .certified_by(&pebble)
        .kept_in(directory)
        .start()
        .await;
    for name in left {
        until(name, async || !edge.state().join(name).exists()).await;
    }
    assert!(edge.state().join(fresh).exists());
}
