//! Corners of the express lane for clients with HTTP/2.

use bytes::Bytes;
use h2::Reason;
use http::Request;

use crate::harness::{Origin, Proxy, Reply, in_time, until};

const TWO: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1, $2] } }
    routes: [{ upstream: web }]
    ";

const ONE: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

fn put(length: Option<usize>) -> Request<()> {
    let mut request = Request::put("https://localhost/");
    if let Some(length) = length {
        request = request.header("content-length", length);
    }
    request.body(()).unwrap()
}

#[tokio::test]
async fn by_http_2_a_body_goes_to_a_second_server() {
    let broken = Origin::scripted(|request, mut wire| async move {
        let _ = wire.read_request_body(&request).await;
        None
    })
    .await;
    let echo = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::with(TWO, &[&broken, &echo]).await;
    let client = proxy.h2_client("localhost").await;
    for nth in 0..4 {
        let body = vec![b'0' + nth; 5000];
        let length = (nth % 2 == 0).then_some(body.len());
        let answer = client.ask(put(length), &body).await;
        assert_eq!(answer.status, 200);
        assert!(answer.body == body, "{} bytes", answer.body.len());
    }
    let retried = proxy.logged(|line| line["retries"] == 1).await;
    assert_eq!(
        (&retried["lane"], &retried["status"]),
        (&"express".into(), &200.into())
    );
    assert_eq!(retried["bytes_in"], 5000);
}

#[tokio::test]
async fn a_response_before_the_end_of_the_request_is_no_error() {
    let hasty = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
            .await;
        Some(wire)
    })
    .await;
    let proxy = Proxy::with(ONE, &[&hasty]).await;
    let client = proxy.h2_client("localhost").await;
    let (response, mut body) = client.begin(put(None)).await;
    body.send_data(Bytes::from_static(b"some"), false).unwrap();
    let response = in_time("the response", response).await.unwrap();
    assert_eq!(response.status(), 403);
    let said = in_time("its body", response.into_body().data()).await;
    assert_eq!(&said.unwrap().unwrap()[..], b"no");
    let reason = std::future::poll_fn(|cx| body.poll_reset(cx));
    let reason = in_time("that the rest is not wanted", reason).await;
    assert_eq!(reason.unwrap(), Reason::NO_ERROR);
}

#[tokio::test]
async fn a_body_that_breaks_off_has_no_end() {
    let broken = Origin::scripted(|_, mut wire| async move {
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .await;
        None
    })
    .await;
    let proxy = Proxy::with(ONE, &[&broken]).await;
    let client = proxy.h2_client("localhost").await;
    let request = Request::get("https://localhost/").body(()).unwrap();
    let error = client.try_ask(request, b"").await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    assert!(error.is_reset() && error.is_remote());
}

#[tokio::test]
async fn what_a_lost_connection_carried_is_logged_and_ends_at_the_server() {
    let silent = Origin::scripted(|_, mut wire| async move {
        wire.awaits_more().await;
        None
    })
    .await;
    let proxy = Proxy::with(ONE, &[&silent]).await;
    {
        let client = proxy.h2_client("localhost").await;
        let waiting = [client.start("/1").await, client.start("/2").await];
        silent.await_count("/1", 1).await;
        silent.await_count("/2", 1).await;
        drop(waiting);
    }
    for path in ["/1", "/2"] {
        let line = proxy.logged(|line| line["path"] == path).await;
        assert_eq!(line["status"], 499, "{line}");
    }
    until("the server is left alone", async || silent.open() == 0).await;
}

#[tokio::test]
async fn many_large_bodies_pass_by_one_connection_at_once() {
    let echo = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::with(ONE, &[&echo]).await;
    let client = proxy.h2_client("localhost").await;
    let mut exchanges = tokio::task::JoinSet::new();
    for nth in 0..16u8 {
        let client = client.clone();
        exchanges.spawn(async move {
            let body = vec![nth; 700_000 + usize::from(nth)];
            let answer = client.ask(put(None), &body).await;
            assert!(answer.body == body, "{nth}: {} bytes", answer.body.len());
        });
    }
    exchanges.join_all().await;
    until("all went by the express lane", async || {
        let lines = proxy.access_log();
        lines
            .iter()
            .filter(|line| line["lane"] == "express")
            .count()
            == 16
    })
    .await;
}
