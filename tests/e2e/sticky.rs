//! Clients that a cookie keeps on their server.

use http::Request;
use rustix::process::Signal;

use crate::harness::{Client, Message, Origin, Proxy, Reply, simplon, until};

const TEXT: &str = "
    upstreams: { web: { servers: [$1, $2, $3], sticky: { cookie: simplon, max_age: 1h } } }
    routes: [{ upstream: web }]
    ";

/// The pair of name and value that a response sets, if it sets one.
fn set(answer: &Message) -> Option<String> {
    let line = answer.field("set-cookie")?;
    Some(line.split(';').next().unwrap().to_owned())
}

async fn ask(client: &mut Client, cookie: &str) -> Message {
    let line = format!("cookie: {cookie}");
    client.ask("GET", "/", &[&line], b"").await
}

async fn three() -> [Origin; 3] {
    [
        Origin::saying("a").await,
        Origin::saying("b").await,
        Origin::saying("c").await,
    ]
}

#[tokio::test]
async fn a_client_with_the_cookie_stays_on_its_server() {
    let [a, b, c] = three().await;
    let proxy = Proxy::with(TEXT, &[&a, &b, &c]).await;
    let mut client = proxy.client().await;
    let first = client.get("/").await;
    let line = first.field("set-cookie").unwrap();
    assert!(
        line.ends_with("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"),
        "{line}"
    );
    assert_eq!(first.field("cache-control"), Some("private"));
    let cookie = set(&first).unwrap();
    for _ in 0..10 {
        let answer = ask(&mut client, &cookie).await;
        assert_eq!(answer.text(), first.text());
        assert!(!answer.has("set-cookie") && !answer.has("cache-control"));
        // Others still take turns.
        client.get("/").await;
    }
    let counts = [&a, &b, &c].map(|origin| origin.count("/"));
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

#[tokio::test]
async fn the_cookie_is_set_as_its_keys_say() {
    let origin = Origin::saying("a").await;
    let text = "
        listeners: { http: { bind: '127.0.0.1:$http' }, https: { bind: '127.0.0.1:$https', tls: modern } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { web: { servers: [$1], sticky: { cookie: simplon, $keys } } }
        routes: [{ upstream: web }]
        ";
    for (keys, by_http, by_https) in [
        (
            "",
            "Path=/; HttpOnly; SameSite=Lax",
            "Path=/; HttpOnly; SameSite=Lax; Secure",
        ),
        (
            "path: /shop",
            "Path=/shop; HttpOnly; SameSite=Lax",
            "Path=/shop; HttpOnly; SameSite=Lax; Secure",
        ),
        (
            "same_site: strict",
            "Path=/; HttpOnly; SameSite=Strict",
            "Path=/; HttpOnly; SameSite=Strict; Secure",
        ),
        (
            "same_site: none, secure: always",
            "Path=/; HttpOnly; SameSite=None; Secure",
            "Path=/; HttpOnly; SameSite=None; Secure",
        ),
        (
            "secure: never",
            "Path=/; HttpOnly; SameSite=Lax",
            "Path=/; HttpOnly; SameSite=Lax",
        ),
    ] {
        let proxy = Proxy::with(&text.replace("$keys", keys), &[&origin]).await;
        let mut plain = proxy.client().await;
        let mut secure = proxy.tls_client("localhost").await;
        for (client, expected) in [(&mut plain, by_http), (&mut secure, by_https)] {
            let answer = client.ask("GET", "/", &["host: localhost"], b"").await;
            let line = answer.field("set-cookie").unwrap();
            let (pair, attributes) = line.split_once("; ").unwrap();
            assert_eq!(attributes, expected, "{keys}");
            let kept = client
                .ask(
                    "GET",
                    "/",
                    &["host: localhost", &format!("cookie: {pair}")],
                    b"",
                )
                .await;
            assert!(!kept.has("set-cookie"), "{keys}");
        }
    }
}

#[tokio::test]
async fn the_server_sees_every_cookie_but_ours() {
    let [a, b, c] = three().await;
    let proxy = Proxy::with(TEXT, &[&a, &b, &c]).await;
    let mut client = proxy.client().await;
    let cookie = set(&client.get("/").await).unwrap();
    for (sent, seen) in [
        (cookie.clone(), None),
        (format!("{cookie}; id=\"1\""), Some("id=\"1\"")),
        (format!("id=1;  x=y=z ; {cookie}"), Some("id=1;  x=y=z")),
        (
            format!("simplon=gone; a=1; {cookie}; Simplon=2"),
            Some("a=1; Simplon=2"),
        ),
    ] {
        let answer = ask(&mut client, &sent).await;
        assert!(!answer.has("set-cookie"), "{sent}");
        let origins = [&a, &b, &c];
        let said = origins
            .into_iter()
            .zip(["a", "b", "c"])
            .find(|(_, name)| *name == answer.text());
        let request = said.unwrap().0.requests().pop().unwrap();
        assert_eq!(request.field("cookie").map(str::trim), seen, "{sent}");
    }
}

#[tokio::test]
async fn a_cookie_that_names_nobody_is_set_anew() {
    let [a, b, c] = three().await;
    let proxy = Proxy::with(TEXT, &[&a, &b, &c]).await;
    let mut client = proxy.client().await;
    for unknown in ["simplon=0123456789abcdef", "simplon=", "simplon=10.0.0.1"] {
        let answer = ask(&mut client, unknown).await;
        let cookie = set(&answer).unwrap();
        assert_eq!(ask(&mut client, &cookie).await.text(), answer.text());
    }
}

#[tokio::test]
async fn all_nodes_and_restarts_agree_on_the_cookie() {
    let [a, b, c] = three().await;
    let proxy = Proxy::with(TEXT, &[&a, &b, &c]).await;
    let first = proxy.get("/").await;
    let cookie = set(&first).unwrap();
    let other = TEXT.replace("[$1, $2, $3]", "[{ address: $3, weight: 9 }, $2, $1]");
    let node = Proxy::with(&other, &[&a, &b, &c]).await;
    let mut client = node.client().await;
    for _ in 0..5 {
        let answer = ask(&mut client, &cookie).await;
        assert_eq!(answer.text(), first.text());
        assert!(!answer.has("set-cookie"));
    }
    proxy.rewrite(&other);
    proxy.reload().await;
    let mut client = proxy.client().await;
    assert_eq!(ask(&mut client, &cookie).await.text(), first.text());
}

#[tokio::test]
async fn a_client_whose_server_is_down_gets_another_and_its_cookie() {
    let mut mortal = Origin::saying("mortal").await;
    let other = Origin::saying("other").await;
    let text = "
        upstreams:
          web:
            servers: [$1, $2]
            sticky: { cookie: simplon }
            health: { tcp: true, interval: 100ms, rise: 1, fall: 1 }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&mortal, &other]).await;
    let mut client = proxy.client().await;
    let mut first = client.get("/").await;
    if first.text() == "other" {
        first = client.get("/").await;
    }
    let cookie = set(&first).unwrap();
    let labels = [("upstream", "web"), ("server", &*mortal.to_string())];
    mortal.stop().await;
    proxy.await_metric("simplon_server_up", &labels, 0).await;
    let moved = ask(&mut client, &cookie).await;
    assert_eq!(moved.text(), "other");
    let anew = set(&moved).unwrap();
    assert_ne!(anew, cookie);
    mortal.start_again().await;
    proxy.await_metric("simplon_server_up", &labels, 1).await;
    for _ in 0..4 {
        assert_eq!(ask(&mut client, &anew).await.text(), "other");
        assert_eq!(ask(&mut client, &cookie).await.text(), "mortal");
    }
}

#[tokio::test]
async fn a_retry_sets_the_cookie_of_the_server_that_answered() {
    let closing = Origin::scripted(|_, _| async { None }).await;
    let good = Origin::saying("good").await;
    let text = "
        upstreams: { web: { servers: [$1, $2], sticky: { cookie: simplon } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&closing, &good]).await;
    let mut client = proxy.client().await;
    let mut cookies = Vec::new();
    until("both have been tried", async || {
        let answer = client.get("/").await;
        assert_eq!(answer.text(), "good");
        cookies.push(set(&answer).unwrap());
        !closing.requests().is_empty()
    })
    .await;
    cookies.dedup();
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    assert!(!ask(&mut client, &cookies[0]).await.has("set-cookie"));
}

#[tokio::test]
async fn a_full_server_is_left_for_another_where_nobody_waits() {
    let slow = Origin::answering(|request| match request.target() {
        "/slow" => Reply::ok("slow").after(std::time::Duration::from_millis(600)),
        _ => Reply::ok("slow"),
    })
    .await;
    let quick = Origin::saying("quick").await;
    let text = "
        upstreams:
          web:
            servers: [{ address: $1, max_connections: 1 }, $2]
            sticky: { cookie: simplon }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&slow, &quick]).await;
    let mut client = proxy.client().await;
    let mut first = client.get("/").await;
    if first.text() == "quick" {
        first = client.get("/").await;
    }
    let cookie = set(&first).unwrap();
    let line = format!("GET /slow HTTP/1.1\r\nhost: test\r\ncookie: {cookie}\r\n\r\n");
    client.send(line).await;
    slow.await_count("/slow", 1).await;
    let answer = ask(&mut proxy.client().await, &cookie).await;
    assert_eq!(answer.text(), "quick");
    assert!(answer.has("set-cookie"));
    assert_eq!(client.response().await.text(), "slow");
}

#[tokio::test]
async fn crumbs_of_http_2_are_read_and_https_makes_the_cookie_secure() {
    let [a, b, c] = three().await;
    let text = "
        listeners: { tls: { bind: '127.0.0.1:$https', tls: modern } }
        certificates: [{ hosts: [localhost], self_signed: true }]
        upstreams: { web: { servers: [$1, $2, $3], sticky: { cookie: simplon } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b, &c]).await;
    let client = proxy.h2_client("localhost").await;
    let first = client.get("/").await;
    let line = first.fields["set-cookie"].to_str().unwrap();
    assert!(line.ends_with("; Secure"), "{line}");
    let cookie = line.split(';').next().unwrap();
    for _ in 0..5 {
        let request = Request::get("https://localhost/crumbs")
            .header("cookie", "a=1")
            .header("cookie", cookie)
            .header("cookie", "b=2")
            .body(())
            .unwrap();
        let answer = client.ask(request, b"").await;
        assert_eq!(answer.body, first.body);
        assert!(!answer.fields.contains_key("set-cookie"));
    }
    let mut asked = [&a, &b, &c].into_iter().flat_map(Origin::requests);
    let crumbs = asked.find(|request| request.target() == "/crumbs").unwrap();
    assert_eq!(crumbs.field("cookie"), Some("a=1; b=2"));
}

#[tokio::test]
async fn an_upgrade_sets_the_cookie_with_its_101() {
    const ASKED: &str = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                          sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    async fn agreeing() -> Origin {
        Origin::scripted(|_, mut wire| async move {
            wire.send(AGREED).await;
            wire.awaits_more().await;
            None
        })
        .await
    }
    let (a, b) = (agreeing().await, agreeing().await);
    let text = "
        upstreams: { web: { servers: [$1, $2], sticky: { cookie: simplon } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[&a, &b]).await;
    let mut client = proxy.client().await;
    client.send(format!("{ASKED}\r\n")).await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 101);
    let cookie = set(&answer).unwrap();
    for nth in 2..5 {
        let mut again = proxy.client().await;
        again.send(format!("{ASKED}cookie: {cookie}\r\n\r\n")).await;
        let answer = again.response().await;
        assert_eq!(answer.status(), 101);
        assert!(!answer.has("set-cookie"));
        let mut counts = [&a, &b].map(|origin| origin.count("/chat"));
        counts.sort_unstable();
        assert_eq!(counts, [0, nth]);
    }
}

#[tokio::test]
async fn what_the_proxy_says_for_itself_sets_no_cookie() {
    let origin = Origin::answering(|_| Reply::new(200, "early").with("link: </a>")).await;
    let text = "
        upstreams: { web: { servers: [$1], sticky: { cookie: simplon } }, none: { servers: [127.0.0.1:1], sticky: { cookie: simplon } } }
        routes:
          - { path: /none, upstream: none }
          - { path: /said, respond: { status: 200, body: said } }
          - { upstream: web }
        ";
    let mut proxy = Proxy::with(text, &[&origin]).await;
    assert!(proxy.get("/").await.has("set-cookie"));
    for path in ["/none", "/said"] {
        assert!(!proxy.get(path).await.has("set-cookie"), "{path}");
    }
    proxy.signal(Signal::TERM);
    assert!(proxy.ended().await.success());
}

/// A proxy with `a` and `b`, and the cookie that names `a`.
async fn on_a(a: &Origin, b: &Origin) -> (Proxy, String) {
    let text = "
        upstreams: { web: { servers: [$1, $2], sticky: { cookie: simplon } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::with(text, &[a, b]).await;
    let mut client = proxy.client().await;
    let mut first = client.get("/").await;
    if first.text() != "a" {
        first = client.get("/").await;
    }
    let cookie = set(&first).unwrap();
    (proxy, cookie)
}

async fn order(proxy: &Proxy, order: &str, server: &Origin) {
    let control = proxy.control();
    let line = format!("{order} web/{server} --control {}", control.display());
    let ended = simplon(&line).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test]
async fn drain_keeps_sticky_clients() {
    let (a, b) = (Origin::saying("a").await, Origin::saying("b").await);
    let (proxy, cookie) = on_a(&a, &b).await;
    order(&proxy, "drain", &a).await;
    let mut client = proxy.client().await;
    for _ in 0..6 {
        let kept = ask(&mut client, &cookie).await;
        assert_eq!(kept.text(), "a");
        assert!(!kept.has("set-cookie"));
        assert_eq!(client.get("/").await.text(), "b");
    }
}

#[tokio::test]
async fn maintenance_sends_sticky_clients_elsewhere() {
    let (a, b) = (Origin::saying("a").await, Origin::saying("b").await);
    let (proxy, cookie) = on_a(&a, &b).await;
    order(&proxy, "maint", &a).await;
    let mut client = proxy.client().await;
    let moved = ask(&mut client, &cookie).await;
    assert_eq!(moved.text(), "b");
    let anew = set(&moved).unwrap();
    order(&proxy, "ready", &a).await;
    assert_eq!(ask(&mut client, &anew).await.text(), "b");
    assert_eq!(ask(&mut client, &cookie).await.text(), "a");
}
