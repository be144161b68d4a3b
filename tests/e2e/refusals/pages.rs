//! Every refusal is a page, HTML or JSON, with an id, and is counted and logged by its label.

use http::Request;

use crate::harness::{Client, Deaf, Message, Origin, Proxy, free_port};

/// One proxy that can be brought to every refusal by the path alone.
struct Scene {
    proxy: Proxy,
    _origins: [Origin; 4],
    _deaf: Deaf,
    _held: Client,
}

async fn scene() -> Scene {
    let resetting = Origin::scripted(|_, wire| async move {
        wire.reset();
        None
    });
    let garbage = Origin::scripted(|_, mut wire| async move {
        wire.send("SSH-2.0-OpenSSH_9.9\r\n\r\n").await;
        None
    });
    let origins = [
        resetting.await,
        garbage.await,
        Origin::silent().await,
        Origin::silent().await,
    ];
    let deaf = Deaf::new();
    let text = format!(
        "
        listeners:
          http:
            bind: 127.0.0.1:$http
            limits: {{ body_size: 1KiB, uri_size: 256, header_count: 20, header_timeout: 300ms, body_idle_timeout: 300ms }}
        upstreams:
          reset: {{ servers: [$1] }}
          garbage: {{ servers: [$2] }}
          silent: {{ servers: [$3], timeouts: {{ first_byte: 200ms }} }}
          patient: {{ servers: [$3] }}
          full: {{ servers: [{{ address: $4, max_connections: 1 }}] }}
          dead: {{ servers: [127.0.0.1:{}] }}
          deaf: {{ servers: [{deaf}], timeouts: {{ connect: 200ms }} }}
        routes:
          - {{ path: /reset, upstream: reset }}
          - {{ path: /garbage, upstream: garbage }}
          - {{ path: /silent, upstream: silent }}
          - {{ path: /patient, upstream: patient }}
          - {{ path: /full, upstream: full }}
          - {{ path: /dead, upstream: dead }}
          - {{ path: /deaf, upstream: deaf }}
          - {{ path: /read, methods: GET, respond: {{ body: read }} }}
        ",
        free_port()
    );
    let proxy = Proxy::with(&text, &origins.iter().collect::<Vec<_>>()).await;
    let mut held = proxy.client().await;
    held.send("GET /full/held HTTP/1.1\r\nhost: test\r\n\r\n")
        .await;
    origins[3].await_count("/full/held", 1).await;
    Scene {
        proxy,
        _origins: origins,
        _deaf: deaf,
        _held: held,
    }
}

/// The request that meets a refusal, with these lines in its head.
fn provoke(label: &str, accept: &str) -> String {
    let (method, path, more) = match label {
        "malformed" => ("GET", "/a%2fb".to_owned(), String::new()),
        "no_route" => ("GET", "/nowhere".to_owned(), String::new()),
        "method_not_allowed" => ("PUT", "/read".to_owned(), String::new()),
        "body_too_large" => (
            "POST",
            "/nowhere".to_owned(),
            "content-length: 2000\r\n".to_owned(),
        ),
        "body_timeout" => (
            "POST",
            "/patient".to_owned(),
            "content-length: 200\r\n".to_owned(),
        ),
        "uri_too_long" => ("GET", format!("/{}", "x".repeat(300)), String::new()),
        "header_too_large" => ("GET", "/many".to_owned(), "x: y\r\n".repeat(25)),
        "connect_failed" => ("GET", "/dead".to_owned(), String::new()),
        "connect_timeout" => ("GET", "/deaf".to_owned(), String::new()),
        "server_reset" => ("GET", "/reset".to_owned(), String::new()),
        "server_malformed" => ("GET", "/garbage".to_owned(), String::new()),
        "server_timeout" => ("GET", "/silent".to_owned(), String::new()),
        "saturated" => ("GET", "/full".to_owned(), String::new()),
        other => panic!("{other}"),
    };
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\n{more}{accept}\r\n")
}

const REFUSALS: [(&str, u16, &str); 13] = [
    ("malformed", 400, "Bad Request"),
    ("no_route", 404, "Not Found"),
    ("method_not_allowed", 405, "Method Not Allowed"),
    ("body_timeout", 408, "Request Timeout"),
    ("body_too_large", 413, "Payload Too Large"),
    ("uri_too_long", 414, "URI Too Long"),
    ("header_too_large", 431, "Request Header Fields Too Large"),
    ("connect_failed", 502, "Bad Gateway"),
    ("server_reset", 502, "Bad Gateway"),
    ("server_malformed", 502, "Bad Gateway"),
    ("saturated", 503, "Service Unavailable"),
    ("connect_timeout", 504, "Gateway Timeout"),
    ("server_timeout", 504, "Gateway Timeout"),
];

async fn refused(proxy: &Proxy, label: &str, accept: &str) -> Message {
    let mut client = proxy.client().await;
    client.send(provoke(label, accept)).await;
    client.response().await
}

#[tokio::test]
async fn every_refusal_is_html_by_default() {
    let scene = scene().await;
    let mut wrong = Vec::new();
    for (label, status, title) in REFUSALS {
        let page = refused(&scene.proxy, label, "").await;
        if page.status() != status {
            wrong.push(format!("{label}: {} in place of {status}", page.status()));
            continue;
        }
        assert_eq!(
            page.field("content-type"),
            Some("text/html; charset=utf-8"),
            "{label}"
        );
        assert_eq!(page.field("cache-control"), Some("no-store"), "{label}");
        assert!(
            page.text().contains(&format!("<h1>{status} {title}</h1>")),
            "{label}: {}",
            page.text()
        );
        assert!(page.text().contains(page.request_id()), "{label}");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn every_refusal_is_a_json_problem_for_who_asks_for_json() {
    let scene = scene().await;
    let mut wrong = Vec::new();
    for (label, status, title) in REFUSALS {
        let page = refused(&scene.proxy, label, "accept: application/json\r\n").await;
        if page.status() != status || page.field("content-type") != Some("application/problem+json")
        {
            wrong.push(format!(
                "{label}: {} {:?}",
                page.status(),
                page.field("content-type")
            ));
            continue;
        }
        let problem = page.json();
        assert_eq!(problem["type"], "about:blank", "{label}");
        assert_eq!(problem["status"], status, "{label}");
        assert_eq!(problem["title"], title, "{label}");
        assert_eq!(problem["request_id"], page.request_id(), "{label}");
        assert!(problem["detail"].is_string(), "{label}");
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn every_refusal_is_counted_and_logged_by_its_label() {
    let scene = scene().await;
    let proxy = &scene.proxy;
    let mut wrong = Vec::new();
    for (label, status, _) in REFUSALS {
        let labels = [("reason", label)];
        assert_eq!(
            proxy.metric("simplon_refusals_total", &labels).await,
            Some(0),
            "{label}"
        );
        let page = refused(proxy, label, "").await;
        let id = page.request_id();
        let line = proxy.logged(|line| line["request_id"] == id).await;
        let counted = proxy.metric("simplon_refusals_total", &labels).await;
        if line["refusal"] != label || line["status"] != status || counted != Some(1) {
            wrong.push(format!("{label}: {counted:?} {line}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn a_refusal_says_nothing_of_what_stands_behind() {
    let scene = scene().await;
    for (label, ..) in REFUSALS {
        let page = refused(&scene.proxy, label, "").await;
        for secret in ["127.0.0.1", "silent", "garbage", "OpenSSH", "pingora"] {
            assert!(
                !page.text().to_lowercase().contains(&secret.to_lowercase()),
                "{label}: {}",
                page.text()
            );
        }
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_used_makes_503_with_retry_after() {
    let scene = scene().await;
    let page = refused(&scene.proxy, "saturated", "").await;
    assert_eq!(page.status(), 503);
    let seconds: u32 = page.field("retry-after").unwrap().parse().unwrap();
    assert!(seconds > 0);
}

#[tokio::test]
async fn refusals_are_pages_by_http_2_too() {
    let text = "
        listeners:
          https: { bind: 127.0.0.1:$https, tls: intermediate, limits: { body_size: 1KiB } }
        certificates:
          - { hosts: [localhost], self_signed: true }
          - { hosts: [other.test], self_signed: true }
        routes: [{ path: /read, methods: GET, respond: { body: read } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let client = proxy.h2_client("localhost").await;
    let body = vec![b'x'; 2000];
    for (method, url, body, status, label) in [
        (
            "GET",
            "https://localhost/nowhere",
            &b""[..],
            404,
            "no_route",
        ),
        (
            "PUT",
            "https://localhost/read",
            b"",
            405,
            "method_not_allowed",
        ),
        ("GET", "https://localhost/a%2fb", b"", 400, "malformed"),
        ("GET", "https://other.test/read", b"", 421, "misdirected"),
        (
            "POST",
            "https://localhost/nowhere",
            &body,
            413,
            "body_too_large",
        ),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("accept", "application/json");
        let request = request
            .header("content-length", body.len())
            .body(())
            .unwrap();
        let page = client.ask(request, body).await;
        assert_eq!(page.status, status, "{label}");
        let problem: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
        assert_eq!(problem["status"], status, "{label}");
        proxy
            .await_metric("simplon_refusals_total", &[("reason", label)], 1)
            .await;
    }
    // None of them has cost the others their connection.
    assert_eq!(client.get("/read").await.body, b"read");
}

#[tokio::test]
async fn a_refused_head_has_no_page_and_ends_its_stream() {
    let text = "
        listeners: { https: { bind: 127.0.0.1:$https, tls: modern } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { gone: { servers: ['127.0.0.1:$other'] } }
        routes: [{ path: /gone, upstream: gone }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let client = proxy.h2_client("localhost").await;
    for (path, status) in [("/gone", 502), ("/nowhere", 404)] {
        let request = Request::head(format!("https://localhost{path}"));
        let answer = client.ask(request.body(()).unwrap(), b"").await;
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{path}");
    }
}
