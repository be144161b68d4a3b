//! `access`: networks in the configuration and in files, whoever speaks for the client.

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::{asked_by, logged, ruled};
use crate::harness::{Client, Origin, Proxy, Wire};

/// A proxy that believes its neighbour, with one policy for all.
fn guarded(access: &str) -> String {
    format!(
        "
        trusted_proxies: [127.0.0.0/8]
        upstreams: {{ web: {{ servers: [$1] }} }}
        defaults: {{ access: {access} }}
        routes:
          - {{ upstream: web }}
          - {{ path: /open, upstream: web, access: false }}
        "
    )
}

#[tokio::test]
async fn the_client_that_counts_is_whom_a_trusted_proxy_names() {
    let origin = Origin::saying("hello").await;
    let text = guarded("{ allow: [203.0.113.0/24, '2001:db8::/32'], deny: [203.0.113.128/25] }");
    let proxy = Proxy::with(&text, &[&origin]).await;
    for (client, status) in [
        ("203.0.113.7", 200),
        ("203.0.113.200", 403),
        ("198.51.100.1", 403),
        ("2001:db8::9", 200),
        ("2001:db9::9", 403),
        ("::ffff:203.0.113.7", 200),
        ("203.0.113.7, 198.51.100.1", 403), // nobody vouches for what stands further left
    ] {
        let answer = asked_by(&proxy, client, "/").await;
        assert_eq!(answer.status(), status, "{client}");
        assert_eq!(
            asked_by(&proxy, client, "/open").await.status(),
            200,
            "{client}"
        );
    }
    // Who names nobody is the proxy itself.
    assert_eq!(proxy.get("/").await.status(), 403);
}

#[tokio::test]
async fn a_refusal_is_a_page_counted_and_logged_and_no_server_hears_of_it() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&guarded("{ deny: [203.0.113.7] }"), &[&origin]).await;
    let mut client = proxy.client().await;
    let lines = ["x-forwarded-for: 203.0.113.7", "accept: application/json"];
    let answer = client.ask("GET", "/", &lines, b"").await;
    assert_eq!(answer.status(), 403);
    assert_eq!(
        answer.field("content-type"),
        Some("application/problem+json")
    );
    let detail = "This address is not open to your network.";
    assert_eq!(answer.json()["detail"], detail);
    let line = logged(&proxy, &answer).await;
    assert_eq!(line["refusal"], "access_denied");
    assert_eq!(line["policy"], "access");
    assert_eq!(line["client"], "203.0.113.7");
    assert_eq!(ruled(&proxy, "access", "refused").await, 1);
    assert_eq!(origin.count("/"), 0);

    // The connection is in order, and carries another client's request.
    let answer = client
        .ask("GET", "/", &["x-forwarded-for: 203.0.113.8"], b"")
        .await;
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    let answer = client.ask("GET", "/", &lines[..1], b"").await;
    assert!(
        answer.text().contains("<h1>403 Forbidden</h1>"),
        "{answer:?}"
    );
    assert!(answer.text().contains(detail), "{answer:?}");
}

#[tokio::test]
async fn who_only_observes_lets_pass_and_tells() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(
        &guarded("{ allow: [10.0.0.0/8], mode: observe }"),
        &[&origin],
    )
    .await;
    let answer = asked_by(&proxy, "203.0.113.7", "/").await;
    assert_eq!((answer.status(), answer.text()), (200, "hello"));
    let line = logged(&proxy, &answer).await;
    assert_eq!(line["observed"], serde_json::json!(["access"]));
    assert!(
        line["policy"].is_null() && line["refusal"].is_null(),
        "{line}"
    );
    assert_eq!(ruled(&proxy, "access", "observed").await, 1);
    assert_eq!(ruled(&proxy, "access", "refused").await, 0);
    let answer = asked_by(&proxy, "10.1.1.1", "/").await;
    assert!(logged(&proxy, &answer).await["observed"].is_null());
}

#[tokio::test]
async fn the_client_of_a_proxy_header_counts_too() {
    let origin = Origin::saying("hello").await;
    let text = "
        listeners: { http: { bind: '127.0.0.1:$http', proxy_protocol: { from: [127.0.0.1] } } }
        upstreams: { web: { servers: [$1] } }
        routes: [{ upstream: web, access: { deny: [203.0.113.0/24, '2001:db8::/32'] } }]
        ";
    let proxy = Proxy::with(text, &[&origin]).await;
    for (header, status) in [
        ("PROXY TCP4 203.0.113.7 198.51.100.2 5555 80\r\n", 403),
        ("PROXY TCP4 203.0.112.7 198.51.100.2 5555 80\r\n", 200),
        ("PROXY TCP6 2001:db8::7 2001:db8::2 5555 80\r\n", 403),
        (
            "PROXY TCP6 ::ffff:203.0.113.9 ::ffff:198.51.100.2 5555 80\r\n",
            403,
        ),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", proxy.http()))
            .await
            .unwrap();
        stream.write_all(header.as_bytes()).await.unwrap();
        let mut client = Client::new(Wire::new(stream));
        assert_eq!(client.get("/").await.status(), status, "{header}");
    }
}

#[tokio::test]
async fn a_client_of_ipv6_is_known_by_its_own_address() {
    if TcpListener::bind("[::1]:0").await.is_err() {
        return; // a machine without IPv6
    }
    let text = "
        listeners: { http: { bind: ['127.0.0.1:$http', '[::1]:$http'] } }
        routes: [{ respond: { body: hello }, access: { allow: ['::1'] } }]
        ";
    let proxy = Proxy::with(text, &[]).await;
    let stream = TcpStream::connect(("::1", proxy.http())).await.unwrap();
    assert_eq!(Client::new(Wire::new(stream)).get("/").await.status(), 200);
    assert_eq!(proxy.get("/").await.status(), 403);
}

#[tokio::test]
async fn lists_are_read_again_with_each_reload() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("drop.txt");
    std::fs::write(&list, "; a list\n203.0.113.0/24 ; SBL1\n").unwrap();
    let origin = Origin::saying("hello").await;
    let text = guarded("{ deny_file: drop.txt, deny: [192.0.2.1] }");
    let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
    let statuses = async || {
        let mut statuses = Vec::new();
        for client in ["203.0.113.7", "198.51.100.1", "192.0.2.1"] {
            statuses.push(asked_by(&proxy, client, "/").await.status());
        }
        statuses
    };
    assert_eq!(statuses().await, [403, 200, 403]);
    std::fs::write(&list, "198.51.100.1\n").unwrap();
    assert_eq!(statuses().await, [403, 200, 403]);
    proxy.reload().await;
    assert_eq!(statuses().await, [200, 403, 403]);
}

#[tokio::test]
async fn a_list_that_cannot_be_used_refuses_the_reload() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("office.txt");
    std::fs::write(&list, "203.0.113.7\n").unwrap();
    let origin = Origin::saying("hello").await;
    let text = guarded("{ allow_file: [office.txt] }");
    let proxy = Proxy::in_directory(directory, &text, &[&origin]).await;
    std::fs::write(&list, "203.0.113.7\n\nthe office\n").unwrap();
    proxy.reload_in_vain().await;
    let told = "office.txt:3:1: this line is neither a network nor an address";
    proxy.errors().await_line(told).await;
    let check = proxy.command("check").await;
    assert!(check.errors.contains(told), "{}", check.errors);
    std::fs::remove_file(&list).unwrap();
    proxy.reload_in_vain().await;
    // What was read before goes on.
    assert_eq!(asked_by(&proxy, "203.0.113.7", "/").await.status(), 200);
    assert_eq!(asked_by(&proxy, "203.0.113.8", "/").await.status(), 403);
    // An empty list is one all the same.
    std::fs::write(&list, "# nobody\n").unwrap();
    proxy.reload().await;
    assert_eq!(asked_by(&proxy, "203.0.113.7", "/").await.status(), 403);
}
