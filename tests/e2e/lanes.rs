//! Two lanes: which request goes by which, and what the quicker one does with HTTP/2.

mod http2;

use http::Request;

use crate::harness::{Client, H2Origin, Http2, Origin, Proxy, Reply};

const SITE: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      https: { bind: 127.0.0.1:$https, tls: intermediate }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams:
      web: { servers: [$1] }
      grpc: { servers: [$h2c], protocol: h2c }
    routes:
      - { path: /grpc, upstream: grpc }
      - { path: /text, upstream: web, compress: { cpu_guard: false } }
      - { path: /said, respond: { body: said } }
      - { path: /, upstream: web }
    ";

async fn proxy(origin: &Origin, h2c: &H2Origin, more: &str) -> Proxy {
    let text = SITE.replace("$h2c", &h2c.to_string()) + more;
    Proxy::with(&text, &[origin]).await
}

async fn origin() -> Origin {
    Origin::answering(|request| match request.field("upgrade") {
        Some(_) => Reply::new(400, "no"),
        None => Reply::ok("hello".repeat(500)).with("content-type: text/plain"),
    })
    .await
}

/// What is asked for, with which field more, and by which lane it goes.
const ASKED: [(&str, &str, &str); 7] = [
    ("/", "", "express"),
    ("/said", "", "express"),
    ("/", "accept-encoding: gzip", "express"), // its route compresses nothing
    ("/text", "", "express"),
    ("/text", "accept-encoding: gzip", "full"),
    ("/text", "accept-encoding: identity", "express"),
    ("/grpc", "", "full"),
];

async fn ask(client: &mut Client, path: &str, line: &str) {
    let lines: &[&str] = if line.is_empty() { &[] } else { &[line] };
    assert_eq!(client.ask("GET", path, lines, b"").await.status(), 200);
}

async fn ask_by_h2(client: &Http2, path: &str, line: &str) {
    let mut request = Request::get(format!("https://localhost{path}"));
    if let Some((name, value)) = line.split_once(": ") {
        request = request.header(name, value);
    }
    let answer = client.ask(request.body(()).unwrap(), b"").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn what_is_common_goes_by_the_express_lane_and_the_rest_by_the_full_one() {
    let (origin, h2c) = (origin().await, H2Origin::start().await);
    let proxy = proxy(&origin, &h2c, "").await;
    let by_h2 = proxy.h2_client("localhost").await;
    let mut by_h1 = proxy.client().await;
    for (nth, (path, line, lane)) in ASKED.into_iter().enumerate() {
        for protocol in ["HTTP/1.1", "HTTP/2"] {
            let mark = format!("{path}/{nth}/{protocol}");
            if protocol == "HTTP/2" {
                ask_by_h2(&by_h2, &mark, line).await;
            } else {
                ask(&mut by_h1, &mark, line).await;
            }
            let logged = proxy.logged(|logged| logged["path"] == mark.replace("//", "/"));
            let logged = logged.await;
            assert_eq!(logged["protocol"], protocol);
            assert_eq!(logged["lane"], lane, "{mark} {line}");
        }
    }
}

#[tokio::test]
async fn an_upgrade_an_expectation_and_http_1_0_go_by_the_full_lane() {
    let (origin, h2c) = (origin().await, H2Origin::start().await);
    let proxy = proxy(&origin, &h2c, "").await;
    for (path, head) in [
        (
            "/chat",
            "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        ),
        (
            "/wait",
            "PUT /wait HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody",
        ),
        ("/old", "GET /old HTTP/1.0\r\nhost: test\r\n\r\n"),
    ] {
        let mut client = proxy.client().await;
        client.send(head).await;
        client.response().await;
        let logged = proxy.logged(|logged| logged["path"] == path).await;
        assert_eq!(logged["lane"], "full", "{path}");
    }
    let request = Request::put("https://localhost/h2").header("expect", "100-continue");
    let client = proxy.h2_client("localhost").await;
    client.ask(request.body(()).unwrap(), b"body").await;
    let logged = proxy.logged(|logged| logged["path"] == "/h2").await;
    assert_eq!(logged["lane"], "full");
}

#[tokio::test]
async fn nothing_goes_by_the_express_lane_where_it_is_off() {
    let (origin, h2c) = (origin().await, H2Origin::start().await);
    let proxy = proxy(&origin, &h2c, "express: off\n").await;
    ask(&mut proxy.client().await, "/", "").await;
    ask_by_h2(&proxy.h2_client("localhost").await, "/", "").await;
    for protocol in ["HTTP/1.1", "HTTP/2"] {
        let logged = proxy.logged(|logged| logged["protocol"] == protocol).await;
        assert_eq!(logged["lane"], "full", "{protocol}");
    }
}
