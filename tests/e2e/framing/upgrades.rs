//! Upgrades: no byte of a tunnel reaches a server before it has agreed to one, and none opens that nobody asked for.

use crate::harness::{Client, Proxy, Recorder};

const WEBSOCKET: &str = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const HIDDEN: &str = "GET /smuggled HTTP/1.1\r\nhost: test\r\n\r\n";

async fn scene() -> (Recorder, Proxy) {
    let recorder = Recorder::start().await;
    let text = format!(
        "
        upstreams: {{ web: {{ servers: [{recorder}] }} }}
        routes: [{{ upstream: web }}]
        "
    );
    let proxy = Proxy::with(&text, &[]).await;
    (recorder, proxy)
}

async fn ask(proxy: &Proxy, path: &str, lines: &str, after: &str) -> Client {
    let mut client = proxy.client().await;
    let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{lines}\r\n");
    client.send(head + after).await;
    client
}

#[tokio::test]
async fn what_a_client_says_too_early_is_the_tunnels_and_no_request() {
    let (recorder, proxy) = scene().await;
    for _ in 0..20 {
        let mut client = ask(&proxy, "/agree", WEBSOCKET, HIDDEN).await;
        assert_eq!(client.response().await.status(), 101);
        let echo = client.wire.read_exactly(HIDDEN.len()).await.unwrap();
        assert_eq!(echo, HIDDEN.to_ascii_uppercase().into_bytes());
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
    assert_eq!(recorder.count("/smuggled"), 0);
}

#[tokio::test]
async fn what_follows_an_upgrade_that_is_declined_is_a_request_of_its_own() {
    let (recorder, proxy) = scene().await;
    let version_777 = WEBSOCKET.replace("version: 13", "version: 777");
    let second = "GET /second HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6\r\nconnection: close\r\n\r\n";
    let mut client = ask(&proxy, "/first", &version_777, second).await;
    assert_eq!(client.response().await.status(), 426);
    // It may be served or not be, but not unseen by us.
    if let Ok(answer) = client.wire.read_response("GET").await {
        assert_eq!(answer.text(), "/second");
        let heard = recorder.heard("/second").unwrap();
        assert_eq!(heard.field("x-forwarded-for").as_deref(), Some("127.0.0.1"));
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_agrees_to_what_nobody_asked_for_gets_no_tunnel() {
    let (recorder, proxy) = scene().await;
    for lines in [
        "",
        "upgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n",
        "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
        "connection: upgrade\r\nupgrade: h2c, websocket\r\n",
        "connection: upgrade\r\nupgrade: websocket, h2c\r\n",
    ] {
        let mut client = ask(&proxy, "/agree", lines, HIDDEN).await;
        let answer = client.response().await;
        assert_eq!(answer.status(), 502, "{lines:?}");
        let rest = client.wire.read_to_end().await.unwrap_or_default();
        let rest = String::from_utf8_lossy(&rest);
        assert!(!rest.contains("GET /SMUGGLED"), "{lines:?}: {rest}");
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn the_body_of_an_upgrade_is_a_body() {
    let (recorder, proxy) = scene().await;
    let length = format!("{WEBSOCKET}content-length: {}\r\n", HIDDEN.len());
    let chunked = format!("{WEBSOCKET}transfer-encoding: chunked\r\n");
    let chunks = format!("{:x}\r\n{HIDDEN}\r\n0\r\n\r\n", HIDDEN.len());
    for (lines, body) in [(length, HIDDEN), (chunked, &chunks)] {
        for path in ["/agree", "/decline"] {
            let mut client = ask(&proxy, path, &lines, body).await;
            // An ordinary request: the server is not asked to switch, and must not.
            let status = if path == "/agree" { 502 } else { 200 };
            assert_eq!(client.response().await.status(), status, "{path} {lines:?}");
        }
    }
    assert_eq!(recorder.faults(), Vec::<String>::new());
    assert_eq!(recorder.count("/smuggled"), 0);
}
