//! Who is believed.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::harness::{
    Certificates, Deaf, Handshake, Origin, Proxy, Reply, binary, in_time, make_pipe,
};

use super::{hello, in_front_of, knowing, web};

#[tokio::test]
async fn a_server_that_proves_who_it_is_gets_the_request_as_ever() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    let answer = proxy.get("/a?b").await;
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    let request = origin.only_request();
    assert_eq!(request.start, "GET /a?b HTTP/1.1");
    // It says how the client came, not how we go on.
    assert_eq!(request.field("x-forwarded-proto"), Some("http"));
    assert_eq!(request.field("host"), Some("test"));
}

#[tokio::test]
async fn the_name_is_the_one_that_is_written_or_that_of_the_address() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["api.lan", "localhost"])).await;
    let port = origin.port();
    let text = format!(
        "
        upstreams:
          written: {{ servers: [$1], tls: {{ ca: ca.pem, server_name: API.lan }} }}
          by_name: {{ servers: ['localhost:{port}'], tls: {{ ca: ca.pem }} }}
          by_address: {{ servers: [$1], tls: {{ ca: ca.pem }} }}
        routes:
          - {{ path: /written, upstream: written }}
          - {{ path: /by_name, upstream: by_name }}
          - {{ path: /by_address, upstream: by_address }}
        "
    );
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[&origin]).await;
    assert_eq!(proxy.get("/written").await.status(), 200);
    assert_eq!(proxy.get("/by_name").await.status(), 200);
    assert_eq!(proxy.get("/by_address").await.status(), 502);
    let line = proxy
        .errors()
        .await_line("its certificate is not for")
        .await;
    assert!(
        line.contains("by_address") && line.contains(&port.to_string()),
        "{line}"
    );
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_hears_nothing() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let table: [(Handshake, &str); 4] = [
        (
            stranger.handshake(&["127.0.0.1"]),
            "its certificate is signed by no authority that we trust",
        ),
        (
            authority.handshake(&["127.0.0.2", "other.lan"]),
            "its certificate is not for 127.0.0.1 but for",
        ),
        (
            authority.expired(&["127.0.0.1"]),
            "its certificate has expired",
        ),
        (
            authority.handshake(&["127.0.0.1"]).speaking(&["spdy"]),
            "it does not speak the protocol that we want (ALPN)",
        ),
    ];
    for (handshake, words) in table {
        let origin = hello(&handshake).await;
        let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
        let mut client = proxy.client().await;
        for _ in 0..3 {
            let answer = client.ask("POST", "/secret", &[], b"body").await;
            assert_eq!(answer.status(), 502, "{words}");
            client = proxy.client().await;
        }
        let line = proxy.errors().await_line(words).await;
        assert!(
            line.contains("web") && line.contains(&origin.to_string()),
            "{line}"
        );
        let lines = proxy.errors().lines();
        let count = lines.iter().filter(|line| line.contains(words)).count();
        assert_eq!(count, 1, "a failing server does not fill the log");
        let logged = proxy.logged(|line| line["path"] == "/secret").await;
        assert_eq!(logged["refusal"], "connect_failed");
        assert!(origin.requests().is_empty());
    }
}

#[tokio::test]
async fn the_system_does_not_know_an_authority_of_ones_own() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "true").await;
    assert_eq!(proxy.get("/").await.status(), 502);
    proxy
        .errors()
        .await_line("no authority that we trust")
        .await;
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_hears_no_request() {
    let authority = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let hearing = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let count = stream.read(&mut heard).await.unwrap();
        let answer = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        heard.truncate(count);
        stream.read_to_end(&mut heard).await.unwrap();
        heard
    });
    let text = web("{ ca: ca.pem }").replace("$1", &server.to_string());
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[]).await;
    assert_eq!(proxy.get("/secret").await.status(), 502);
    proxy.errors().await_line("it does not speak TLS").await;
    let heard = in_time("it hears the end", hearing).await.unwrap();
    assert_eq!(heard[0], 22, "the beginning of a handshake");
    assert!(!heard.windows(6).any(|word| word == b"secret"));
}

#[tokio::test]
async fn the_handshake_must_be_over_within_the_time_to_connect() {
    let authority = Certificates::new();
    let (silent, deaf) = (Origin::silent().await, Deaf::new());
    let text = format!(
        "
        upstreams:
          silent: {{ servers: [$1], tls: {{ ca: ca.pem }}, timeouts: {{ connect: 200ms }} }}
          deaf: {{ servers: ['{deaf}'], tls: {{ ca: ca.pem }}, timeouts: {{ connect: 200ms }} }}
        routes: [{{ path: /silent, upstream: silent }}, {{ path: /deaf, upstream: deaf }}]
        "
    );
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[&silent]).await;
    for path in ["/silent", "/deaf"] {
        assert_eq!(proxy.get(path).await.status(), 504, "{path}");
    }
    let words = "no connection and handshake within 200ms";
    proxy.errors().await_line(words).await;
}

#[tokio::test]
async fn verification_can_be_turned_off_and_check_says_what_that_means() {
    let stranger = Certificates::new();
    let origin = hello(&stranger.expired(&["nobody.lan"])).await;
    let proxy = Proxy::with(&web("{ verify: false }"), &[&origin]).await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    let checked = proxy.command("check").await;
    assert_eq!(checked.code, Some(0));
    assert!(checked.errors.contains("nothing proves"), "{checked:?}");
}

#[tokio::test]
async fn our_certificate_is_shown_to_a_server_that_wants_one() {
    let authority = Certificates::new();
    let origin = hello(&authority.mutual(&["127.0.0.1"])).await;
    let directory = knowing(&authority);
    authority.write(directory.path(), "edge", &["edge.lan"]);
    let text = "
        upstreams:
          with: { servers: [$1], tls: { ca: ca.pem, certificate: edge.pem, key: edge.key } }
          without: { servers: [$1], tls: { ca: ca.pem } }
        routes: [{ path: /with, upstream: with }, { path: /without, upstream: without }]
        ";
    let proxy = Proxy::in_directory(directory, text, &[&origin]).await;
    assert_eq!(proxy.get("/with").await.status(), 200);
    for _ in 0..3 {
        assert_eq!(proxy.get("/without").await.status(), 502);
    }
    assert_eq!(proxy.get("/with").await.status(), 200);
    assert_eq!(origin.count("/without"), 0);
    proxy
        .errors()
        .await_line("it wants a certificate from us")
        .await;
}

#[tokio::test]
async fn another_server_is_tried_when_one_cannot_prove_who_it_is() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let good = hello(&authority.handshake(&["127.0.0.1"])).await;
    let bad = Origin::secured(&stranger.handshake(&["127.0.0.1"]), |_| Reply::ok("bad")).await;
    let text = "
        upstreams: { web: { servers: [$1, $2], tls: { ca: ca.pem } } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::in_directory(knowing(&authority), text, &[&bad, &good]).await;
    for _ in 0..4 {
        // Not even a POST has been heard by the other: it may go on.
        let answer = proxy.client().await.ask("POST", "/", &[], b"body").await;
        assert_eq!((answer.status(), answer.text()), (200, "hello"));
    }
    assert!(bad.requests().is_empty());
    let server = bad.to_string();
    let labels = [
        ("upstream", "web"),
        ("server", &*server),
        ("kind", "connect"),
    ];
    proxy
        .await_metric("simplon_server_failures_total", &labels, 2)
        .await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_errors_of_the_configuration() {
    let authority = Certificates::new();
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let proxy = in_front_of(&origin, &authority, "{ ca: ca.pem }").await;
    authority.write(proxy.directory(), "edge", &["edge.lan"]);
    authority.write(proxy.directory(), "other", &["other.lan"]);
    make_pipe(&proxy.directory().join("pipe"));
    let long = vec![b'\n'; (16 << 20) + 1];
    std::fs::write(proxy.directory().join("long.pem"), long).unwrap();
    let table = [
        ("{ ca: nowhere.pem }", "cannot read the authorities in"),
        ("{ ca: edge.key }", "holds no certificate"),
        ("{ ca: pipe }", "it is not a regular file"),
        ("{ ca: long.pem }", "it is longer than 16 MiB"),
        (
            "{ certificate: edge.pem, key: other.key }",
            "do not belong together",
        ),
    ];
    for (tls, words) in table {
        proxy.rewrite(&web(tls));
        let checked = proxy.command("check").await;
        assert_eq!(checked.code, Some(2), "{tls}");
        assert!(checked.errors.contains(words), "{checked:?}");
        assert!(checked.errors.contains("simplon.yaml:"), "{checked:?}");
    }
    proxy.reload_in_vain().await;
    assert_eq!(proxy.get("/").await.text(), "hello");
}

#[tokio::test]
async fn a_system_without_authorities_is_an_error_that_says_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name| directory.path().join(name);
    std::fs::write(path("none.pem"), "").unwrap();
    let config = |tls: &str| {
        format!(
            "listeners: {{ http: {{ bind: '127.0.0.1:1' }} }}\n\
             upstreams: {{ web: {{ servers: ['127.0.0.1:2'], tls: {tls} }} }}\n\
             routes: [{{ upstream: web }}]\n"
        )
    };
    for (tls, code) in [("true", 2), ("{ verify: false }", 0)] {
        std::fs::write(path("simplon.yaml"), config(tls)).unwrap();
        let mut check = binary();
        check.arg("check").arg("-c").arg(path("simplon.yaml"));
        check.env("SSL_CERT_FILE", path("none.pem"));
        check.env_remove("SSL_CERT_DIR");
        let output = in_time("the check", check.output()).await.unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert_eq!(
            errors.contains("install the package ca-certificates"),
            code == 2
        );
    }
}

#[tokio::test]
async fn a_connection_without_tls_is_never_used_for_a_server_with_it() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let origin = Origin::secured_and_plain(&authority.handshake(&["127.0.0.1"])).await;
    let directory = knowing(&authority);
    stranger.write_authority(&directory.path().join("stranger.pem"));
    let text = "
        upstreams:
          plain: { servers: [$1] }
          secure: { servers: [$1], tls: { ca: ca.pem } }
          wrong: { servers: [$1], tls: { ca: stranger.pem } }
        routes:
          - { path: /plain, upstream: plain }
          - { path: /secure, upstream: secure }
          - { path: /wrong, upstream: wrong }
        ";
    let proxy = Proxy::in_directory(directory, text, &[&origin]).await;
    // One after the other on one connection, so that what the last request used is free for the next.
    let mut client = proxy.client().await;
    for _ in 0..3 {
        assert_eq!(client.get("/plain").await.text(), "hello");
        assert_eq!(client.get("/secure").await.text(), "hello");
        assert_eq!((origin.secured_connections(), origin.connections()), (1, 2));
    }
    // Nor for a request that may become a tunnel.
    let upgrade = ["connection: upgrade", "upgrade: websocket"];
    for (path, expected) in [("/plain", (1, 3)), ("/secure", (2, 4))] {
        let answer = proxy.client().await.ask("GET", path, &upgrade, b"").await;
        assert_eq!(answer.text(), "hello");
        let seen = (origin.secured_connections(), origin.connections());
        assert_eq!(seen, expected, "{path}");
    }
    for _ in 0..2 {
        assert_eq!(proxy.get("/plain").await.text(), "hello");
        for lines in [&upgrade[..], &[]] {
            let answer = proxy.client().await.ask("GET", "/wrong", lines, b"").await;
            assert_eq!(answer.status(), 502);
        }
    }
    assert_eq!(origin.count("/wrong"), 0);
}

#[tokio::test]
async fn a_server_that_gets_tls_by_a_reload_gets_nothing_without_it() {
    let authority = Certificates::new();
    let origin = Origin::secured_and_plain(&authority.handshake(&["127.0.0.1"])).await;
    let plain = "
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web }]
        ";
    let proxy = Proxy::in_directory(knowing(&authority), plain, &[&origin]).await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!(origin.secured_connections(), 0);
    proxy.rewrite(&web("{ ca: ca.pem }"));
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!((origin.secured_connections(), origin.connections()), (1, 2));
    // And back.
    proxy.rewrite(plain);
    proxy.reload().await;
    assert_eq!(proxy.get("/").await.text(), "hello");
    assert_eq!(origin.secured_connections(), 1);
}
