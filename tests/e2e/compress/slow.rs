//! Clients that make room bit by bit: what is compressed or our own is as much theirs as what is passed on.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{SITE, decode::decode};
use crate::harness::{
    Frames, Origin, Proxy, Reply,
    frames::{
        ACK, DATA, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, SETTINGS, WINDOW_UPDATE,
        headers_block, request,
    },
};

/// What the client has room for at once, and how long it takes for so much.
const WINDOW: u32 = 4096;
const PAUSE: Duration = Duration::from_millis(100);
/// Long enough for 16 KiB, and for no more than 40.
const PATIENCE: Duration = Duration::from_secs(1);

/// Digits at random, which become half as long.
fn digits(length: usize) -> String {
    let mut number: u64 = 1;
    let mut digit = || {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from_digit(u32::try_from(number >> 60).unwrap(), 16).unwrap()
    };
    (0..length).map(|_| digit()).collect()
}

/// What it gets of a path by HTTP/2, and whether to the end.
async fn read_slowly(proxy: &Proxy, path: &str, coding: &str) -> (Vec<u8>, bool) {
    let mut frames = Frames::connect(proxy).await;
    frames.preface().await;
    let window = [&[0, 4][..], &WINDOW.to_be_bytes()].concat();
    frames.send(SETTINGS, ACK, 0, b"").await.unwrap();
    frames.send(SETTINGS, 0, 0, &window).await.unwrap();
    let fields = [&request("GET", path)[..], &[("accept-encoding", coding)]].concat();
    let flags = END_HEADERS | END_STREAM;
    let block = headers_block(&fields);
    frames.send(HEADERS, flags, 1, &block).await.unwrap();
    let mut got = Vec::new();
    while let Some(frame) = frames.next().await {
        match frame.kind {
            DATA if frame.flags & END_STREAM != 0 => {
                got.extend(frame.payload);
                return (got, true);
            }
            DATA if !frame.payload.is_empty() => {
                let taken = u32::try_from(frame.payload.len()).unwrap();
                sleep(PAUSE * taken / WINDOW).await; // the client is what is slow here
                for stream in [0, 1] {
                    let more = taken.to_be_bytes();
                    frames.send(WINDOW_UPDATE, 0, stream, &more).await.unwrap();
                }
                got.extend(frame.payload);
            }
            RST_STREAM => break,
            _ => {}
        }
    }
    (got, false)
}

#[tokio::test]
async fn by_http2_the_deadline_of_a_write_is_for_16_kib_of_any_body() {
    let (body, answer) = (digits(200 << 10), digits(60 << 10));
    let origin = {
        let body = body.clone();
        Origin::answering(move |_| Reply::ok(body.clone()).with("content-type: text/plain")).await
    };
    let limits = format!(
        "limits: {{ write_idle_timeout: {}ms }}",
        PATIENCE.as_millis()
    );
    let site = SITE
        .replace(
            "tls: intermediate }",
            &format!("tls: intermediate, {limits} }}"),
        )
        .replace("$fixed", &answer);
    let proxy = Proxy::with(&site, &[&origin]).await;
    let check = async |path: &str, coding: &str, expected: &str| {
        let started = Instant::now();
        let (got, is_whole) = read_slowly(&proxy, path, coding).await;
        assert!(is_whole, "{path} {coding}: cut off after {}", got.len());
        assert!(started.elapsed() > PATIENCE, "{path} {coding}: not slow");
        let decoded = decode(coding.trim_start_matches("identity"), &got).unwrap();
        assert!(decoded == expected.as_bytes(), "{path} {coding}");
    };
    tokio::join!(
        check("/held", "br", &body),
        check("/held", "gzip", &body),
        check("/held", "identity", &body),
        check("/fixed", "identity", &answer),
    );
}
