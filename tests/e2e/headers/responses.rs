//! What clients see.

use http::Request;

use super::LISTENERS;
use crate::harness::{Origin, Proxy, Reply};

/// Routes of each kind. Nobody listens where `/gone` leads.
const SITE: &str = "
    upstreams:
      web: { servers: [$1] }
      gone: { servers: ['127.0.0.1:$other'] }
    routes:
      - { host: localhost, path: /web, upstream: web }
      - { host: localhost, path: /gone, upstream: gone }
      - { host: localhost, path: /fixed, respond: { body: fixed } }
      - { host: localhost, path: /moved, redirect: { to: /fixed } }
      - { host: localhost, path: /empty, respond: { status: 204 } }
    ";

/// What each path answers.
const PATHS: [(&str, u16); 6] = [
    ("/web", 200),
    ("/web?missing", 404),
    ("/gone", 502),
    ("/fixed", 200),
    ("/moved", 308),
    ("/empty", 204),
];

async fn site(defaults: &str, origin: &Origin) -> Proxy {
    let text = format!("{LISTENERS}\n{SITE}\n    defaults: {defaults}\n");
    Proxy::with(&text, &[origin]).await
}

/// A server that tells more of itself than it should.
async fn talkative() -> Origin {
    Origin::answering(|request| {
        let status = if request.target() == "/web?missing" {
            404
        } else {
            200
        };
        Reply::new(status, "web")
            .with("Server: talkative/1.2.3")
            .with("X-Powered-By: PHP/5.2")
            .with("X-Debug-Time: 3")
            .with("Set-Cookie: session=1")
            .with("Cache-Control: private")
    })
    .await
}

/// The values of a field in whatever answers a request, by HTTP/1.1 and by HTTP/2 over TLS.
async fn values(proxy: &Proxy, path: &str, name: &str) -> Vec<Vec<String>> {
    let owned = |values: Vec<&str>| values.into_iter().map(str::to_owned).collect();
    let mut found = Vec::new();
    for method in ["GET", "HEAD"] {
        let lines = ["host: localhost"];
        let mut http1 = proxy.tls_client("localhost").await;
        let answer = http1.ask(method, path, &lines, b"").await;
        found.push(owned(answer.all(name)));
        let request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"));
        let http2 = proxy.h2_client("localhost").await;
        let answer = http2.ask(request.body(()).unwrap(), b"").await;
        let all = answer.fields.get_all(name).iter();
        found.push(owned(all.map(|value| value.to_str().unwrap()).collect()));
    }
    found
}

#[tokio::test]
async fn every_answer_on_a_route_is_edited_whoever_gives_it() {
    let origin = talkative().await;
    let edits = "{ headers: { response: {
        remove: [Server, X-Powered-By, 'X-Debug-*', X-Content-Type-Options],
        set: { Cache-Control: no-cache, X-Node: '{route} {upstream}' },
        add: { Set-Cookie: edge=1, Link: [</a>, </b>] } } } }";
    let proxy = site(edits, &origin).await;
    for (path, status) in PATHS {
        let mut client = proxy.tls_client("localhost").await;
        let answer = client.ask("GET", path, &["host: localhost"], b"").await;
        assert_eq!(answer.status(), status, "{path}");
        for gone in [
            "server",
            "x-powered-by",
            "x-debug-time",
            "x-content-type-options",
        ] {
            assert_eq!(
                values(&proxy, path, gone).await,
                vec![vec![""; 0]; 4],
                "{path}"
            );
        }
        let (route, _) = path.split_once('?').unwrap_or((path, ""));
        let upstream = match route {
            "/web" => " web",
            "/gone" => " gone",
            _ => "",
        };
        let node = format!("localhost{route}{upstream}");
        assert_eq!(values(&proxy, path, "x-node").await, vec![vec![node]; 4]);
        assert_eq!(
            values(&proxy, path, "cache-control").await,
            vec![vec!["no-cache"]; 4]
        );
        assert_eq!(
            values(&proxy, path, "link").await,
            vec![vec!["</a>", "</b>"]; 4]
        );
        let cookies: &[&str] = match route {
            "/web" => &["session=1", "edge=1"],
            _ => &["edge=1"],
        };
        assert_eq!(
            values(&proxy, path, "set-cookie").await,
            vec![cookies.to_vec(); 4]
        );
    }
    let nowhere = proxy.get("/nowhere").await;
    assert!(!nowhere.has("x-node"), "no route, so no policy");
}

#[tokio::test]
async fn every_answer_on_a_route_has_the_security_headers() {
    let origin = talkative().await;
    let proxy = site("{ security_headers: true }", &origin).await;
    for (path, _) in PATHS {
        for (name, expected) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "SAMEORIGIN"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("permissions-policy", "hid=(), midi=(), serial=(), usb=()"),
            ("strict-transport-security", "max-age=31536000"),
        ] {
            assert_eq!(
                values(&proxy, path, name).await,
                vec![vec![expected]; 4],
                "{path}"
            );
        }
        for absent in ["content-security-policy", "x-xss-protection"] {
            assert_eq!(
                values(&proxy, path, absent).await,
                vec![vec![""; 0]; 4],
                "{path}"
            );
        }
        let mut plain = proxy.client().await;
        let answer = plain.ask("GET", path, &["host: localhost"], b"").await;
        assert_eq!(answer.field("x-frame-options"), Some("SAMEORIGIN"));
        assert!(!answer.has("strict-transport-security"), "not without TLS");
    }
}

#[tokio::test]
async fn what_an_application_says_of_its_safety_stands_and_so_does_what_the_operator_sets() {
    let origin = Origin::answering(|_| {
        Reply::ok("web")
            .with("X-Frame-Options: DENY")
            .with("Content-Security-Policy: default-src 'none'")
            .with("X-Content-Type-Options: nosniff")
            .with("Strict-Transport-Security: max-age=1")
    })
    .await;
    let defaults = "{ security_headers: { content_security_policy: \"default-src 'self'\" }, hsts: { max_age: 1h },
          headers: { response: { set: { Referrer-Policy: no-referrer } } } }";
    let proxy = site(defaults, &origin).await;
    for (path, name, expected) in [
        ("/web", "x-frame-options", "DENY"),
        ("/web", "content-security-policy", "default-src 'none'"),
        ("/fixed", "content-security-policy", "default-src 'self'"),
        ("/web", "x-content-type-options", "nosniff"),
        ("/web", "referrer-policy", "no-referrer"),
        ("/fixed", "referrer-policy", "no-referrer"),
        ("/web", "strict-transport-security", "max-age=3600"),
    ] {
        assert_eq!(
            values(&proxy, path, name).await,
            vec![vec![expected]; 4],
            "{path}"
        );
    }
}
