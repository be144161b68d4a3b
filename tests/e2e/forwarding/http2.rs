//! HTTP/2 on either side.

use bytes::Bytes;
use http::Request;

use crate::harness::{H2Origin, Origin, Proxy, Reply};

const WITH_TLS: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

#[tokio::test]
async fn an_http_1_server_sees_an_http_2_request_as_one_of_its_own() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let answer = proxy.h2_client("localhost").await.get("/a/../b?c").await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"hello"[..]));
    let request = origin.only_request();
    assert_eq!(request.start, "GET /b?c HTTP/1.1");
    assert_eq!(request.field("host"), Some("localhost"));
    assert_eq!(request.field("via"), Some("2 simplon"));
    assert_eq!(request.field("x-forwarded-proto"), Some("https"));
    assert_eq!(answer.fields["x-request-id"], request.request_id());
    assert!(
        request
            .fields
            .iter()
            .all(|(name, _)| !name.starts_with(':'))
    );
    let line = proxy.logged(|line| line["protocol"] == "HTTP/2").await;
    assert_eq!(line["tls"]["sni"], "localhost");
    assert_eq!(line["tls"]["version"], "TLSv1.3");
}

#[tokio::test]
async fn cookie_crumbs_are_joined_for_http_1() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let request = Request::get("https://localhost/")
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .header("cookie", "c=3");
    proxy
        .h2_client("localhost")
        .await
        .ask(request.body(()).unwrap(), b"")
        .await;
    assert_eq!(origin.only_request().all("cookie"), ["a=1; b=2; c=3"]);
}

#[tokio::test]
async fn http_2_bodies_reach_an_http_1_server_whole() {
    let origin = Origin::answering(|request| Reply::ok(request.body.clone())).await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    for (length, expected) in [(Some("4"), b"body"), (None, b"flow")] {
        let mut request = Request::post("https://localhost/");
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        let answer = client.ask(request.body(()).unwrap(), expected).await;
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn head_204_and_304_are_right_by_http_2() {
    let origin = Origin::answering(|request| match request.target() {
        "/204" => Reply::new(204, ""),
        "/304" => Reply::new(304, ""),
        _ => Reply::ok("hello"),
    })
    .await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    for (path, status) in [("/204", 204), ("/304", 304)] {
        let answer = client.get(path).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0));
    }
    let head = client
        .ask(Request::head("https://localhost/").body(()).unwrap(), b"")
        .await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.fields["content-length"], "5");
    assert_eq!(client.get("/").await.body, b"hello");
}

async fn grpc_proxy() -> (H2Origin, Proxy) {
    let origin = H2Origin::start().await;
    let text = format!(
        "
        listeners:
          http: {{ bind: 127.0.0.1:$http }}
          https: {{ bind: 127.0.0.1:$https, tls: intermediate }}
        certificates: [{{ hosts: [localhost], self_signed: true }}]
        upstreams: {{ grpc: {{ servers: [{origin}], protocol: h2c }} }}
        routes: [{{ upstream: grpc }}]
        "
    );
    let proxy = Proxy::with(&text, &[]).await;
    (origin, proxy)
}

#[tokio::test]
async fn an_h2c_server_gets_te_trailers_and_its_trailers_reach_the_client() {
    let (origin, proxy) = grpc_proxy().await;
    let request = Request::post("https://localhost/pkg.Service/Call")
        .header("te", "trailers")
        .header("content-type", "application/grpc")
        .body(())
        .unwrap();
    let answer = proxy
        .h2_client("localhost")
        .await
        .ask(request, b"ping")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, b"echo: ping");
    assert_eq!(answer.trailers.unwrap()["grpc-status"], "0");
    let head = &origin.heads()[0];
    assert_eq!(head.headers["te"], "trailers");
    assert_eq!(head.uri.path(), "/pkg.Service/Call");
    assert_eq!(head.headers["x-forwarded-proto"], "https");
    assert_eq!(
        head.uri.authority().map(http::uri::Authority::as_str),
        Some("localhost")
    );
}

#[tokio::test]
async fn an_http_1_client_is_served_by_an_h2c_server() {
    let (origin, proxy) = grpc_proxy().await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        let answer = client.ask("POST", "/call", &[], b"ping").await;
        assert_eq!((answer.status(), answer.text()), (200, "echo: ping"));
    }
    assert_eq!(origin.heads().len(), 2);
}

#[tokio::test]
async fn many_exchanges_share_one_http_2_connection() {
    let origin = Origin::answering(|request| {
        Reply::ok(request.target()).after(std::time::Duration::from_millis(200))
    })
    .await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    let mut exchanges = tokio::task::JoinSet::new();
    let started = std::time::Instant::now();
    for nth in 0..40 {
        let client = client.clone();
        exchanges.spawn(async move {
            let path = format!("/{nth}");
            assert_eq!(client.get(&path).await.body, path.into_bytes());
        });
    }
    exchanges.join_all().await;
    // One after another they would take eight seconds.
    assert!(started.elapsed().as_secs() < 4, "{:?}", started.elapsed());
    assert_eq!(
        proxy
            .metric("simplon_connections_total", &[("listener", "https")])
            .await,
        Some(1)
    );
}

#[tokio::test]
async fn an_http_2_stream_that_is_reset_leaves_the_others_alone() {
    let origin = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(std::time::Duration::from_millis(500)),
        _ => Reply::ok("quick"),
    })
    .await;
    let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
    let client = proxy.h2_client("localhost").await;
    let slow = client.start("/slow").await;
    drop::<h2::client::ResponseFuture>(slow); // resets its stream
    assert_eq!(client.get("/").await.body, Bytes::from_static(b"quick"));
    let line = proxy.logged(|line| line["path"] == "/slow").await;
    assert_eq!(line["status"], 499);
}
