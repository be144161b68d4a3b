//! Where a response ends, and what is said after it or instead of it.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{Hostile, POISON, Seen, web};
use crate::harness::{Origin, Proxy, until};

#[tokio::test]
async fn a_response_that_breaks_off_is_never_whole() {
    let origin = Origin::scripted(|request, mut wire| async move {
        let says = match request.target() {
            "/length" => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
            "/chunk" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhalf",
            "/chunks" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "/last" => "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
            "/trailer" => {
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nx: y\r\n"
            }
            "/head" => "HTTP/1.1 200 OK\r\ncontent-le",
            _ => "HTTP/1.0 200 OK\r\n\r\nall",
        };
        wire.send(says).await;
        None
    })
    .await;
    let proxy = Proxy::with(&web(""), &[&origin]).await;
    for path in ["/length", "/chunk", "/chunks", "/last", "/trailer"] {
        let mut client = proxy.client().await;
        let asked = client.try_ask("GET", path, &[], b"").await;
        assert!(asked.is_err(), "{path}: {asked:?}");
        let h2 = proxy.h2_client("localhost").await;
        let request = http::Request::get(format!("https://localhost{path}"));
        let asked = h2.try_ask(request.body(()).unwrap(), b"").await;
        assert!(asked.is_err(), "{path}: {asked:?}");
    }
    assert_eq!(proxy.get("/head").await.status(), 502);
    // Only where nothing tells the length is the end of the connection that of the response.
    assert_eq!(proxy.get("/all").await.text(), "all");
}

#[tokio::test]
async fn what_is_said_before_it_was_asked_for_answers_nobody() {
    let (tell, told) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let seen = Arc::new(Seen::default());
    let (listening, telling, watching) = (Arc::clone(&tell), Arc::clone(&told), Arc::clone(&seen));
    let origin = Origin::scripted(move |request, mut wire| {
        let (tell, told) = (Arc::clone(&listening), Arc::clone(&telling));
        let seen = Arc::clone(&watching);
        async move {
            wire.send(super::GOOD).await;
            if request.target() != "/poison" {
                return Some(wire);
            }
            tell.notified().await;
            let poison = format!("HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{POISON}");
            let _ = wire.try_send(poison).await;
            told.notify_one();
            seen.watch(wire).await;
            None
        }
    })
    .await;
    let proxy = Proxy::with(&web(""), &[&origin]).await;
    let mut client = proxy.client().await;
    for round in 1..=3 {
        assert_eq!(client.get("/poison").await.text(), "good");
        tell.notify_one();
        told.notified().await;
        // Not sent twice, so that it must not meet the poisoned connection.
        let answer = client.ask("POST", "/", &[], b"body").await;
        assert_eq!(answer.text(), "good");
        until("the connection is closed", async || {
            seen.closed.load(std::sync::atomic::Ordering::SeqCst) == round
        })
        .await;
    }
    assert_eq!(seen.used_again.load(std::sync::atomic::Ordering::SeqCst), 0);
    proxy
        .await_metric("simplon_server_surplus_total", &[], 3)
        .await;
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_ejected() {
    let garbage = format!("HTTP/1.1 2000 {POISON}\r\n\r\n").into_bytes();
    let hostile = Hostile::saying(vec![garbage]).await;
    let good = Origin::saying("good").await;
    let text = "
        upstreams:
          web:
            servers: [$1, $2]
            passive: { failures: 3, window: 1m, eject: 1m }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&hostile.origin, &good]).await;
    let server = hostile.origin.to_string();
    until("it is ejected", async || {
        // Malformed is not tried again, unless 502 is.
        let status = proxy.get("/0").await.status();
        assert!(matches!(status, 200 | 502));
        let labels = [("server", server.as_str())];
        proxy.metric("simplon_server_ejected", &labels).await == Some(1)
    })
    .await;
    let labels = [("server", server.as_str()), ("kind", "malformed")];
    proxy
        .await_metric("simplon_server_failures_total", &labels, 3)
        .await;
    for _ in 0..5 {
        assert_eq!(proxy.get("/0").await.status(), 200);
    }
}

#[tokio::test]
async fn a_malformed_response_is_tried_again_where_502_is() {
    let garbage = format!("HTTP/1.1 2000 {POISON}\r\n\r\n").into_bytes();
    let hostile = Hostile::saying(vec![garbage]).await;
    let good = Origin::saying("good").await;
    let text = "
        upstreams: { web: { servers: [$1, $2], retries: { on: [502] } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&hostile.origin, &good]).await;
    for _ in 0..4 {
        assert_eq!(proxy.get("/0").await.text(), "good");
    }
}

#[tokio::test]
async fn an_upgrade_is_answered_by_what_is_sound_alone() {
    let words = [
        (
            &b"HTTP/1.1 101 Yes\r\nconnection: upgrade\r\nupgrade: a\0b\r\n\r\nHOSTILE"[..],
            502,
        ),
        (
            b"HTTP/1.1 200 No\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nno",
            502,
        ),
        (b"HTTP/1.1 2000 OK\r\n\r\n", 502),
        (
            b"HTTP/1.1 426 No\r\ncontent-length: 2\r\n\r\nnoHOSTILE",
            426,
        ),
    ];
    let said = words.iter().map(|(word, _)| word.to_vec());
    let hostile = Hostile::saying(said.collect()).await;
    let proxy = Proxy::with(&web(""), &[&hostile.origin]).await;
    for (index, (_, status)) in words.into_iter().enumerate() {
        let mut client = proxy.client().await;
        let upgrade = ["connection: upgrade", "upgrade: websocket"];
        let answer = client.ask("GET", &format!("/{index}"), &upgrade, b"").await;
        assert_eq!(answer.status(), status, "{index}");
        assert!(!answer.text().contains(POISON));
    }
    hostile.is_never_asked_again(words.len()).await;
}
