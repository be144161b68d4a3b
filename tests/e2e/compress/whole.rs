//! Bodies of known length: held until they are whole, and not a moment longer than is good.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Semaphore, time::sleep};

use super::{
    ANY, SITE, asked_length,
    decode::{decode, decode_so_far},
    json, proxy_of, text,
};
use crate::harness::{Message, Origin, Proxy, Wire, request};

const HELD: usize = 256 << 10;

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n")
}

fn check(answer: &Message, length: usize) {
    assert_eq!(answer.status(), 200);
    let coding = answer.field("content-encoding").unwrap_or_default();
    assert!(
        decode(coding, &answer.body).unwrap() == text(length),
        "{length}"
    );
}

#[tokio::test]
async fn up_to_its_bound_a_body_has_a_length_and_beyond_it_none() {
    let origin = Origin::answering(|request| json(asked_length(request))).await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for (length, has_length) in [
        (1024, true),
        (64 << 10, true),
        ((64 << 10) + 1, true),
        (HELD, true),
        (HELD + 1, false),
    ] {
        for coding in ["br", "zstd", "gzip"] {
            let line = format!("accept-encoding: {coding}");
            let answer = client
                .ask("GET", &format!("/{length}"), &[&line], b"")
                .await;
            assert_eq!(answer.field("content-encoding"), Some(coding));
            assert_eq!(answer.length().is_some(), has_length, "{length}");
            assert_eq!(answer.is_chunked(), !has_length, "{length}");
            check(&answer, length);
        }
    }
    assert_eq!(origin.connections(), 1, "each came back to the spares");
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_held_until_it_is_whole() {
    let origin = Origin::scripted(|_, mut wire| async move {
        let whole = [head(5000).as_bytes(), &text(5000)].concat();
        for piece in whole.chunks(700) {
            wire.send(piece).await;
            tokio::task::yield_now().await;
        }
        Some(wire)
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for _ in 0..3 {
        let answer = client.ask("GET", "/", &[ANY], b"").await;
        assert_eq!(answer.length(), Some(answer.body.len()));
        check(&answer, 5000);
    }
    assert_eq!(origin.connections(), 1);
}

#[tokio::test]
async fn interim_responses_come_before_a_body_that_is_held() {
    let origin = Origin::scripted(|_, mut wire| async move {
        let hint = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n";
        wire.send([hint.as_bytes(), head(5000).as_bytes(), &text(5000)].concat())
            .await;
        Some(wire)
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    let hint = client.ask("GET", "/", &[ANY], b"").await;
    assert_eq!(hint.status(), 103);
    assert_eq!(hint.field("content-encoding"), None);
    let answer = client.response().await;
    assert_eq!(answer.length(), Some(answer.body.len()));
    check(&answer, 5000);
}

#[tokio::test]
async fn what_a_slow_server_has_sent_is_with_the_client_before_the_rest() {
    let go = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&go);
    let origin = Origin::scripted(move |_, mut wire| {
        let gate = Arc::clone(&gate);
        async move {
            let body = text(5000);
            wire.send([head(5000).as_bytes(), &body[..2000]].concat())
                .await;
            gate.acquire().await.unwrap().forget();
            wire.send(&body[2000..]).await;
            Some(wire)
        }
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    client.send(request("GET", "/", &[ANY], b"")).await;
    let answer = client.wire.read_head().await.unwrap().unwrap();
    assert!(answer.is_chunked());
    let mut coded = Vec::new();
    while decode_so_far("br", &coded).len() < 2000 {
        coded.extend(client.wire.read_chunk().await.unwrap().unwrap());
    }
    go.add_permits(1);
    while let Some(chunk) = client.wire.read_chunk().await.unwrap() {
        coded.extend(chunk);
    }
    assert!(decode("br", &coded).unwrap() == text(5000));
    go.add_permits(1);
    check(&client.ask("GET", "/", &[ANY], b"").await, 5000);
    assert_eq!(origin.connections(), 1);
}

/// Sends a head and half of its body, and closes.
async fn breaking() -> Origin {
    Origin::scripted(|_, mut wire: Wire| async move {
        wire.send([head(5000).as_bytes(), &text(2500)].concat())
            .await;
        None
    })
    .await
}

#[tokio::test]
async fn a_server_that_breaks_off_a_held_body_has_answered_nothing() {
    let broken = breaking().await;
    let proxy = proxy_of(&broken).await;
    let mut client = proxy.client().await;
    let answer = client.ask("POST", "/", &[ANY], b"once").await;
    assert_eq!(answer.status(), 502);
    assert_eq!(broken.connections(), 1);
}

#[tokio::test]
async fn another_server_may_answer_in_its_place() {
    let broken = breaking().await;
    let sound = Origin::answering(|_| json(5000)).await;
    let site = "
        upstreams: { web: { servers: [$1, $2], passive: { failures: 1000 } } }
        defaults: { compress: true }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(site, &[&broken, &sound]).await;
    let mut client = proxy.client().await;
    for _ in 0..4 {
        let answer = client.ask("GET", "/", &[ANY], b"").await;
        assert_eq!(answer.length(), Some(answer.body.len()));
        check(&answer, 5000);
    }
    assert!(broken.connections() > 0);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::answering(|request| json(asked_length(request))).await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    let lengths = [2000, 300_000, 0, 5000, 100];
    let all: Vec<u8> = lengths
        .iter()
        .flat_map(|length| request("GET", &format!("/{length}"), &[ANY], b""))
        .collect();
    client.send(all).await;
    for length in lengths {
        check(&client.response().await, length);
    }
}

#[tokio::test]
async fn a_request_with_a_body_may_be_answered_before_its_end() {
    let origin = Origin::scripted(|request, mut wire| async move {
        wire.send([head(5000).as_bytes(), &text(5000)].concat())
            .await;
        let read = wire.read_request_body(&request).await;
        read.ok().map(|_| wire)
    })
    .await;
    let proxy = proxy_of(&origin).await;
    for _ in 0..2 {
        let mut client = proxy.client().await;
        let answer = client.ask("POST", "/", &[ANY], &text(100_000)).await;
        check(&answer, 5000);
    }
}

#[tokio::test]
async fn a_head_that_came_in_time_may_be_held_beyond_the_first_byte() {
    let origin = Origin::scripted(|_, mut wire| async move {
        sleep(Duration::from_millis(700)).await;
        wire.send(head(5000)).await;
        sleep(Duration::from_millis(400)).await;
        wire.send(text(5000)).await;
        Some(wire)
    })
    .await;
    for timeouts in ["first_byte: 1s, idle: 30s", "first_byte: 1s, idle: 1s"] {
        let site = SITE.replace("$fixed", "fixed").replace(
            "servers: [$1]",
            &format!("servers: [$1], timeouts: {{ {timeouts} }}"),
        );
        let proxy = Proxy::with(&site, &[&origin]).await;
        for (method, body) in [("GET", &b""[..]), ("POST", b"asked")] {
            let answer = proxy.client().await.ask(method, "/", &[ANY], body).await;
            assert_eq!(answer.field("content-encoding"), Some("br"), "{timeouts}");
            assert_eq!(answer.length(), Some(answer.body.len()));
            check(&answer, 5000);
        }
    }
}
