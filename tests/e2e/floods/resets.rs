//! Requests that are taken back: what they cost the servers.

use super::{WITH_TLS, expect_goodbye};
use crate::harness::{
    Frames, Origin, Proxy,
    frames::{PRIORITY, RST_STREAM},
    until,
};

const CANCEL: [u8; 4] = [0, 0, 0, 8];
/// Twice the streams of a connection, and twenty for each second that the test may take.
const ALLOWANCE: usize = 2 * 100;

/// Answers nothing, and notices when a client leaves.
async fn unanswering() -> Origin {
    Origin::scripted(|_, mut wire| async move {
        wire.awaits_more().await;
        None
    })
    .await
}

#[tokio::test]
async fn a_rapid_reset_ends_its_connection_and_reaches_few_servers() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    super::attacks::ATTACKS[0].run(&mut frames).await;
    expect_goodbye(&proxy, frames, "rapid_reset").await;
    // Most were taken back before a server was chosen.
    let reached = origin.requests().len();
    assert!(
        reached <= ALLOWANCE / 2,
        "{reached} requests reached the server"
    );
}

#[tokio::test]
async fn a_patient_rapid_reset_reaches_as_many_servers_as_its_allowance() {
    for (label, most) in [("rapid_reset", ALLOWANCE), ("made_you_reset", 25)] {
        let origin = unanswering().await;
        let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
        let mut frames = Frames::begin(&proxy).await;
        let started = std::time::Instant::now();
        for nth in 0..5000 {
            let stream = 2 * nth + 1;
            let path = format!("/{nth}");
            if frames.get(stream, &path).await.is_err() || frames.has_ended() {
                break;
            }
            until("the origin hears of it, or it is over", async || {
                origin.count(&path) > 0 || frames.look().await
            })
            .await;
            let itself = [&stream.to_be_bytes()[..], &[0]].concat();
            let reset = if label == "rapid_reset" {
                frames.send(RST_STREAM, 0, stream, &CANCEL).await
            } else {
                frames.send(PRIORITY, 0, stream, &itself).await
            };
            if reset.is_err() {
                break;
            }
        }
        expect_goodbye(&proxy, frames, label).await;
        let regained = usize::try_from(started.elapsed().as_secs() + 1).unwrap() * 20;
        let reached = origin.requests().len();
        assert!(reached >= most, "{label}: {reached}");
        assert!(reached <= most + regained, "{label}: {reached}");
        until("every request is abandoned at the server", async || {
            origin.open() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_request_that_is_taken_back_is_abandoned_at_the_server() {
    let origin = unanswering().await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    for stream in [1, 3, 5] {
        frames.get(stream, "/").await.unwrap();
    }
    origin.await_count("/", 3).await;
    assert_eq!(origin.open(), 3);
    frames.send(RST_STREAM, 0, 3, &CANCEL).await.unwrap();
    until("its connection is closed", async || origin.open() == 2).await;
    drop(frames);
    until("so are the others", async || origin.open() == 0).await;
}

#[tokio::test]
async fn a_client_that_cancels_within_reason_is_served() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    // Five pages of a hundred pictures, each left in the middle.
    let mut stream = 1;
    for _ in 0..5 {
        for nth in 0..100 {
            frames.get(stream, "/").await.unwrap();
            if nth % 2 == 0 {
                frames.send(RST_STREAM, 0, stream, &CANCEL).await.unwrap();
            } else {
                assert_eq!(frames.status(stream).await, Some(200));
            }
            stream += 2;
        }
    }
    frames.get(stream, "/").await.unwrap();
    assert_eq!(frames.status(stream).await, Some(200));
}
