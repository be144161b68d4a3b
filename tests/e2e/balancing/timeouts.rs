//! Servers that are slow, fall silent, or stop in the middle.

use std::time::{Duration, Instant};

use crate::harness::{Certificates, Origin, Proxy, Wire, until};

/// Begins a response of ten bytes, sends half of it, and then does what it is told.
async fn halfway(then_reset: Option<bool>) -> Origin {
    Origin::scripted(move |_, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf.")
            .await;
        match then_reset {
            Some(true) => {
                // The reset must not overtake the half that was sent.
                tokio::time::sleep(Duration::from_millis(100)).await;
                wire.reset();
                None
            }
            Some(false) => None,
            None => {
                let _kept = wire;
                std::future::pending().await
            }
        }
    })
    .await
}

fn with_timeouts(timeouts: &str) -> String {
    format!(
        "
        upstreams: {{ web: {{ servers: [$1], timeouts: {{ {timeouts} }} }} }}
        routes: [{{ upstream: web }}]
        "
    )
}

#[tokio::test]
async fn a_server_without_a_first_byte_in_time_is_504() {
    let silent = Origin::silent().await;
    for timeouts in [
        "first_byte: 300ms, idle: 20s",
        "first_byte: 300ms, idle: 100ms",
        "first_byte: 300ms, idle: 300ms",
    ] {
        let proxy = Proxy::with(&with_timeouts(timeouts), &[&silent]).await;
        let started = Instant::now();
        let answer = proxy.get("/").await;
        let took = started.elapsed();
        assert_eq!(answer.status(), 504, "{timeouts}");
        assert!(took >= Duration::from_millis(290), "{timeouts}: {took:?}");
        assert!(took < Duration::from_secs(5), "{timeouts}: {took:?}");
        let line = proxy.logged(|line| line["path"] == "/").await;
        assert_eq!(line["refusal"], "server_timeout", "{timeouts}");
    }
}

#[tokio::test]
async fn a_post_without_a_first_byte_in_time_is_504_too() {
    let silent = Origin::silent().await;
    let proxy = Proxy::with(&with_timeouts("first_byte: 300ms, idle: 20s"), &[&silent]).await;
    let answer = proxy.client().await.ask("POST", "/", &[], b"body").await;
    assert_eq!(answer.status(), 504);
    assert_eq!(silent.requests().len(), 1);
}

/// A silent server with these timeouts, behind a listener that lets a body stand still for 300 ms.
async fn taking_nothing(silent: &Origin, timeouts: &str, tls: &str) -> Proxy {
    let text = format!(
        "
        listeners: {{ http: {{ bind: 127.0.0.1:$http, limits: {{ body_idle_timeout: 300ms }} }} }}
        upstreams: {{ web: {{ servers: [$1], timeouts: {{ {timeouts} }}{tls} }} }}
        routes: [{{ upstream: web }}]
        "
    );
    Proxy::with(&text, &[silent]).await
}

#[tokio::test]
async fn a_server_that_takes_nothing_of_an_upload_is_504_and_a_failure() {
    let authority = Certificates::new();
    let kept = |_, wire: Wire| async move {
        let _kept = wire;
        std::future::pending().await
    };
    let plain = Origin::scripted(kept).await;
    let secure = Origin::scripted_with_tls(&authority.handshake(&["127.0.0.1"]), kept).await;
    // More than the sockets on the way can hold.
    let much = vec![b'x'; 40 << 20];
    for (origin, tls) in [(&plain, ""), (&secure, ", tls: { verify: false }")] {
        for timeouts in [
            "first_byte: 20s, idle: 20s",
            "first_byte: 20s, idle: 100ms",
            "first_byte: 100ms, idle: 200ms",
        ] {
            let proxy = taking_nothing(origin, timeouts, tls).await;
            let answer = proxy.client().await.ask("POST", "/", &[], &much).await;
            assert_eq!(answer.status(), 504, "{timeouts}{tls}");
            let line = proxy.logged(|line| line["path"] == "/").await;
            assert_eq!(line["refusal"], "server_timeout", "{timeouts}{tls}");
            proxy
                .await_metric("simplon_server_failures_total", &[("kind", "timeout")], 1)
                .await;
        }
    }
}

#[tokio::test]
async fn a_client_that_stands_still_is_408_and_no_failure_of_the_servers() {
    let silent = Origin::silent().await;
    for timeouts in [
        "first_byte: 20s, idle: 20s",
        "first_byte: 100ms, idle: 200ms",
    ] {
        let proxy = taking_nothing(&silent, timeouts, "").await;
        let mut client = proxy.client().await;
        client
            .send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 10\r\n\r\nhalf.")
            .await;
        assert_eq!(client.response().await.status(), 408, "{timeouts}");
        let line = proxy.logged(|line| line["path"] == "/").await;
        assert_eq!(line["refusal"], "body_timeout", "{timeouts}");
        let failures = [("kind", "timeout")];
        let failures = proxy.metric("simplon_server_failures_total", &failures);
        assert_eq!(failures.await.unwrap_or(0), 0, "{timeouts}");
    }
}

#[tokio::test]
async fn a_response_that_stalls_is_cut_off_after_idle() {
    let stalling = halfway(None).await;
    for timeouts in [
        "first_byte: 20s, idle: 300ms",
        "first_byte: 100ms, idle: 300ms",
    ] {
        let proxy = Proxy::with(&with_timeouts(timeouts), &[&stalling]).await;
        let mut client = proxy.client().await;
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let head = client.wire.read_head().await.unwrap().unwrap();
        assert_eq!(head.status(), 200);
        let started = Instant::now();
        assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"half.");
        client.expect_end().await;
        assert!(started.elapsed() < Duration::from_secs(5), "{timeouts}");
        let line = proxy.logged(|line| line["path"] == "/").await;
        assert_eq!(line["refusal"], "server_timeout", "{timeouts}");
    }
}

#[tokio::test]
async fn a_response_that_keeps_moving_may_take_longer_than_idle() {
    let dripping = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
            .await;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            wire.send("x").await;
        }
        Some(wire)
    })
    .await;
    let proxy = Proxy::with(&with_timeouts("first_byte: 5s, idle: 400ms"), &[&dripping]).await;
    assert_eq!(proxy.get("/").await.text(), "xxxxxxxx");
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_of_a_body_is_no_clean_end() {
    for then_reset in [true, false] {
        let stopping = halfway(Some(then_reset)).await;
        let proxy = Proxy::in_front_of(&[&stopping]).await;
        let mut client = proxy.client().await;
        client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
        let head = client.wire.read_head().await.unwrap().unwrap();
        assert_eq!(head.length(), Some(10));
        assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"half.");
        client.expect_end().await;
        let line = proxy.logged(|line| line["path"] == "/").await;
        assert_eq!(line["refusal"], "server_reset", "reset: {then_reset}");
    }
}

#[tokio::test]
async fn a_chunked_body_that_stops_has_no_last_chunk() {
    let stopping = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhalf.\r\n")
            .await;
        None
    })
    .await;
    let proxy = Proxy::in_front_of(&[&stopping]).await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n").await;
    client.wire.read_head().await.unwrap();
    assert_eq!(
        client.wire.read_chunk().await.unwrap(),
        Some(b"half.".to_vec())
    );
    client.expect_end().await;
}

#[tokio::test]
async fn a_server_that_speaks_something_else_is_502() {
    for garbage in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
    ] {
        let origin = Origin::scripted(move |_, mut wire| async move {
            wire.send(garbage).await;
            None
        })
        .await;
        let proxy = Proxy::in_front_of(&[&origin]).await;
        assert_eq!(proxy.get("/").await.status(), 502, "{garbage:?}");
    }
}

#[tokio::test]
async fn an_unused_connection_to_a_server_is_closed_after_keepalive() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&with_timeouts("keepalive: 400ms"), &[&origin]).await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!((origin.connections(), origin.open()), (1, 1));
    until("it is closed", async || origin.open() == 0).await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!(origin.connections(), 2);
}

#[tokio::test]
async fn a_connection_to_a_server_that_is_always_used_ends_with_its_life() {
    let origin = Origin::saying("hello").await;
    let settings = with_timeouts("lifetime: 400ms, keepalive: 60s");
    let proxy = Proxy::with(&settings, &[&origin]).await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    let (first, mut asked) = (origin.connections(), 0);
    let mut second = None;
    while origin.connections() < first + 2 {
        assert_eq!(proxy.get("/").await.text(), "hello");
        if origin.connections() > first && second.is_none() {
            (second, asked) = (Some(Instant::now()), 0);
        }
        asked += 1;
    }
    let lived = second.unwrap().elapsed();
    assert!(lived > Duration::from_millis(300), "{lived:?}");
    assert!(asked > 2, "{asked}");
    until("the others are closed", async || origin.open() <= 1).await;
}
