//! Connections that end while a client still reads: what was promised is sent to its end.

use std::time::Duration;

use super::{limited, narrow};
use crate::harness::{
    Frames, Origin, Proxy, Reply,
    frames::{ACK, DATA, PING, RST_STREAM, WINDOW_UPDATE},
};

const BODY: usize = 60_000;
/// Opened at a time; an answer takes some seconds.
const STEP: u32 = 4 << 10;
const PAUSE: Duration = Duration::from_millis(150);

/// Reads the answer to a request as slowly as a bad line would bring it, and says how much of it came.
async fn read_slowly(mut frames: Frames) -> usize {
    frames.get(1, "/").await.unwrap();
    let (mut got, mut granted) = (0, STEP as usize);
    while let Some(frame) = frames.next().await {
        match frame.kind {
            // It answers pings; or the proxy could not tell it from one that is gone.
            PING if frame.flags & ACK == 0 => {
                frames.send(PING, ACK, 0, &frame.payload).await.unwrap();
            }
            DATA => {
                got += frame.payload.len();
                if got == granted {
                    tokio::time::sleep(PAUSE).await; // the line is what is slow here
                    granted += STEP as usize;
                    // The connection's own window is never in the way. It may be over by now.
                    let _ = frames.send(WINDOW_UPDATE, 0, 1, &STEP.to_be_bytes()).await;
                }
            }
            _ => {}
        }
    }
    got
}

async fn slow_reader_of(limits: &str) -> usize {
    let origin = Origin::answering(|_| Reply::ok(vec![b'x'; BODY])).await;
    let proxy = Proxy::with(&limited(limits), &[&origin]).await;
    read_slowly(narrow(&proxy, STEP).await).await
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
