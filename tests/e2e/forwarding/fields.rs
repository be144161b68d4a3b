//! The fields a server sees, and those a client sees.

use crate::harness::{Origin, Proxy, Reply};

const TRUSTING: &str = "
    trusted_proxies: [127.0.0.0/8]
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

#[tokio::test]
async fn a_server_sees_exactly_these_fields_of_a_plain_get() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let lines = ["host: Example.ch:8080", "user-agent: test/1", "x-own: 1"];
    let answer = proxy.client().await.ask("GET", "/a?b", &lines, b"").await;
    let request = origin.only_request();
    assert_eq!(request.start, "GET /a?b HTTP/1.1");
    let mut fields = request.fields.clone();
    fields.sort();
    let expected = [
        (
            "forwarded",
            "for=127.0.0.1;host=\"example.ch:8080\";proto=http",
        ),
        ("host", "example.ch:8080"),
        ("user-agent", "test/1"),
        ("via", "1.1 simplon"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "example.ch:8080"),
        ("x-forwarded-proto", "http"),
        ("x-own", "1"),
        ("x-request-id", answer.request_id()),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(fields, expected);
}

#[tokio::test]
async fn the_request_id_is_one_and_the_same_for_client_server_and_log() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let answer = proxy.get("/").await;
    let id = answer.request_id();
    assert_eq!(id.len(), 32);
    assert_eq!(origin.only_request().request_id(), id);
    proxy.logged(|line| line["request_id"] == id).await;
    assert_ne!(proxy.get("/").await.request_id(), id);
}

const CLAIMS: [&str; 9] = [
    "x-forwarded-for: 192.0.2.66",
    "x-forwarded-proto: https",
    "x-forwarded-host: evil.test",
    "x-forwarded-port: 666",
    "x-forwarded-server: evil.test",
    "x-forwarded-prefix: /evil",
    "forwarded: for=192.0.2.66;host=evil.test",
    "x-request-id: chosen-by-client",
    "x-real-ip: 192.0.2.66",
];

#[tokio::test]
async fn what_a_stranger_claims_about_itself_is_dropped() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    proxy.client().await.ask("GET", "/", &CLAIMS, b"").await;
    let request = origin.only_request();
    for (name, value) in &request.fields {
        for lie in ["192.0.2.66", "evil", "chosen", "https"] {
            assert!(!value.contains(lie), "{name}: {value}");
        }
    }
    assert_eq!(request.field("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(request.field("x-forwarded-proto"), Some("http"));
    for name in [
        "x-real-ip",
        "x-forwarded-port",
        "x-forwarded-server",
        "x-forwarded-prefix",
    ] {
        assert!(!request.has(name), "{name}");
    }
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["client"], "127.0.0.1");
}

#[tokio::test]
async fn what_a_trusted_proxy_says_is_kept_and_extended() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(TRUSTING, &[&origin]).await;
    let lines = [
        "x-forwarded-for: 198.51.100.1, 192.0.2.66",
        "x-forwarded-for: 127.0.0.9",
        "x-forwarded-proto: https",
        "x-forwarded-host: outside.test",
        "forwarded: for=192.0.2.66",
        "x-request-id: from-the-front-1",
        "x-real-ip: 192.0.2.66",
        "remote-user: admin",
        "via: 2 front",
    ];
    let answer = proxy.client().await.ask("GET", "/", &lines, b"").await;
    assert_eq!(answer.request_id(), "from-the-front-1");
    let request = origin.only_request();
    let seen = |name| request.field(name).unwrap();
    assert_eq!(
        seen("x-forwarded-for"),
        "198.51.100.1, 192.0.2.66, 127.0.0.9, 127.0.0.1"
    );
    assert_eq!(seen("x-forwarded-proto"), "https");
    assert_eq!(seen("x-forwarded-host"), "outside.test");
    assert_eq!(
        seen("forwarded"),
        "for=192.0.2.66, for=127.0.0.1;host=\"test\";proto=http"
    );
    assert_eq!(seen("x-request-id"), "from-the-front-1");
    // An ordinary balancer passes these on as they came, so they may be a stranger's.
    assert_eq!(request.field("x-real-ip"), None);
    assert_eq!(request.field("remote-user"), None);
    assert_eq!(seen("via"), "2 front, 1.1 simplon");
    // Walked from the right: the first that is not a trusted proxy is the client.
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(line["client"], "192.0.2.66");
}

#[tokio::test]
async fn a_request_id_that_could_harm_is_replaced_even_from_a_trusted_proxy() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(TRUSTING, &[&origin]).await;
    for id in ["a b", "$(reboot)", "\"quoted\"", &"x".repeat(200)] {
        let line = format!("x-request-id: {id}");
        let answer = proxy.client().await.ask("GET", "/", &[&line], b"").await;
        assert_eq!(answer.request_id().len(), 32, "{id}");
        assert_ne!(answer.request_id(), id);
    }
}

#[tokio::test]
async fn fields_of_one_connection_stay_on_it_towards_the_server() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let lines = [
        "connection: keep-alive, x-private",
        "x-private: secret",
        "keep-alive: timeout=5",
        "proxy-connection: keep-alive",
        "te: gzip",
        "trailer: x-sum",
        "x-public: open",
    ];
    proxy.client().await.ask("GET", "/", &lines, b"").await;
    let request = origin.only_request();
    for name in ["x-private", "keep-alive", "proxy-connection", "te"] {
        assert!(!request.has(name), "{name}: {:?}", request.fields);
    }
    assert_eq!(request.field("x-public"), Some("open"));
}

#[tokio::test]
async fn fields_of_one_connection_stay_on_it_towards_the_client() {
    let origin = Origin::answering(|_| {
        Reply::ok("hello")
            .with("connection: x-private, keep-alive")
            .with("x-private: secret")
            .with("keep-alive: timeout=5")
            .with("proxy-connection: keep-alive")
            .with("via: 1.1 inner")
            .with("set-cookie: a=1")
            .with("set-cookie: b=2")
    })
    .await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let answer = proxy.get("/").await;
    for name in ["x-private", "keep-alive", "proxy-connection"] {
        assert!(!answer.has(name), "{name}: {:?}", answer.fields);
    }
    assert_eq!(answer.field("via"), Some("1.1 inner, 1.1 simplon"));
    assert_eq!(answer.all("set-cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn te_trailers_is_kept_for_servers_that_need_it() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    proxy
        .client()
        .await
        .ask("GET", "/", &["te: gzip, trailers", "connection: te"], b"")
        .await;
    assert_eq!(origin.only_request().field("te"), Some("trailers"));
}

#[tokio::test]
async fn the_prefix_taken_off_leaves_the_host_as_it_was() {
    let origin = Origin::saying("hello").await;
    let text = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ path: /app, upstream: web, strip_prefix: true }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    proxy
        .client()
        .await
        .ask("GET", "/app/x?y=%2F", &["host: example.ch"], b"")
        .await;
    let request = origin.only_request();
    assert_eq!(request.target(), "/x?y=%2F");
    assert_eq!(request.field("host"), Some("example.ch"));
}
