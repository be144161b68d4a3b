//! What a request by HTTP/2 may be like, on the first stream of a connection and on a later one.

use super::Stage;
use crate::harness::{
    Frames,
    frames::{DATA, END_HEADERS, END_STREAM, HEADERS, headers_block, request},
};

/// A request that meets a limit.
struct Case {
    limits: &'static str,
    path: String,
    /// Fields beside those that each request has.
    fields: usize,
    /// Pieces of a body whose length is not announced.
    body: Vec<usize>,
    status: u16,
    /// The reason it is counted by; empty for one that is let through.
    reason: &'static str,
    /// The connection takes no other request.
    is_last: bool,
}

fn case(limits: &'static str, status: u16, reason: &'static str) -> Case {
    Case {
        limits,
        path: "/".to_owned(),
        fields: 0,
        body: Vec::new(),
        status,
        reason,
        is_last: false,
    }
}

fn cases() -> Vec<Case> {
    let target = |length| format!("/{}", "x".repeat(length));
    let (uri, count, body) = ("uri_size: 64", "header_count: 5", "body_size: 1KiB");
    vec![
        Case {
            path: target(63),
            ..case(uri, 200, "")
        },
        Case {
            path: target(64),
            ..case(uri, 414, "uri_too_long")
        },
        Case {
            fields: 4, // and the host
            ..case(count, 200, "")
        },
        Case {
            fields: 6,
            is_last: true,
            ..case(count, 431, "header_too_large")
        },
        Case {
            body: vec![1000, 24],
            ..case(body, 200, "")
        },
        Case {
            body: vec![1000, 25],
            ..case(body, 413, "body_too_large")
        },
        Case {
            fields: 100, // of 50 bytes and more, as they count (RFC 9113 section 6.5.2)
            ..case("header_size: 2KiB", 431, "header_too_large")
        },
    ]
}

async fn send(frames: &mut Frames, stream: u32, case: &Case) {
    let method = if case.body.is_empty() { "GET" } else { "POST" };
    let mut fields = request(method, &case.path).to_vec();
    fields.resize(
        fields.len() + case.fields,
        ("x-field", "a value of some bytes"),
    );
    let ends = if case.body.is_empty() { END_STREAM } else { 0 };
    let block = headers_block(&fields);
    frames
        .send(HEADERS, END_HEADERS | ends, stream, &block)
        .await
        .unwrap();
    for (nth, length) in case.body.iter().enumerate() {
        let flags = if nth + 1 == case.body.len() {
            END_STREAM
        } else {
            0
        };
        let piece = vec![b'x'; *length];
        frames.send(DATA, flags, stream, &piece).await.unwrap();
    }
}

#[tokio::test]
async fn each_limit_of_a_request_by_http_2_refuses_and_is_counted() {
    for case in cases() {
        let stage = Stage::limited(case.limits).await;
        for stream in [1, 3] {
            let what = format!("{}, stream {stream}, {:.9}", case.limits, case.path);
            let mut frames = Frames::begin(&stage.proxy).await;
            if stream == 3 {
                frames.get(1, "/").await.unwrap();
                assert_eq!(frames.status(1).await, Some(200), "{what}");
            }
            send(&mut frames, stream, &case).await;
            assert_eq!(frames.status(stream).await, Some(case.status), "{what}");
            if case.is_last {
                frames.rest().await; // and then it closes
            } else {
                frames.get(5, "/").await.unwrap();
                assert_eq!(frames.status(5).await, Some(200), "{what}");
            }
        }
        if !case.reason.is_empty() {
            assert_eq!(stage.refusals(case.reason).await, 2, "{}", case.limits);
        }
    }
}
