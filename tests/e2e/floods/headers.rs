//! Header blocks that are large, endless, or larger than they look.

use super::{WITH_TLS, expect_goodbye, limited};
use crate::harness::{
    Frames, Origin, Proxy,
    frames::{CONTINUATION, END_HEADERS, END_STREAM, HEADERS, headers_block, push_string, request},
    until,
};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_continuation_flood_is_cut_at_the_size_of_a_header() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&(WITH_TLS.to_owned() + "workers: 1\n"), &[&origin]).await;
    // The first connection of a worker has it ask for memory that it keeps.
    drop(Frames::begin(&proxy).await);
    let before = proxy.memory();
    let mut frames = Frames::begin(&proxy).await;
    let value = "x".repeat(16_000);
    let part = headers_block(&[("x-part", &value)]);
    frames.send(HEADERS, END_STREAM, 1, &part).await.unwrap();
    let mut sent = part.len();
    while !frames.look().await && frames.send(CONTINUATION, 0, 1, &part).await.is_ok() {
        sent += part.len();
        assert!(sent < 4 << 20, "there seems to be no limit");
    }
    expect_goodbye(&proxy, frames, "continuation_flood").await;
    let grown = proxy.memory().saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes more");
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn a_header_block_that_does_not_end_is_cut_at_the_deadline() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&limited("header_timeout: 700ms"), &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    frames.get(1, "/").await.unwrap();
    assert_eq!(frames.status(1).await, Some(200));
    let started = std::time::Instant::now();
    let block = headers_block(&request("GET", "/"));
    frames.send(HEADERS, END_STREAM, 3, &block).await.unwrap();
    expect_goodbye(&proxy, frames, "header_block_timeout").await;
    assert!(started.elapsed() < std::time::Duration::from_secs(3));

    // In one frame, a byte at a time: each byte is progress, and the deadline stands.
    let mut frames = Frames::begin(&proxy).await;
    let whole = crate::harness::frames::frame(HEADERS, END_HEADERS, 1, &[0; 1000]);
    for byte in whole {
        if frames.look().await || frames.send_bytes(&[byte]).await.is_err() {
            break;
        }
    }
    assert!(started.elapsed() < std::time::Duration::from_secs(6));
    assert_eq!(super::refused(&proxy, "header_block_timeout").await, 2);
}

/// A block that fills the table with one field of this size, and then names it so many times: one byte each.
pub(super) fn bomb(name: &str, size: usize, times: usize) -> Vec<u8> {
    let mut block = headers_block(&request("GET", "/"));
    block.push(0x40); // a literal that is indexed (RFC 7541 section 6.2.1)
    push_string(&mut block, name.as_bytes());
    push_string(&mut block, &vec![b'x'; size]);
    block.extend(vec![0xbe; times]); // the newest of the table (section 6.1)
    block
}

#[tokio::test]
async fn a_header_that_unpacks_to_more_than_a_header_is_refused() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    for (name, size, times) in [
        ("x-bomb", 3000, 1000), // 3 MB of 4 KB
        ("x-bomb", 3000, 30),
        ("cookie", 3000, 30),
        ("cookie", 1, 3000), // crumbs
        ("a", 0, 10_000),
        ("a", 0, 1900), // less than a header by size, and too many
    ] {
        let before = proxy.memory();
        let mut connections = Vec::new();
        for _ in 0..5 {
            let mut frames = Frames::begin(&proxy).await;
            for stream in (1..100).step_by(2) {
                let block = bomb(name, size, times);
                let flags = END_HEADERS | END_STREAM;
                if frames.send(HEADERS, flags, stream, &block).await.is_err() {
                    break;
                }
            }
            // Whether the stream or the connection, it ends without having been served.
            let status = frames.status(1).await;
            assert!(
                matches!(status, None | Some(431)),
                "{name} {size} {times}: {status:?}"
            );
            connections.push(frames);
        }
        let grown = proxy.memory().saturating_sub(before);
        assert!(
            grown < 32 * MIB,
            "{name} {size} {times}: {grown} bytes more"
        );
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn headers_under_way_on_one_connection_have_a_limit_together() {
    let origin = Origin::silent().await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let mut frames = Frames::begin(&proxy).await;
    // Fifteen references make 45 KiB of a few bytes, each within the limit of one header.
    for nth in 0..100 {
        let block = bomb("x-large", 3000, 15);
        let flags = END_HEADERS | END_STREAM;
        frames
            .send(HEADERS, flags, 2 * nth + 1, &block)
            .await
            .unwrap();
    }
    let refused = async || {
        let labels = [("reason", "header_too_large")];
        let refused = proxy
            .metric("simplon_refusals_total", &labels)
            .await
            .unwrap();
        usize::try_from(refused).unwrap()
    };
    until("all of them are served or refused", async || {
        origin.requests().len() + refused().await == 100
    })
    .await;
    assert_eq!(origin.requests().len(), 43, "as many as fit into 2 MiB");
}
