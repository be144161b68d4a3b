//! The path of challenges: ours alone on plain listeners, as long as a CA may ask there.

use super::{await_certified, plain};
use crate::harness::{Client, Origin, Pebble, Proxy, Setup, Wire, shake_hands};

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

const BEFORE_A_SERVER: &str = "
    listeners:
      http: { bind: 127.0.0.1:$http }
      other: { bind: 127.0.0.1:$other, redirect: https }
      https: { bind: 127.0.0.1:$https, tls: modern }
    acme: { ca: { directory: $acme, root: $root, challenge: http-01 } }
    certificates: [{ hosts: [a.test], acme: ca }]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

async fn status(port: u16, method: &str, path: &str) -> u16 {
    let mut client = Client::connect(port).await;
    client
        .ask(method, path, &["host: a.test"], b"")
        .await
        .status()
}

async fn refused(edge: &Proxy) -> u64 {
    let reason = [("reason", "no_challenge")];
    let count = edge.metric("simplon_refusals_total", &reason).await;
    count.unwrap_or_default()
}

#[tokio::test]
async fn a_token_that_nobody_put_to_us_is_not_found_and_reaches_no_server() {
    let pebble = Pebble::start(plain()).await;
    let origin = Origin::saying("from the server").await;
    let edge = Setup::of(BEFORE_A_SERVER)
        .certified_by(&pebble)
        .before(&[&origin])
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    let before = refused(&edge).await;
    let path = format!("/.well-known/acme-challenge/{TOKEN}");
    let mut asked = 0;
    for port in [edge.http(), edge.other()] {
        for (method, path) in [
            ("GET", &path[..]),
            ("HEAD", &path),
            ("POST", &path),
            ("DELETE", &path),
            ("GET", "/.well-known/acme-challenge/"),
            ("GET", "/.well-known/acme-challenge/x"),
            ("GET", "/.well-known/acme-challenge/http-evaGxfADs6pSRb2L"),
            ("GET", "/.well-known/acme-challenge/a/b/c/d/e/f/g/h/i/j/k"),
            ("GET", "/x/../.well-known/acme-challenge/0123456789abcdef"),
            (
                "GET",
                "/.well-known/acme-challenge/0123456789abcdef?../../x",
            ),
        ] {
            assert_eq!(status(port, method, path).await, 404, "{method} {path}");
            asked += 1;
        }
    }
    assert_eq!(refused(&edge).await - before, asked);
    // A slash in disguise is refused everywhere.
    for path in ["%2e%2e%2f%2e%2e%2faccounts", "..%2f..%2forders%2fa.test"] {
        let path = format!("/.well-known/acme-challenge/{path}");
        assert_eq!(status(edge.http(), "GET", &path).await, 400, "{path}");
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn ways_out_of_the_path_lead_where_all_others_do() {
    let pebble = Pebble::start(plain()).await;
    let origin = Origin::saying("from the server").await;
    let edge = Setup::of(BEFORE_A_SERVER)
        .certified_by(&pebble)
        .before(&[&origin])
        .start()
        .await;
    await_certified(&edge, "a.test", &pebble).await;
    let before = refused(&edge).await;
    for path in [
        "/.well-known/acme-challenge/../../accounts",
        "/.well-known/acme-challenge/%2e%2e/%2e%2e/orders/a.test",
        "/.well-known/acme-challenges/x",
        "/.well-known/acme-challenge",
    ] {
        assert_eq!(status(edge.http(), "GET", path).await, 200, "{path}");
    }
    assert_eq!((origin.requests().len(), refused(&edge).await), (4, before));
    // With TLS nobody asks for challenges.
    let trust = pebble.issued_by().await;
    let stream = shake_hands(edge.https(), "a.test", &["http/1.1"], &trust).await;
    let mut client = Client::new(Wire::new(stream.unwrap()));
    let path = format!("/.well-known/acme-challenge/{TOKEN}");
    let answer = client.ask("GET", &path, &["host: a.test"], b"").await;
    assert_eq!(answer.text(), "from the server");
}

#[tokio::test]
async fn without_a_certificate_by_acme_the_path_is_like_any_other() {
    let origin = Origin::saying("from the server").await;
    let edge = Proxy::in_front_of(&[&origin]).await;
    let answer = edge
        .get(&format!("/.well-known/acme-challenge/{TOKEN}"))
        .await;
    assert_eq!(answer.text(), "from the server");
    assert_eq!(refused(&edge).await, 0);
}
