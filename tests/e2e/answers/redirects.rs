//! Redirects: where they lead, and where no trick makes them lead.

use super::{ask, site};

const SITE: &str = r#"
routes:
  - { path: /blog, redirect: { match: "^/blog/([0-9]+)$", to: "https://example.ch/posts/{1}" } }
  - { path: /old, redirect: { match: "^/old(.*)$", to: "/new{1}", status: 301, keep_query: true } }
  - { path: /bare, redirect: { match: "^/bare/x(.*)$", to: "/{1}" } }
  - { path: /host, redirect: { to: "https://www.{host}{uri}", status: 307 } }
  - { path: /find, redirect: { match: "^/find/(.*)$", to: "/search?q={1}", status: 302 } }
  - { path: /query, redirect: { to: "/{query}", status: 302 } }
  - { path: /fixed, redirect: { to: /there, status: 303 } }
"#;

#[tokio::test]
async fn a_redirect_leads_where_it_says_however_a_client_comes() {
    let proxy = site(SITE, &[], &[]).await;
    for (path, status, to) in [
        ("/blog/42", 308, Some("https://example.ch/posts/42")),
        ("/blog/42?x=1", 308, Some("https://example.ch/posts/42")),
        ("/blog/%34%32", 308, Some("https://example.ch/posts/42")),
        ("/blog//./42", 308, Some("https://example.ch/posts/42")),
        ("/blog/x", 404, None),
        ("/blog", 404, None),
        ("/old/a%20b?x=1&y", 301, Some("/new/a%20b?x=1&y")),
        ("/old", 301, Some("/new")),
        ("/host/a?b=c", 307, Some("https://www.localhost/host/a?b=c")),
        ("/find/a&b=c", 302, Some("/search?q=a%26b=c")),
        ("/fixed/anything?x", 303, Some("/there")),
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            let seen = ask(&proxy, method, path, &[], &["location"]).await;
            assert_eq!(seen.status, status, "{method} {path}");
            assert_eq!(seen.fields[0].as_deref(), to, "{method} {path}");
        }
    }
    let line = proxy.logged(|line| line["path"] == "/blog/x").await;
    assert_eq!(
        (&line["refusal"], &line["route"]),
        (&"no_route".into(), &"*/blog".into())
    );
}

/// Each of these has led users of some proxy to a host of the attacker's choice, or split a response.
#[tokio::test]
async fn no_trick_makes_a_redirect_lead_to_another_host() {
    let proxy = site(SITE, &[], &[]).await;
    let tricks = [
        "/bare/x/evil.test",
        "/bare/x//evil.test",
        "/bare/x///evil.test/%2e%2e",
        "/bare/x/%2f/evil.test",
        "/bare/x/%5cevil.test",
        "/bare/x\\evil.test",
        "/bare/x/\\evil.test",
        "/bare/x%09/evil.test",
        "/bare/x%0d%0alocation:%20//evil.test",
        "/bare/x/.//evil.test",
        "/bare/x/..//evil.test",
        "//evil.test/bare/x",
        "/host/@evil.test",
        "/host.evil.test",
        "/query?/evil.test",
        "/query?//evil.test",
        "/query?\\evil.test",
        "/query?/\\evil.test",
        "/query?https://evil.test",
        "/old//evil.test",
        "/old@evil.test",
        "/old/?x=//evil.test",
    ];
    for path in tricks {
        let mut client = proxy.client().await;
        let answer = client.ask("GET", path, &["host: localhost"], b"").await;
        let status = answer.status();
        let Some(to) = answer.field("location") else {
            assert!(matches!(status, 400 | 404), "{path}: {status}");
            continue;
        };
        let is_ours = to.starts_with("https://www.localhost/")
            || (to.starts_with('/') && !to.starts_with("//") && !to.starts_with("/\\"));
        assert!(is_ours, "{path} leads to {to}");
        assert!(
            answer.all("location").len() == 1 && !to.contains('\\'),
            "{path}: {to}"
        );
    }
    let mut client = proxy.client().await;
    let foreign = client
        .ask("GET", "/host/a", &["host: a.test@evil.test"], b"")
        .await;
    assert_eq!(foreign.status(), 400);
    client = proxy.client().await;
    client.send("GET /host/a HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.response().await.status(), 400);
}
