//! Rewrites: what servers are asked for, and what is still told of what clients asked for.

use crate::harness::{Message, Origin, Reply};

use super::{ask, site};

const SITE: &str = r#"
upstreams: { web: { servers: [$1] } }
defaults: { rewrite: { add_prefix: /all } }
routes:
  - { upstream: web }
  - { path: /as-is, upstream: web, rewrite: false }
  - { path: /old, upstream: web, rewrite: { match: "^/old/(?P<rest>.*)$", to: "/new/{rest}" } }
  - { path: /strip, upstream: web, strip_prefix: true, rewrite: { add_prefix: /v1 } }
  - { path: /cut, upstream: web, strip_prefix: true, rewrite: { match: "^/([a-z]+)/(.*)$", to: "/{2}?of={1}" } }
  - { path: /bare, upstream: web, rewrite: { to: /fixed, keep_query: false } }
  - { path: /break, upstream: web, rewrite: { match: "^/(.*)0$", to: "/{1}" } }
  - { path: /above, upstream: web, rewrite: { to: "/x/{query}", keep_query: false } }
  - { path: /moved, redirect: { to: /there } }
"#;

async fn echoing() -> Origin {
    Origin::answering(|request: &Message| Reply::ok(request.target())).await
}

#[tokio::test]
async fn a_server_is_asked_for_what_the_rewrite_says() {
    let origin = echoing().await;
    let proxy = site(SITE, &[], &[&origin]).await;
    for (path, asked) in [
        ("/a?b=c", "/all/a?b=c"),
        ("/", "/all/"),
        ("/as-is/a", "/as-is/a"),
        ("/old/a/b?x=1", "/new/a/b?x=1"),
        ("/old/%61//b", "/new/a/b"),
        ("/old", "/old"),
        ("/strip", "/v1/"),
        ("/strip/a?x", "/v1/a?x"),
        ("/cut/shop/a&b?x=1", "/a&b?of=shop&x=1"),
        ("/cut/shop", "/shop"),
        ("/bare/a?x=1", "/fixed"),
        ("/above?a", "/x/a"),
        ("/above?../b", "/b"),
    ] {
        let seen = ask(&proxy, "GET", path, &[], &[]).await;
        assert_eq!((seen.status, &*seen.body), (200, asked), "{path}");
    }
    let seen = ask(&proxy, "GET", "/moved", &[], &["location"]).await;
    assert_eq!(
        (seen.status, seen.fields[0].as_deref()),
        (308, Some("/there"))
    );
}

#[tokio::test]
async fn what_becomes_no_sound_path_reaches_no_server() {
    let origin = echoing().await;
    let proxy = site(SITE, &[], &[&origin]).await;
    for path in [
        "/break/%20",
        "/above?../../a",
        "/above?%2f",
        "/above?a%00",
        "/above?..;/a",
    ] {
        let seen = ask(&proxy, "GET", path, &[], &[]).await;
        assert_eq!(seen.status, 400, "{path}");
    }
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}

#[tokio::test]
async fn the_log_and_the_server_are_told_what_the_client_asked_for() {
    let origin = echoing().await;
    let proxy = site(SITE, &[], &[&origin]).await;
    let mut client = proxy.client().await;
    client
        .ask("POST", "/old/a", &["host: localhost"], b"body")
        .await;
    let line = proxy.logged(|line| line["path"] == "/old/a").await;
    assert_eq!(line["status"], 200);
    let request = origin.only_request();
    assert_eq!(
        (request.target(), request.field("host")),
        ("/new/a", Some("localhost"))
    );
}

#[tokio::test]
async fn another_try_asks_for_the_same() {
    let refusing = Origin::answering(|_| Reply::new(503, "")).await;
    let origin = echoing().await;
    let text = SITE.replace("[$1]", "[$1, $2], retries: { on: [503] }");
    let proxy = site(&text, &[], &[&refusing, &origin]).await;
    for _ in 0..4 {
        let seen = proxy.get("/old/a?x=1").await;
        assert_eq!((seen.status(), seen.text()), (200, "/new/a?x=1"));
    }
    let tried = refusing.requests();
    assert!(
        !tried.is_empty() && tried.iter().all(|it| it.target() == "/new/a?x=1"),
        "{tried:?}"
    );
}
