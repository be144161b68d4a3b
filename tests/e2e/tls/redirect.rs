//! `redirect: https` leads to the same host and path, or nowhere.

use crate::harness::{Client, Proxy};

const TEXT: &str = "
    listeners:
      http: { bind: '127.0.0.1:$http', redirect: https }
      https: { bind: '127.0.0.1:$https', tls: modern }
    certificates: [{ hosts: [localhost], self_signed: true }]
    routes: [{ respond: { body: secure } }]
    ";

/// Host and path.
type Place = (&'static str, &'static str);

/// Request line and header lines, and where they lead, or nothing for a refusal.
const CASES: &[(&str, &str, Option<Place>)] = &[
    (
        "GET /a/b?c=d HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/a/b?c=d")),
    ),
    (
        "GET / HTTP/1.1",
        "host: example.ch:8080",
        Some(("example.ch", "/")),
    ),
    (
        "GET / HTTP/1.1",
        "host: EXAMPLE.ch.",
        Some(("example.ch", "/")),
    ),
    ("GET / HTTP/1.1", "host: example.ch..", None),
    (
        "GET / HTTP/1.1",
        "host: [2001:DB8::1]:80",
        Some(("[2001:db8::1]", "/")),
    ),
    ("GET / HTTP/1.1", "host: [::1", None),
    ("GET / HTTP/1.1", "host: [::1]evil.test", None),
    ("GET / HTTP/1.1", "host: [::1%25eth0]", None),
    ("GET / HTTP/1.1", "host: 2001:db8::1", None),
    (
        "GET / HTTP/1.1",
        "host: 192.0.2.1",
        Some(("192.0.2.1", "/")),
    ),
    (
        "GET / HTTP/1.1",
        "host: xn--bcher-kva.example",
        Some(("xn--bcher-kva.example", "/")),
    ),
    ("GET / HTTP/1.1", "host: bücher.example", None),
    // Hosts that are none.
    ("GET / HTTP/1.1", "host: example.ch@evil.test", None),
    ("GET / HTTP/1.1", "host: user:word@example.ch", None),
    ("GET / HTTP/1.1", "host: example.ch:80@evil.test", None),
    ("GET / HTTP/1.1", "host: example.ch:443:80", None),
    ("GET / HTTP/1.1", "host: example.ch:port", None),
    ("GET / HTTP/1.1", "host: example.ch:99999", None),
    ("GET / HTTP/1.1", "host: example.ch:+80", None),
    ("GET / HTTP/1.1", "host: example.ch/evil", None),
    ("GET / HTTP/1.1", "host: //evil.test", None),
    ("GET / HTTP/1.1", "host: example.ch\\@evil.test", None),
    ("GET / HTTP/1.1", "host: evil.test#example.ch", None),
    ("GET / HTTP/1.1", "host: evil.test?example.ch", None),
    (
        "GET / HTTP/1.1",
        "host: example.ch%0d%0alocation:%20//evil.test",
        None,
    ),
    ("GET / HTTP/1.1", "host: example.ch evil.test", None),
    ("GET / HTTP/1.1", "host: example.ch, evil.test", None),
    (
        "GET / HTTP/1.1",
        "host: example.ch\r\nhost: evil.test",
        None,
    ),
    (
        "GET / HTTP/1.1",
        "host: example.ch\r\nx-forwarded-host: evil.test",
        Some(("example.ch", "/")),
    ),
    ("GET / HTTP/1.1", "host:", None),
    ("GET / HTTP/1.1", "accept: */*", None),
    ("GET / HTTP/1.0", "accept: */*", None),
    (
        "GET /a HTTP/1.0",
        "host: example.ch",
        Some(("example.ch", "/a")),
    ),
    // Targets that want to be hosts.
    (
        "GET //evil.test HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/evil.test")),
    ),
    (
        "GET ///evil.test/.. HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/")),
    ),
    ("GET /\\evil.test HTTP/1.1", "host: example.ch", None),
    ("GET \\\\evil.test HTTP/1.1", "host: example.ch", None),
    ("GET /%5cevil.test HTTP/1.1", "host: example.ch", None),
    (
        "GET /@evil.test HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/@evil.test")),
    ),
    ("GET @evil.test HTTP/1.1", "host: example.ch", None),
    ("GET .evil.test HTTP/1.1", "host: example.ch", None),
    ("GET evil.test HTTP/1.1", "host: example.ch", None),
    ("GET :8443/ HTTP/1.1", "host: example.ch", None),
    ("GET ?@evil.test HTTP/1.1", "host: example.ch", None),
    (
        "GET /?//evil.test HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/?//evil.test")),
    ),
    (
        "GET /a?b=http://evil.test/ HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/a?b=http://evil.test/")),
    ),
    (
        "GET /a%0d%0alocation:%20//evil.test HTTP/1.1",
        "host: example.ch",
        None,
    ),
    (
        "GET /?%0d%0alocation:%20//evil.test HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/?%0d%0alocation:%20//evil.test")),
    ),
    ("GET /a\rb HTTP/1.1", "host: example.ch", None),
    ("GET /a%2f..%2fb HTTP/1.1", "host: example.ch", None),
    ("GET /%00 HTTP/1.1", "host: example.ch", None),
    ("GET /é HTTP/1.1", "host: example.ch", None),
    ("GET /a#b HTTP/1.1", "host: example.ch", None),
    ("OPTIONS * HTTP/1.1", "host: example.ch", None),
    (
        "CONNECT evil.test:443 HTTP/1.1",
        "host: evil.test:443",
        None,
    ),
    // Absolute targets (RFC 9112 section 3.2.2): what they name is the host.
    (
        "GET http://example.ch/a HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/a")),
    ),
    (
        "GET http://example.ch?b HTTP/1.1",
        "host: example.ch",
        Some(("example.ch", "/?b")),
    ),
    (
        "GET HTTP://EXAMPLE.ch:80/a HTTP/1.1",
        "host: example.ch",
        None,
    ),
    ("GET http://evil.test/a HTTP/1.1", "host: example.ch", None),
    (
        "GET http://example.ch@evil.test/ HTTP/1.1",
        "host: example.ch",
        None,
    ),
    (
        "GET http://example.ch\\@evil.test/ HTTP/1.1",
        "host: example.ch",
        None,
    ),
    ("GET http:///evil.test HTTP/1.1", "host: example.ch", None),
    (
        "GET javascript://example.ch/%0aalert(1) HTTP/1.1",
        "host: example.ch",
        None,
    ),
];

#[tokio::test]
async fn no_trick_makes_the_redirect_lead_elsewhere() {
    let proxy = Proxy::with(TEXT, &[]).await;
    let port = proxy.https();
    let mut wrong = Vec::new();
    for (line, fields, expected) in CASES {
        let mut client = Client::connect(proxy.http()).await;
        client.send(format!("{line}\r\n{fields}\r\n\r\n")).await;
        let answer = client.response().await;
        let found = (answer.status(), answer.field("location").map(str::to_owned));
        let fits = match (expected, &found) {
            (Some((host, path)), (308, Some(location))) => {
                *location == format!("https://{host}:{port}{path}")
            }
            (None, (400..=499, None)) => true,
            _ => false,
        };
        if !fits {
            wrong.push(format!("{line:?} {fields:?}: {found:?}, not {expected:?}"));
        }
        assert_eq!(answer.all("location").len(), usize::from(found.1.is_some()));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
