//! Connections that end while a client still reads: what was promised is sent to its end.

use std::time::Duration;

use super::limited;
use crate::harness::{
    Frames, Origin, Proxy, Reply,
    frames::{ACK, DATA, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE},
};

const BODY: usize = 400_000;
/// So wide that the line alone is in the way.
const WINDOW: u32 = 16 << 20;
/// After each frame of at most 16 KiB: an answer takes some seconds.
const PAUSE: Duration = Duration::from_millis(150);

/// Reads the answer to a request as slowly as a bad line would bring it, and says how much of it came.
async fn read_slowly(proxy: &Proxy) -> usize {
    let mut frames = Frames::connect_slowly(proxy).await;
    frames.preface().await;
    let window = [&[0, 4][..], &WINDOW.to_be_bytes()].concat();
    let wide = WINDOW.to_be_bytes();
    for (kind, flags, payload) in [
        (SETTINGS, ACK, &b""[..]),
        (SETTINGS, 0, &window),
        (WINDOW_UPDATE, 0, &wide),
    ] {
        frames.send(kind, flags, 0, payload).await.unwrap();
    }
    frames.get(1, "/").await.unwrap();
    let mut got = 0;
    while let Some(frame) = frames.next().await {
        match frame.kind {
            // It answers pings; or the proxy could not tell it from one that is gone.
            PING if frame.flags & ACK == 0 => {
                let _ = frames.send(PING, ACK, 0, &frame.payload).await;
            }
            DATA => {
                got += frame.payload.len();
                // As clients do; the connection may be over by now.
                let _ = frames.send(PING, 0, 0, b"8 bytes.").await;
                tokio::time::sleep(PAUSE).await; // the line is what is slow here
            }
            _ => {}
        }
    }
    got
}

async fn slow_reader_of(limits: &str) -> usize {
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; BODY])).await;
    let proxy = Proxy::with(&limited(limits), &[&origin]).await;
    read_slowly(&proxy).await
}

#[tokio::test]
async fn the_last_answer_of_a_connection_is_whole_for_a_slow_reader() {
    assert_eq!(slow_reader_of("requests_per_connection: 1").await, BODY);
}

#[tokio::test]
async fn a_connection_is_in_use_while_an_answer_is_sent_from_a_buffer() {
    assert_eq!(slow_reader_of("keepalive_timeout: 1s").await, BODY);
}

#[tokio::test]
async fn who_goes_on_after_its_last_request_is_cut_off() {
    let origin = Origin::scripted(async |_, mut wire| {
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
            .await;
        wire.awaits_more().await; // and says no more
        None
    })
    .await;
    let proxy = Proxy::with(
        &limited("requests_per_connection: 2, streams: 4"),
        &[&origin],
    )
    .await;
    let mut frames = Frames::begin(&proxy).await;
    // It never answers the ping, by which the proxy would know that it has heard of the end.
    for stream in (1..).step_by(2).take(100) {
        frames.get(stream, "/").await.ok(); // what comes after the end is read, and thrown away
        if stream > 6 {
            frames
                .send(RST_STREAM, 0, stream - 6, &[0, 0, 0, 8])
                .await
                .ok();
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    let asked = origin.count("/");
    assert!((6..50).contains(&asked), "{asked} requests were served");
}
