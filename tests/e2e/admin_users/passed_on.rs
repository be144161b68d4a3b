//! The page reached through the edge itself.

use super::{FORM, OPS, basic, led_to, with_users};
use crate::harness::{Client, Message, Origin, Proxy};

/// `ops.test` is the way that the documentation describes; `bare.test` leaves the host as it is.
const CONFIG: &str = "
    admin: { bind: \"127.0.0.1:$admin\", users: users }
    trusted_proxies: [127.0.0.0/8]
    upstreams:
      web: { servers: [$1] }
      simplon: { servers: [\"127.0.0.1:$admin\"] }
    routes:
      - { upstream: web }
      - { host: bare.test, upstream: simplon }
      - { host: ops.test, upstream: simplon, headers: { request: { set: { Host: localhost } } } }
    ";

async fn ask(proxy: &Proxy, method: &str, lines: &[&str], form: &str) -> Message {
    let mut client = Client::connect(proxy.http()).await;
    client.ask(method, "/stats", lines, form.as_bytes()).await
}

#[tokio::test]
async fn through_a_route_that_says_host_the_page_is_seen_and_acts_and_is_no_easier_to_forge() {
    let web = Origin::saying("web").await;
    let proxy = with_users(CONFIG, &[&web]).await;
    let user = basic(OPS);
    let host = format!("host: ops.test:{}", proxy.http());
    let page = format!("origin: http://ops.test:{}", proxy.http());
    let client = "x-forwarded-for: 203.0.113.9";
    assert_eq!(ask(&proxy, "GET", &[&host], "").await.status(), 401);
    let seen = ask(&proxy, "GET", &[&host, &user], "").await;
    assert_eq!(seen.status(), 200);
    assert!(seen.text().contains("name=\"action\""));

    let form = format!("b=web&s={web}&action=drain");
    let elsewhere = format!("origin: http://127.0.0.1:{}", proxy.admin_port());
    for origin in [
        "origin: http://evil.example",
        "origin: http://localhost",
        &elsewhere,
    ] {
        let answer = ask(&proxy, "POST", &[&host, &user, origin, FORM], &form).await;
        assert_eq!(led_to(&answer), "DENY", "{origin}");
    }
    assert_eq!(proxy.get("/").await.text(), "web");
    let lines = [&*host, &*user, &*page, client, FORM];
    let answer = ask(&proxy, "POST", &lines, &form).await;
    assert_eq!(led_to(&answer), "DONE");
    assert_eq!(proxy.get("/").await.status(), 503);
    let line = format!("server is drained: web/{web} (by ops from 203.0.113.9 at the page)");
    proxy.errors().await_line(&line).await;
}

#[tokio::test]
async fn through_any_other_route_it_is_refused_with_words() {
    let web = Origin::saying("web").await;
    let proxy = with_users(CONFIG, &[&web]).await;
    let answer = ask(&proxy, "GET", &["host: bare.test", &basic(OPS)], "").await;
    assert_eq!(answer.status(), 421);
    assert!(answer.text().contains("an IP address or localhost"));
}

/// Nobody elsewhere takes themselves for this machine, though the edge that passes them on is on it.
#[tokio::test]
async fn without_users_the_page_is_not_for_whom_the_edge_passes_on() {
    let web = Origin::saying("web").await;
    let without = CONFIG.replace(", users: users", "");
    for config in [
        without.clone(),
        // Nor if it does not know that it is one that passes on.
        without.replace("trusted_proxies: [127.0.0.0/8]", ""),
    ] {
        let proxy = Proxy::with(&config, &[&web]).await;
        let far = "x-forwarded-for: 203.0.113.9";
        let answer = ask(&proxy, "GET", &["host: ops.test", far], "").await;
        assert_eq!(answer.status(), 403);
        assert!(!answer.text().contains("web"));
    }
}
