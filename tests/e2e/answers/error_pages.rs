//! Error pages: of our refusals, and in the place of what servers say.

use bytes::Bytes;
use http::Response;

use crate::harness::{Origin, Proxy, Reply, free_port};

use super::{ask, site, whole};

const SITE: &str = "
upstreams:
  web: { servers: [$1] }
  gone: { servers: ['127.0.0.1:$other'] }
defaults:
  error_pages: { 404: 404.html, 4xx: 4xx.txt, 5xx: [5xx.html, 5xx.json] }
routes:
  - { host: localhost, path: /web, upstream: web }
  - { host: localhost, path: /gone, upstream: gone }
  - { host: localhost, path: /plain, upstream: gone, error_pages: false }
  - { host: localhost, path: /own, upstream: gone, error_pages: { 502: own.html } }
  - { host: localhost, path: /get, methods: [GET], respond: { body: got } }
  - { host: localhost, path: /fixed, respond: { status: 404, body: fixed } }
  - { host: localhost, path: /all, upstream: web, error_pages: { 404: 404.html, 5xx: 5xx.html, 401: 4xx.txt, servers: true } }
";
const FILES: [(&str, &str); 5] = [
    ("404.html", "<p>lost {status} {host}"),
    ("4xx.txt", "yours: {status} {reason}"),
    ("5xx.html", "<p>ours {status} {request_id}"),
    ("5xx.json", "{\"ours\":{status},\"id\":\"{request_id}\"}"),
    ("own.html", "own"),
];
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// Answers with the status that the path ends with, and much to say beside.
async fn erring() -> Origin {
    Origin::answering(|request| {
        let status = request
            .target()
            .rsplit('/')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let reply = Reply::new(status, "the server's own words")
            .with("etag: \"1\"")
            .with("content-encoding: x-own")
            .with("content-language: de")
            .with("last-modified: Thu, 01 Jan 1970 00:00:00 GMT")
            .with("www-authenticate: Basic realm=\"a\"")
            .with("set-cookie: a=b")
            .with("retry-after: 7");
        if status == 500 {
            reply.chunked()
        } else {
            reply
        }
    })
    .await
}

#[tokio::test]
async fn our_refusals_have_the_operators_pages() {
    let origin = erring().await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    for (method, path, accept, status, media, body) in [
        ("GET", "/nowhere", "*/*", 404, HTML, "<p>lost 404 localhost"),
        ("GET", "/nowhere", JSON, 404, PROBLEM, "\"status\":404"),
        ("GET", "/a%2fb", "*/*", 400, TEXT, "yours: 400 Bad Request"),
        (
            "PUT",
            "/get",
            "*/*",
            405,
            TEXT,
            "yours: 405 Method Not Allowed",
        ),
        ("GET", "/gone", "text/html", 502, HTML, "<p>ours 502 "),
        ("GET", "/gone", JSON, 502, JSON, "{\"ours\":502,"),
        (
            "GET",
            "/plain",
            "*/*",
            502,
            HTML,
            "<h1>502 Bad Gateway</h1>",
        ),
        ("GET", "/own", "*/*", 502, HTML, "own"),
        ("GET", "/own", JSON, 502, PROBLEM, "\"status\":502"),
        ("GET", "/fixed", "*/*", 404, TEXT, "fixed"),
    ] {
        let accept = format!("accept: {accept}");
        let lines = ["host: localhost", &accept];
        let mut client = proxy.client().await;
        let answer = client.ask(method, path, &lines, b"").await;
        let what = format!("{method} {path} {accept}");
        assert_eq!(answer.status(), status, "{what}");
        assert_eq!(answer.field("content-type"), Some(media), "{what}");
        assert!(answer.text().contains(body), "{what}: {}", answer.text());
        if path == "/gone" {
            assert!(answer.text().contains(answer.request_id()), "{what}");
        }
        let names = ["content-type", "cache-control"];
        let head = ask(&proxy, "HEAD", path, &[&accept], &names).await;
        assert_eq!(&*head.body, "", "{what}");
        if method == "GET" {
            assert_eq!(
                (head.status, head.fields[0].as_deref()),
                (status, Some(media)),
                "{what}"
            );
        }
    }
    let mut client = proxy.client().await;
    let refused = client.ask("PUT", "/get", &["host: localhost"], b"").await;
    assert_eq!(refused.field("allow"), Some("GET, HEAD"));
    let line = proxy.logged(|line| line["path"] == "/gone").await;
    assert_eq!(line["refusal"], "connect_failed");
}

#[tokio::test]
async fn a_head_that_cannot_be_read_gets_the_page_of_the_defaults() {
    let proxy = site(SITE, &FILES, &[&erring().await]).await;
    let mut client = proxy.client().await;
    client
        .send("GET / HTTP/1.1\r\nhost: localhost\r\nbad header: x\r\n\r\n")
        .await;
    let answer = client.response().await;
    assert_eq!(
        (answer.status(), answer.text()),
        (400, "yours: 400 Bad Request")
    );
    client.expect_end().await;
}

#[tokio::test]
async fn what_servers_say_is_theirs_unless_asked_for() {
    let origin = erring().await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    for path in ["/web/404", "/web/500", "/all/200", "/all/403", "/all/302"] {
        let mut client = proxy.client().await;
        let answer = client.ask("GET", path, &["host: localhost"], b"").await;
        assert_eq!(answer.text(), "the server's own words", "{path}");
        assert_eq!(answer.field("etag"), Some("\"1\""), "{path}");
    }
    // There is no page of JSON: an API may say what is wrong itself.
    let mut client = proxy.client().await;
    let lines = ["host: localhost", "accept: application/json"];
    let answer = client.ask("GET", "/all/404", &lines, b"").await;
    assert_eq!(
        (answer.status(), answer.text()),
        (404, "the server's own words")
    );
    // But a cache must not give it to a browser; where there is no page, it may.
    assert_eq!(answer.field("vary"), Some("Accept"));
    let answer = client.ask("GET", "/all/403", &lines, b"").await;
    assert_eq!((answer.status(), answer.field("vary")), (403, None));
}

#[tokio::test]
async fn a_page_stands_in_for_a_servers_words_and_not_for_the_rest_it_says() {
    let origin = erring().await;
    let proxy = site(SITE, &FILES, &[&origin]).await;
    for (path, status, media, body) in [
        ("/all/404", 404, HTML, "<p>lost 404 localhost"),
        ("/all/401", 401, TEXT, "yours: 401 Unauthorized"),
        ("/all/500", 500, HTML, "<p>ours 500 "),
        ("/all/503", 503, HTML, "<p>ours 503 "),
    ] {
        for method in ["GET", "HEAD", "POST"] {
            let names = [
                "content-type",
                "www-authenticate",
                "set-cookie",
                "retry-after",
                "vary",
                "etag",
                "content-encoding",
                "content-language",
                "last-modified",
                "transfer-encoding",
            ];
            let mut client = proxy.client().await;
            let request = ["host: localhost"];
            let sent: &[u8] = if method == "POST" { b"body" } else { b"" };
            let answer = client.ask(method, path, &request, sent).await;
            let fields = names.map(|name| answer.field(name));
            let [kept, gone] = [&fields[..5], &fields[5..]];
            let realm = Some("Basic realm=\"a\"");
            assert_eq!(answer.status(), status, "{method} {path}");
            assert_eq!(
                kept,
                [Some(media), realm, Some("a=b"), Some("7"), Some("accept")]
            );
            assert_eq!(gone, [None; 5], "{method} {path}");
            assert!(!answer.has("content-length") || answer.all("content-length").len() == 1);
            let expected = if method == "HEAD" { "" } else { body };
            assert!(
                answer.text().starts_with(expected),
                "{method} {path} {}",
                answer.text()
            );

            let names = ["content-type", "retry-after", "etag", "content-encoding"];
            let http2 = proxy.h2_client("localhost").await;
            let seen = super::by_http2(&http2, method, path, &[], &names).await;
            let fields: Vec<_> = seen.fields.iter().map(Option::as_deref).collect();
            assert_eq!(seen.status, status, "{method} {path}");
            assert_eq!(
                fields,
                [Some(media), Some("7"), None, None],
                "{method} {path}"
            );
            assert!(
                seen.body.starts_with(expected),
                "{method} {path} {}",
                seen.body
            );
        }
    }
    let line = proxy.logged(|line| line["path"] == "/all/401").await;
    assert_eq!(
        (&line["status"], &line["refusal"]),
        (&401.into(), &serde_json::Value::Null)
    );
    assert_eq!(line["server"], origin.to_string());
}

#[tokio::test]
async fn a_servers_words_without_end_are_not_waited_for() {
    let endless = Origin::scripted(|_, mut wire| async move {
        let head = "HTTP/1.1 500 Oh\r\ntransfer-encoding: chunked\r\n\r\n";
        wire.send(head).await;
        while wire.send_chunk(&[b'x'; 1000]).await.is_ok() {
            tokio::task::yield_now().await;
        }
        None
    })
    .await;
    let proxy = site(SITE, &FILES, &[&endless]).await;
    for _ in 0..5 {
        let mut client = proxy.client().await;
        let answer = client
            .ask("GET", "/all/500", &["host: localhost"], b"")
            .await;
        assert!(
            answer.text().starts_with("<p>ours 500 "),
            "{}",
            answer.text()
        );
    }
    let http2 = proxy.h2_client("localhost").await;
    for _ in 0..5 {
        assert_eq!(http2.get("/all/500").await.status, 500);
    }
    // That we broke off is no failure of the server's.
    let server = endless.to_string();
    let labels = [("upstream", "web"), ("server", &*server), ("kind", "reset")];
    let resets = proxy.metric("simplon_server_failures_total", &labels).await;
    assert_eq!(resets, Some(0));
}

/// A server that says 404 to everything by HTTP/2, with a body or without.
async fn lost_by_http2() -> u16 {
    let port = free_port();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let is_empty = request.uri().path().ends_with("empty");
                    let head = Response::builder().status(404).header("x-own", "1");
                    // A stream that the proxy has given up is none of this server's business.
                    let Ok(mut body) = respond.send_response(head.body(()).unwrap(), is_empty)
                    else {
                        continue;
                    };
                    if !is_empty {
                        let _ = body.send_data(Bytes::from_static(b"the server's"), true);
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_page_stands_in_for_what_a_server_says_by_http2() {
    let port = lost_by_http2().await;
    let text = format!(
        "
upstreams: {{ web: {{ servers: ['127.0.0.1:{port}'], protocol: h2c }} }}
routes: [{{ upstream: web, error_pages: {{ 404: 404.html, servers: true }} }}]
"
    );
    let proxy = site(&text, &FILES, &[]).await;
    for path in ["/full", "/empty"] {
        for method in ["GET", "HEAD"] {
            let seen = ask(&proxy, method, path, &[], &["x-own", "content-type"]).await;
            assert_eq!(seen.status, 404, "{method} {path}");
            assert_eq!(seen.fields, ["1", HTML].map(|value| Some(value.to_owned())));
            let body = if method == "HEAD" {
                ""
            } else {
                "<p>lost 404 localhost"
            };
            assert_eq!(seen.body, body, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn pages_are_read_again_with_each_reload_and_a_missing_one_stops_it() {
    let proxy: Proxy = site(SITE, &FILES, &[&erring().await]).await;
    let page = proxy.directory().join("404.html");
    std::fs::write(&page, "other").unwrap();
    assert_eq!(proxy.get("/nowhere").await.text(), "<p>lost 404 test");
    proxy.reload().await;
    assert_eq!(proxy.get("/nowhere").await.text(), "other");
    std::fs::remove_file(&page).unwrap();
    proxy.reload_in_vain().await;
    proxy.errors().await_line("404.html: No such file").await;
    assert_eq!(proxy.get("/nowhere").await.text(), "other");
    proxy.rewrite(&whole(&SITE.replace("404: 404.html, ", "")));
    proxy.reload().await;
    assert_eq!(proxy.get("/nowhere").await.text(), "yours: 404 Not Found");
}
