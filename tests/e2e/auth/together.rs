//! Both at once: a name and a password first, and then whoever decides.

use crate::harness::{Origin, Reply};

use super::{USERS, basic, last, with_users};

/// `$1` decides, `$2` serves.
const SITE: &str = "
    upstreams:
      auth: { servers: [$1] }
      web: { servers: [$2] }
    defaults:
      basic_auth: { users: users }
      forward_auth: { upstream: auth, path: /verify, copy_headers: [X-Forwarded-User, X-Role] }
    routes: [{ upstream: web }]
    ";

#[tokio::test]
async fn whoever_decides_is_asked_after_the_login_and_sees_who_it_is_but_no_password() {
    let auth = Origin::answering(|asked| match asked.field("x-forwarded-user") {
        Some("alice") => Reply::ok("").with("X-Role: admin"),
        _ => Reply::new(403, "not you"),
    })
    .await;
    let origin = Origin::saying("hello").await;
    let proxy = with_users(SITE, USERS, &[&auth, &origin]).await;
    let mut client = proxy.client().await;
    let claims = ["x-forwarded-user: alice", "x-role: root"];
    assert_eq!(client.ask("GET", "/", &claims, b"").await.status(), 401);
    assert!(auth.requests().is_empty());
    let bob = basic("bob", "password");
    let answer = client
        .ask("GET", "/", &[&bob, claims[0], claims[1]], b"")
        .await;
    assert_eq!((answer.status(), answer.text()), (403, "not you"));
    assert!(origin.requests().is_empty());
    let line = proxy.logged(|line| line["status"] == 403).await;
    assert_eq!(
        (&line["user"], &line["policy"]),
        (&"bob".into(), &"forward_auth".into())
    );
    let alice = basic("alice", "open sesame");
    let answer = client.ask("GET", "/", &[&alice, claims[1]], b"").await;
    assert_eq!(answer.status(), 200);
    let seen = last(&origin, "/");
    assert_eq!(seen.field("x-forwarded-user"), Some("alice"));
    assert_eq!(seen.field("x-role"), Some("admin"));
    for asked in auth.requests().iter().chain([&seen]) {
        assert!(!asked.has("authorization"), "{asked:?}");
    }
}
