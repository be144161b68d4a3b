//! Another server decides: what it is asked, and what comes of its answer.

use http::Request;

use crate::harness::{Client, Message, Origin, Proxy, Recorder, Reply, until};

use super::last;

/// `$1` decides, `$2` serves.
const SITE: &str = "
    upstreams:
      auth: { servers: [$1] }
      web: { servers: [$2] }
    defaults:
      forward_auth: { upstream: auth, path: '/verify?rd=x', copy_headers: [Remote-User, Remote-Groups], copy_cookies: [session] }
    routes:
      - { upstream: web }
      - { path: /api, upstream: web, strip_prefix: true }
      - { path: /open, upstream: web, forward_auth: false }
    ";

/// Lets everybody in, as alice.
async fn lenient() -> Origin {
    Origin::answering(|_| {
        Reply::ok("")
            .with("Remote-User: alice")
            .with("Remote-Groups: a")
            .with("Remote-Groups: b")
            .with("Set-Cookie: session=2; Path=/")
            .with("Set-Cookie: other=3")
            .with("X-Other: 1")
    })
    .await
}

#[tokio::test]
async fn the_question_is_sound_and_says_who_asks_for_what() {
    let recorder = Recorder::start().await;
    let origin = Origin::saying("hello").await;
    let site = SITE
        .replace("$1", &recorder.to_string())
        .replace("$2", "$1");
    let proxy = Proxy::with(&site, &[&origin]).await;
    let mut client = proxy.client().await;
    let lines = [
        "x-forwarded-method: GET",
        "x-forwarded-uri: /public",
        "x-forwarded-for: 10.1.1.1",
        "x-forwarded-host: evil.test",
        "x-original-url: /public",
        "remote-user: root",
        "cookie: a=b",
        "x-own: 1",
        "if-none-match: *",
        "te: trailers",
    ];
    let answer = client
        .ask("POST", "/api/../a%20b/./c?d=%2e", &lines, b"a body")
        .await;
    assert_eq!(answer.status(), 200);
    let asked = recorder.heard("/verify?rd=x").unwrap();
    assert_eq!((asked.method.as_str(), asked.body.len()), ("GET", 0));
    let port = proxy.http().to_string();
    let expected = [
        ("host", "test"),
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/a%20b/c?d=%2e"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "test"),
        ("x-forwarded-port", "80"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1;host=\"test\";proto=http"),
        ("cookie", "a=b"),
        ("x-own", "1"),
        ("via", "1.1 simplon"),
    ];
    for (name, value) in expected {
        assert_eq!(asked.field(name).as_deref(), Some(value), "{name}");
    }
    let id = answer.request_id();
    assert_eq!(asked.field("x-request-id").as_deref(), Some(id));
    assert_eq!(asked.fields.len(), expected.len() + 1, "{asked:?}");
    let seen = last(&origin, "/a%20b/c?d=%2e");
    assert_eq!((seen.method(), seen.text()), ("POST", "a body"));
    assert_eq!(seen.field("remote-user"), None);
    // Of what the client names, the port too; and a prefix is taken off for the server alone.
    let host = format!("host: test:{port}");
    assert_eq!(
        client.ask("GET", "/api/x", &[&host], b"").await.status(),
        200
    );
    let asked = recorder.heard("/verify?rd=x").unwrap();
    assert_eq!(asked.field("x-forwarded-port"), Some(port));
    assert_eq!(asked.field("x-forwarded-uri").as_deref(), Some("/api/x"));
    assert_eq!(origin.count("/x"), 1);
    assert_eq!(client.get("/open").await.status(), 200);
    assert_eq!(recorder.count("/verify"), 2);
    assert_eq!(recorder.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn what_a_trusted_proxy_says_of_its_client_is_said_on() {
    let (auth, origin) = (lenient().await, Origin::saying("hello").await);
    let site = format!("{SITE}\n    trusted_proxies: [127.0.0.1]\n");
    let proxy = Proxy::with(&site, &[&auth, &origin]).await;
    let lines = [
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: example.ch",
        "x-forwarded-port: 8443",
        "x-forwarded-uri: /public",
        "remote-user: root",
    ];
    let mut client = proxy.client().await;
    assert_eq!(client.ask("GET", "/a", &lines, b"").await.status(), 200);
    let asked = auth.only_request();
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1, 127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "example.ch"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-uri", "/a"),
    ] {
        assert_eq!(asked.field(name), Some(value), "{name}");
    }
    assert!(!asked.has("remote-user"));
}

#[tokio::test]
async fn a_2xx_passes_with_the_headers_and_cookies_that_are_named() {
    let (auth, origin) = (lenient().await, Origin::saying("hello").await);
    let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
    let mut client = proxy.client().await;
    for method in ["GET", "HEAD", "DELETE"] {
        let lines = ["remote-user: root", "Remote-Groups: admin", "x-other: mine"];
        let answer = client.ask(method, "/a", &lines, b"").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.all("set-cookie"), ["session=2; Path=/"]);
        let seen = last(&origin, "/a");
        assert_eq!(seen.field("remote-user"), Some("alice"));
        assert_eq!(seen.field("remote-groups"), Some("a, b"));
        assert_eq!(seen.field("x-other"), Some("mine"));
    }
    let line = proxy.logged(|line| line["path"] == "/a").await;
    assert_eq!(
        (&line["user"], &line["policy"]),
        (&"alice".into(), &serde_json::Value::Null)
    );
    // One connection did for all questions.
    assert_eq!((auth.count("/verify?rd=x"), auth.connections()), (3, 1));
}

#[tokio::test]
async fn headers_that_are_named_never_come_from_the_client_though_the_answer_lacks_them() {
    let (auth, origin) = (Origin::saying("").await, Origin::saying("hello").await);
    let site = format!(
        "{}\n    listeners: {{ http: {{ bind: 127.0.0.1:$http, underscore_headers: allow }} }}\n",
        SITE.replace("Remote-User", "X-Team")
    );
    let proxy = Proxy::with(&site, &[&auth, &origin]).await;
    let lines = [
        "X-Team: root",
        "x_team: root",
        "X_TEAM: root",
        "remote-groups: root",
        "x_own: 1",
    ];
    let mut client = proxy.client().await;
    assert_eq!(client.ask("GET", "/a", &lines, b"").await.status(), 200);
    let seen = last(&origin, "/a");
    assert!(
        !seen.fields.iter().any(|(_, value)| value == "root"),
        "{seen:?}"
    );
    assert_eq!(seen.field("x_own"), Some("1"));
}

#[tokio::test]
async fn any_other_answer_is_the_clients_and_no_server_hears_of_the_request() {
    let auth = Origin::answering(|asked| {
        let uri = asked.field("x-forwarded-uri").unwrap();
        let status = uri.trim_start_matches('/').parse().unwrap();
        Reply::new(status, "log in first")
            .with("Location: https://login.test/?rd=a")
            .with("Set-Cookie: session=1; HttpOnly")
            .with("Set-Cookie: csrf=2")
            .with("WWW-Authenticate: Bearer")
            .with("Content-Type: text/html")
            .with("Connection: x-inner")
            .with("X-Inner: secret")
    })
    .await;
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
    for status in [302, 303, 307, 400, 401, 403, 404, 429, 500, 503] {
        let mut client = proxy.client().await;
        for (method, body) in [("GET", &b""[..]), ("HEAD", b""), ("POST", b"a body")] {
            let answer = client.ask(method, &format!("/{status}"), &[], body).await;
            assert_eq!(answer.status(), status, "{method}");
            assert_eq!(answer.field("location"), Some("https://login.test/?rd=a"));
            assert_eq!(answer.all("set-cookie"), ["session=1; HttpOnly", "csrf=2"]);
            assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
            assert_eq!(answer.field("x-inner"), None);
            assert_eq!(answer.length(), Some(12));
            assert_eq!(
                answer.text(),
                if method == "HEAD" { "" } else { "log in first" }
            );
        }
    }
    assert!(origin.requests().is_empty());
    let line = proxy.logged(|line| line["path"] == "/302").await;
    assert_eq!(
        (&line["policy"], &line["refusal"]),
        (&"forward_auth".into(), &serde_json::Value::Null)
    );
    let labels = [
        ("policy", "forward_auth"),
        ("verdict", "answered"),
        ("route", "*/"),
    ];
    let verdicts = proxy.metric("simplon_policy_verdicts_total", &labels).await;
    assert_eq!(verdicts, Some(30));
}

#[tokio::test]
async fn bodies_come_whole_after_the_question() {
    let (auth, origin) = (
        lenient().await,
        Origin::answering(|asked| Reply::ok(asked.body.clone())).await,
    );
    let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
    let body = vec![b'x'; 300_000];
    let mut client = proxy.client().await;
    let answer = client.ask("POST", "/a", &[], &body).await;
    assert!(answer.status() == 200 && answer.body == body);
    client
        .send("POST /a HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status(), 100);
    client.send("hello").await;
    assert_eq!(client.response().await.text(), "hello");
    let chunked = ["transfer-encoding: chunked"];
    let answer = client
        .ask("PUT", "/a", &chunked, b"5\r\nhello\r\n0\r\n\r\n")
        .await;
    assert_eq!(answer.text(), "hello");
    for asked in auth.requests() {
        assert!(asked.body.is_empty() && asked.method() == "GET");
        for name in [
            "content-length",
            "transfer-encoding",
            "expect",
            "content-type",
        ] {
            assert!(!asked.has(name), "{name}");
        }
    }
}

#[tokio::test]
async fn it_is_the_same_by_http_2() {
    let auth = Origin::answering(|asked| match asked.field("cookie") {
        Some("a=b; session=1") => Reply::ok("").with("Remote-User: alice"),
        _ => Reply::new(302, "").with("Location: https://login.test/"),
    })
    .await;
    let origin = Origin::answering(|asked| Reply::ok(asked.body.clone())).await;
    let site = format!(
        "{SITE}
    listeners: {{ https: {{ bind: 127.0.0.1:$https, tls: intermediate }} }}
    certificates: [{{ hosts: [localhost], self_signed: true }}]
"
    );
    let proxy = Proxy::with(&site, &[&auth, &origin]).await;
    let client = proxy.h2_client("localhost").await;
    let answer = client.get("/a").await;
    assert_eq!(
        (answer.status, &answer.fields["location"]),
        (302, &"https://login.test/".parse().unwrap())
    );
    let request = Request::post("https://localhost/a?b")
        .header("cookie", "a=b")
        .header("cookie", "session=1")
        .header("remote-user", "root");
    let answer = client.ask(request.body(()).unwrap(), b"a body").await;
    assert_eq!((answer.status, &answer.body[..]), (200, &b"a body"[..]));
    let seen = last(&origin, "/a?b");
    assert_eq!(seen.field("remote-user"), Some("alice"));
    let asked = last(&auth, "/verify?rd=x");
    for (name, value) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-uri", "/a?b"),
        ("via", "2 simplon"),
    ] {
        assert_eq!(asked.field(name), Some(value), "{name}");
    }
}

const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: COOKIE\r\n\r\n";

#[tokio::test]
async fn a_websocket_is_asked_about_as_well() {
    let auth = Origin::answering(|asked| match asked.field("cookie") {
        Some("good") => Reply::ok("").with("Set-Cookie: session=2; Path=/"),
        _ => Reply::new(403, "no"),
    })
    .await;
    let recorder = Recorder::start().await;
    let site = SITE.replace("$2", &recorder.to_string()).replace(
        "{ upstream: web }",
        "{ upstream: web }\n      - { path: /chat, upstream: web }",
    );
    let proxy = Proxy::with(&site, &[&auth]).await;
    let mut refused = proxy.client().await;
    refused.send(HANDSHAKE.replace("COOKIE", "bad")).await;
    assert_eq!(refused.response().await.status(), 403);
    let mut client = proxy.client().await;
    client
        .send(
            HANDSHAKE
                .replace("COOKIE", "good")
                .replace("/chat", "/chat/agree"),
        )
        .await;
    let agreed: Message = client.response().await;
    assert_eq!(agreed.status(), 101);
    assert_eq!(agreed.all("set-cookie"), ["session=2; Path=/"]);
    client.send("hello").await;
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"HELLO");
    assert_eq!(
        recorder.count("/chat"),
        1,
        "the refused one is not heard of"
    );
    assert_eq!(recorder.faults(), Vec::<String>::new());
    for asked in auth.requests() {
        assert!(
            !asked.has("upgrade") && !asked.has("connection"),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_question() {
    let auth = Origin::scripted(|_, mut wire| async move {
        let _ = wire.read_to_end().await; // says nothing, but hears the end
        None
    })
    .await;
    let origin = Origin::saying("hello").await;
    let site = SITE.replace("path: '/verify?rd=x'", "path: '/verify?rd=x', timeout: 60s");
    let proxy = Proxy::with(&site, &[&auth, &origin]).await;
    let mut client = proxy.client().await;
    client.send("GET /a HTTP/1.1\r\nhost: test\r\n\r\n").await;
    auth.await_count("/verify?rd=x", 1).await;
    drop(client);
    until("the question ends", async || auth.open() == 0).await;
    let line = proxy.logged(|line| line["path"] == "/a").await;
    assert_eq!(
        (&line["refusal"], &line["status"]),
        (&"client_gone".into(), &499.into())
    );
    assert_eq!(line["policy"], serde_json::Value::Null);
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_asked_about_one_by_one() {
    let (auth, origin) = (
        lenient().await,
        Origin::answering(|asked| Reply::ok(asked.target().to_owned())).await,
    );
    let proxy = Proxy::with(SITE, &[&auth, &origin]).await;
    let mut client: Client = proxy.client().await;
    client.send("GET /1 HTTP/1.1\r\nhost: test\r\n\r\nGET /2 HTTP/1.1\r\nhost: test\r\n\r\nGET /3 HTTP/1.1\r\nhost: test\r\n\r\n").await;
    for expected in ["/1", "/2", "/3"] {
        assert_eq!(client.response().await.text(), expected);
    }
    assert_eq!(auth.count("/verify?rd=x"), 3);
}
