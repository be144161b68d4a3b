//! Nothing secret is written down, wherever a client or a server puts it, and however much is said.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::harness::{Client, Origin, Proxy, Reply, Setup, until};

/// Part of every secret.
const SECRET: &str = "s3cr3t";
/// Whose password holds it is not known; alice's is another.
const USERS: &str = "alice:$2y$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";
const PASSWORD: &str = "open sesame";

fn site(format: &str) -> String {
    format!(
        "
    log: {{ access: stdout, format: {format} }}
    upstreams:
      web: {{ servers: [$1], health: {{ path: '/?key={SECRET}', interval: 100ms }} }}
      auth: {{ servers: [$2] }}
      gone: {{ servers: [127.0.0.1:$other] }}
    routes:
      - {{ upstream: web }}
      - {{ path: /basic, upstream: web, basic_auth: {{ users: users }} }}
      - {{ path: /asked, upstream: web, forward_auth: {{ upstream: auth, path: '/verify?key={SECRET}', copy_headers: [Remote-User] }} }}
      - {{ path: /gone, upstream: gone }}
      - {{ path: /moved, redirect: {{ to: 'https://a.test/?key={SECRET}', status: 302 }} }}
    "
    )
}

fn basic(name: &str, password: &str) -> String {
    let encoded = STANDARD.encode(format!("{name}:{password}"));
    format!("authorization: Basic {encoded}")
}

/// Every place that a client can put a secret, but a path and a name that is shown to be one.
async fn send_secrets(proxy: &Proxy, path: &str) {
    let query = format!("{path}?token={SECRET}");
    let cases: [(&str, &str, String); 10] = [
        ("GET", &query, format!("x-case: {SECRET}")),
        ("GET", path, format!("authorization: Bearer {SECRET}")),
        ("GET", path, format!("proxy-authorization: Basic {SECRET}")),
        ("GET", path, format!("cookie: session={SECRET}")),
        ("GET", path, basic("alice", SECRET)),
        ("GET", path, basic(SECRET, "a password in the wrong field")),
        ("GET", path, basic("alice", PASSWORD)),
        (
            "GET",
            path,
            format!("referer: https://a.test/b?key={SECRET}#c"),
        ),
        ("GET", path, format!("referer: https://a.test/b#{SECRET}")),
        (
            "GET",
            path,
            format!("referer: https://ada:{SECRET}@a.test/b"),
        ),
    ];
    for (method, target, line) in &cases {
        let mut client = proxy.client().await;
        client.ask(method, target, &[line], b"").await;
    }
    let form = format!("password={SECRET}");
    let mut client = proxy.client().await;
    client.ask("POST", path, &[], form.as_bytes()).await;
}

/// Heads that are refused before anybody knows what they mean.
async fn send_broken(proxy: &Proxy) {
    let long = "a".repeat(70_000);
    for head in [
        format!("GET http://ada:{SECRET}@test/ HTTP/1.1\r\nhost: test\r\n\r\n"),
        format!("GET http://test/?token={SECRET} HTTP/1.1\r\nhost: test\r\n\r\n"),
        format!("GET /?token={SECRET} HTTP/1.1\r\nhost: ada:{SECRET}@test\r\n\r\n"),
        format!("GET /%zz?token={SECRET} HTTP/1.1\r\nhost: test\r\n\r\n"),
        format!("GET /?token={SECRET} HTTP/1.1\r\nno field {SECRET}\r\n\r\n"),
        format!(
            "GET /?token={SECRET} HTTP/1.1\r\nhost: test\r\ncookie: a={SECRET}\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"
        ),
        format!("GET /?token={SECRET} HTTP/9\r\nhost: test\r\n\r\n"),
        format!("GET /?token={SECRET}{long} HTTP/1.1\r\nhost: test\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: test\r\ncookie: {SECRET}{long}\r\n\r\n"),
    ] {
        let mut client = Client::connect(proxy.http()).await;
        client.wire.try_send(head.as_bytes()).await.ok();
        client.wire.read_response("GET").await.ok();
    }
}

/// The secrets that are in these lines.
fn leaks(lines: &[String]) -> Vec<&String> {
    let encoded = [
        STANDARD.encode(format!("alice:{PASSWORD}")),
        STANDARD.encode(format!("alice:{SECRET}")),
    ];
    let is_leak = |line: &&String| {
        line.contains(SECRET)
            || line.contains(PASSWORD)
            || encoded.iter().any(|secret| line.contains(secret))
    };
    lines.iter().filter(is_leak).collect()
}

#[tokio::test]
async fn no_secret_gets_into_a_log_however_much_is_said() {
    let web = Origin::answering(|_| {
        Reply::ok(SECRET)
            .with(format!("set-cookie: session={SECRET}"))
            .with(format!("location: /?code={SECRET}"))
    })
    .await;
    let auth = Origin::answering(|request| {
        let reply = if request.has("cookie") {
            Reply::ok("")
        } else {
            Reply::new(401, SECRET)
        };
        reply.with(format!("set-cookie: session={SECRET}"))
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("users"), USERS).unwrap();
    let proxy = Setup::of(&site("json"))
        .before(&[&web, &auth])
        .kept_in(directory)
        .with(|command| {
            command.env("SIMPLON_LOG", "debug");
        })
        .start()
        .await;
    for (turn, format) in ["json", "combined"].into_iter().enumerate() {
        proxy.rewrite(&site(format));
        proxy.reload().await;
        for path in ["/open", "/basic", "/asked", "/gone", "/moved"] {
            send_secrets(&proxy, path).await;
        }
        send_broken(&proxy).await;
        // 11 requests to each of 5 paths, and 9 that are broken.
        let sent = (turn + 1) * (11 * 5 + 9);
        until("all are logged", async || {
            proxy.output().lines().len() >= sent
        })
        .await;
    }
    assert!(proxy.output().has("\"path\":\"/basic\""));
    assert!(proxy.output().has("\"GET /asked HTTP/1.1\""));
    assert!(proxy.output().has("\"user\":\"alice\""), "one was right");
    proxy.errors().await_line("DEBUG").await;
    assert_eq!(leaks(&proxy.output().lines()), Vec::<&String>::new());
    assert_eq!(leaks(&proxy.errors().lines()), Vec::<&String>::new());
}
