//! What a request may be like, and how long its head and body may take.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::{Stage, WAYS, get};
use crate::harness::Client;

/// A request that meets a limit: what is sent at once, and what again and again until there is an answer.
struct Case {
    limits: &'static str,
    sent: String,
    dribbled: &'static str,
    status: u16,
    /// The reason it is counted by; empty for one that is let through.
    reason: &'static str,
}

fn case(limits: &'static str, sent: impl Into<String>, status: u16, reason: &'static str) -> Case {
    let (sent, dribbled) = (sent.into(), "");
    Case {
        limits,
        sent,
        dribbled,
        status,
        reason,
    }
}

const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: localhost\r\n";

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn heads() -> Vec<Case> {
    let (late, large, wide, count) = (
        "header_timeout: 400ms",
        "header_size: 2KiB",
        "header_size: 128KiB",
        "header_count: 5",
    );
    let target = |length| GET.replacen('/', &format!("/{}", long(length)), 1) + "\r\n";
    let fields = |count| format!("{GET}{}\r\n", "a: b\r\n".repeat(count));
    let field = |length| format!("{GET}x: {}", long(length));
    let named = |length| format!("{GET}{}: y\r\n\r\n", long(length));
    vec![
        Case {
            dribbled: "y",
            ..case(late, field(0), 408, "header_timeout")
        },
        case(late, GET, 408, "header_timeout"),
        case(large, field(2100) + "\r\n\r\n", 431, "header_too_large"),
        case(large, field(9000), 431, "header_too_large"), // and never ends
        case(large, field(1900) + "\r\n\r\n", 200, ""),
        case(wide, named(1024), 200, ""),
        case(wide, named(1025), 431, "header_too_large"),
        case(wide, named(70_000), 431, "header_too_large"),
        case(count, fields(4), 200, ""),
        case(count, fields(5), 431, "header_too_large"),
        case("uri_size: 64", target(63), 200, ""),
        case("uri_size: 64", target(64), 414, "uri_too_long"),
    ]
}

fn bodies() -> Vec<Case> {
    let (large, idle) = ("body_size: 1KiB", "body_idle_timeout: 300ms");
    let announced = |length| format!("{POST}content-length: {length}\r\n\r\n");
    let whole = |length| announced(length) + &long(length);
    let chunk = |length| format!("{length:x}\r\n{}\r\n", long(length));
    let chunked = |chunks: String| format!("{POST}transfer-encoding: chunked\r\n\r\n{chunks}");
    vec![
        case(large, whole(1024), 200, ""),
        case(large, whole(1025), 413, "body_too_large"),
        case(
            large,
            chunked(chunk(1000) + &chunk(24) + "0\r\n\r\n"),
            200,
            "",
        ),
        case(
            large,
            chunked(chunk(1000) + &chunk(25)),
            413,
            "body_too_large",
        ),
        case(idle, announced(9) + "some", 408, "body_timeout"),
        case(idle, chunked("5\r\nso".to_owned()), 408, "body_timeout"),
        // Never idle for long, but ever too slow.
        Case {
            dribbled: "y",
            ..case(
                "body_idle_timeout: 1s, min_rate: 1KiB",
                announced(9000),
                408,
                "body_timeout",
            )
        },
    ]
}

#[tokio::test]
async fn each_limit_of_a_request_refuses_closes_and_is_counted() {
    for case in heads().into_iter().chain(bodies()) {
        let stage = Stage::limited(case.limits).await;
        for (way, later) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
            let mut client = stage.client(way, later).await;
            client.send(&case.sent).await;
            let status = answer(&mut client, case.dribbled).await;
            let what = format!("{way:?}, later {later}, {}, {:.30}", case.limits, case.sent);
            assert_eq!(status, case.status, "{what}");
            if case.reason.is_empty() {
                assert_eq!(get(&mut client).await.status(), 200, "{what}");
            } else {
                client.expect_end().await;
            }
        }
        if !case.reason.is_empty() {
            assert_eq!(stage.refusals(case.reason).await, 4, "{}", case.limits);
        }
    }
}

/// The status of the answer, while a byte comes now and then.
async fn answer(client: &mut Client, dribbled: &str) -> u16 {
    let started = Instant::now();
    while !dribbled.is_empty() && started.elapsed() < Duration::from_secs(5) {
        let _ = client.wire.try_send(dribbled).await;
        if timeout(Duration::from_millis(50), client.wire.awaits_more())
            .await
            .is_ok()
        {
            break;
        }
    }
    client.response().await.status()
}

#[tokio::test]
async fn a_connection_that_says_nothing_ends_at_its_deadline_and_is_counted_if_it_never_did() {
    let stage = Stage::limited("header_timeout: 300ms, keepalive_timeout: 600ms").await;
    for (way, later) in WAYS.into_iter().flat_map(|way| [(way, false), (way, true)]) {
        let mut client = stage.client(way, later).await;
        let started = Instant::now();
        client.expect_end().await;
        let least = if later { 550 } else { 250 };
        let took = started.elapsed().as_millis();
        assert!((least..5000).contains(&took), "{way:?} {later} {took} ms");
        // Who has had an answer and asks for nothing more has done no wrong.
        assert_eq!(stage.turned_away(way, "silent").await, 1, "{way:?} {later}");
    }
}

#[tokio::test]
async fn a_connection_carries_so_many_requests_on_every_way() {
    let stage = Stage::limited("requests_per_connection: 3").await;
    for way in WAYS {
        let mut client = stage.client(way, false).await;
        for nth in 1..=3 {
            let answer = get(&mut client).await;
            let closes = answer.field("connection") == Some("close");
            assert_eq!(closes, nth == 3, "{way:?} {nth}");
        }
        client.expect_end().await;
    }
}

#[tokio::test]
async fn a_body_may_pause_as_long_as_it_is_not_idle_and_keeps_its_rate() {
    let stage = Stage::limited("body_idle_timeout: 500ms, min_rate: 240B").await;
    for way in WAYS {
        let mut client = stage.client(way, false).await;
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n";
        client.send(head).await;
        for _ in 0..10 {
            sleep(Duration::from_millis(200)).await;
            client.send([b'x'; 100]).await;
        }
        assert_eq!(client.response().await.status(), 200, "{way:?}");
    }
}
