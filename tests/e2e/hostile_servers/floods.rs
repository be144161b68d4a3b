//! Servers that say much, or little for long.

use std::time::{Duration, Instant};

use super::{Hostile, POISON, web};
use crate::harness::{Origin, Proxy};

#[tokio::test]
async fn floods_of_heads_end_at_a_limit() {
    let interim = format!(
        "HTTP/1.1 103 Early Hints\r\nlink: <{}>\r\n\r\n",
        "a".repeat(30)
    );
    let last = format!("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{POISON}");
    let words = [
        (
            interim.repeat(100_000) + &last,
            "too many interim responses",
        ),
        (
            format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(100 << 10)),
            "too large",
        ),
        (
            format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000)),
            "too many fields",
        ),
        (
            "HTTP/1.1 200 OK\r\nx: ".to_owned() + &"y".repeat(4 << 20),
            "too large",
        ),
        (
            "HTTP/1.1 200 OK\r\n".to_owned() + &"set-cookie: a=b\r\n".repeat(100_000),
            "too large",
        ),
        ("x".repeat(4 << 20), "begin with HTTP"),
    ];
    let said = words.iter().map(|(word, _)| word.clone().into_bytes());
    let hostile = Hostile::saying(said.collect()).await;
    let proxy = Proxy::with(&web(""), &[&hostile.origin]).await;
    for (index, (_, reason)) in words.iter().enumerate() {
        let path = format!("/{index}");
        let mut client = proxy.client().await;
        client
            .send(format!(
                "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
            ))
            .await;
        let seen = client.wire.read_to_end().await.unwrap();
        let seen = String::from_utf8_lossy(&seen);
        assert!(
            seen.contains("HTTP/1.1 502 ") && !seen.contains(POISON),
            "{reason}: {seen}"
        );
        assert!(seen.matches("103").count() <= 10);
        let line = proxy.logged(|line| line["path"] == path).await;
        assert_eq!(line["refusal"], "server_malformed");
        assert!(line["detail"].as_str().unwrap().contains(reason), "{line}");
        hostile.is_never_asked_again(index + 1).await;
        assert_eq!(proxy.get("/good").await.text(), "good");
    }
}

#[tokio::test]
async fn the_limits_of_a_header_are_the_upstreams() {
    let head = |lines: usize, size: usize| {
        let lines = format!("x: {}\r\n", "y".repeat(size)).repeat(lines);
        format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{lines}\r\nok").into_bytes()
    };
    let words = vec![head(4, 10), head(5, 10), head(1, 900), head(1, 1100)];
    let hostile = Hostile::saying(words).await;
    let limits = ", limits: { header_size: 1KiB, header_count: 5 }";
    let proxy = Proxy::with(&web(limits), &[&hostile.origin]).await;
    for (index, status) in [200, 502, 200, 502].into_iter().enumerate() {
        assert_eq!(
            proxy.get(&format!("/{index}")).await.status(),
            status,
            "{index}"
        );
    }
}

#[tokio::test]
async fn a_head_that_drips_has_one_deadline() {
    let origin = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\n").await;
        while wire.try_send("x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        None
    })
    .await;
    let text = web(", timeouts: { first_byte: 300ms }");
    let proxy = Proxy::with(&text, &[&origin]).await;
    let started = Instant::now();
    assert_eq!(proxy.get("/").await.status(), 504);
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn interim_responses_pass_up_to_their_limit() {
    let origin = Origin::scripted(|request, mut wire| async move {
        let count: usize = request.target()[1..].parse().unwrap();
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n".repeat(count);
        let last = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        wire.send(interim + last).await;
        Some(wire)
    })
    .await;
    let proxy = Proxy::with(&web(""), &[&origin]).await;
    for count in [0, 1, 10] {
        let mut client = proxy.client().await;
        client
            .send(format!("GET /{count} HTTP/1.1\r\nhost: test\r\n\r\n"))
            .await;
        for _ in 0..count {
            assert_eq!(client.response().await.status(), 103);
        }
        assert_eq!(client.response().await.text(), "ok");
    }
    // How many of those before it are given on depends on how they come.
    let mut client = proxy.client().await;
    client.send("GET /11 HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let mut last = client.response().await;
    while last.status() == 103 {
        last = client.response().await;
    }
    assert_eq!(last.status(), 502);
}
