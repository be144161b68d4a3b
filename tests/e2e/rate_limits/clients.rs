//! Who counts as whom.

use http::Request;

use super::statuses;
use crate::harness::Proxy;

fn site(limit: &str) -> String {
    format!(
        "trusted_proxies: [127.0.0.1]\nroutes: [{{ respond: {{ body: here }}, rate_limit: {limit} }}]\n"
    )
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own() {
    let proxy = Proxy::with(&site("{ rate: 1/h }"), &[]).await;
    for (from, expected) in [
        ("192.0.2.1", 200),
        ("192.0.2.2", 200),
        ("192.0.2.1", 429),
        ("9.9.9.9, 192.0.2.2", 429),
        ("::ffff:192.0.2.1", 429),
        ("2001:db8:1:2::3", 200),
        ("2001:db8:1:2:ffff::4", 429),
        ("2001:db8:1:3::3", 200),
    ] {
        let line = format!("x-forwarded-for: {from}");
        assert_eq!(
            statuses(&proxy, "/", &[&line], 1).await,
            [expected],
            "{from}"
        );
    }
    let page = proxy.admin("/stats").await.unwrap();
    for shown in ["192.0.2.1</th>", "2001:db8:1:2::/64</th>"] {
        assert!(page.text().contains(shown), "{shown}");
    }
}

#[tokio::test]
async fn what_nobody_vouches_for_changes_nothing() {
    let text = "routes: [{ respond: { body: here }, rate_limit: { rate: 1/h } }]";
    let proxy = Proxy::with(text, &[]).await;
    for (nth, expected) in [(1, 200), (2, 429), (3, 429)] {
        let line = format!("x-forwarded-for: 192.0.2.{nth}");
        assert_eq!(statuses(&proxy, "/", &[&line], 1).await, [expected]);
    }
}

#[tokio::test]
async fn a_key_is_counted_by_its_value_and_who_leaves_it_out_by_address() {
    let proxy = Proxy::with(&site("{ rate: 1/h, by: 'header:X-Api-Key' }"), &[]).await;
    let cases: [(&[&str], u16); 10] = [
        (&["x-api-key: one"], 200),
        (&["x-api-key: two"], 200),
        (&["x-api-key: one"], 429),
        (&["X-API-KEY: one", "x-forwarded-for: 192.0.2.1"], 429),
        (&[], 200),
        (&[], 429),
        (&["x-api-key: three", "x-api-key: four"], 429), // as if there were none
        (&["x-forwarded-for: 192.0.2.1"], 200),
        (&["x-api-key: three, four"], 200), // one value, whatever a server makes of it
        (&["x-api-key: three, four"], 429),
    ];
    for (lines, expected) in cases {
        assert_eq!(
            statuses(&proxy, "/", lines, 1).await,
            [expected],
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn no_spelling_and_no_stream_makes_one_client_two() {
    let text = "
        listeners: { http: { bind: 127.0.0.1:$http }, https: { bind: 127.0.0.1:$https, tls: intermediate } }
        certificates: [{ hosts: localhost, self_signed: true, default: true }]
        routes: [{ host: localhost, path: /in, respond: { body: here }, rate_limit: { rate: 1/h, by: $by } }]
        ";
    for by in ["client_ip", "route", "header:X-Api-Key"] {
        let proxy = Proxy::with(&text.replace("$by", by), &[]).await;
        for (nth, (host, path, key)) in [
            ("localhost", "/in", "X-Api-Key: one"),
            ("localhost", "/in", "x-api-key:one"),
            ("localhost", "/in", "X-API-KEY: \tone "),
            ("LOCALHOST", "/in", "x-api-key: one"),
            ("localhost.", "/in", "x-api-key: one"),
            ("localhost:8080", "/in", "x-api-key: one"),
            ("localhost", "/in?", "x-api-key: one"),
            ("localhost", "/in?a=1", "x-api-key: one"),
            ("localhost", "/in/", "x-api-key: one"),
            ("localhost", "/in/x", "x-api-key: one"),
            ("localhost", "/%69n", "x-api-key: one"),
            ("localhost", "/./in", "x-api-key: one"),
            ("localhost", "/x/../in", "x-api-key: one"),
            ("localhost", "//in", "x-api-key: one"),
            ("localhost", "http://localhost/in", "x-api-key: one"),
        ]
        .into_iter()
        .enumerate()
        {
            let host = format!("host: {host}");
            let found = statuses(&proxy, path, &[&host, key], 1).await[0];
            let what = format!("{by} {host} {path} {key:?}: {found}");
            match nth {
                0 => assert_eq!(found, 200, "{what}"),
                // What is no path of the route's is refused, or leads nowhere.
                _ => assert!([429, 400, 404].contains(&found), "{what}"),
            }
        }
        let http2 = proxy.h2_client("localhost").await;
        for path in ["/in", "/in?b=2", "/in"] {
            let request = Request::get(format!("https://localhost{path}"));
            let request = request.header("x-api-key", "one").body(()).unwrap();
            assert_eq!(http2.ask(request, b"").await.status, 429, "{by} {path}");
        }
    }
}

#[tokio::test]
async fn a_session_is_counted_by_its_cookie() {
    let proxy = Proxy::with(&site("{ rate: 1/h, by: 'cookie:sid' }"), &[]).await;
    let cases: [(&[&str], u16); 5] = [
        (&["cookie: a=1; sid=one"], 200),
        (&["cookie: sid=one; b=2"], 429),
        (&["cookie: sid=two"], 200),
        (&["cookie: other=one"], 200),
        (&["cookie: sid=; other=one"], 429), // as if there were none
    ];
    for (lines, expected) in cases {
        assert_eq!(
            statuses(&proxy, "/", lines, 1).await,
            [expected],
            "{lines:?}"
        );
    }
}

#[tokio::test]
async fn a_limit_of_defaults_is_one_for_all_routes_and_one_by_route_is_for_all_clients() {
    let text = "
        trusted_proxies: [127.0.0.1]
        defaults: { rate_limit: { rate: 2/h } }
        routes:
          - { path: /a, respond: { body: a } }
          - { path: /b, respond: { body: b } }
          - { path: /own, respond: { body: own }, rate_limit: { rate: 2/h } }
          - { path: /all, respond: { body: all }, rate_limit: { rate: 2/h, by: route } }
          - { path: /free, respond: { body: free }, rate_limit: false }
        ";
    let proxy = Proxy::with(text, &[]).await;
    for (path, client, expected) in [
        ("/a", 1, 200),
        ("/b", 1, 200),
        ("/a", 1, 429),
        ("/b", 1, 429),
        ("/b", 2, 200),
        ("/own", 1, 200),
        ("/all", 1, 200),
        ("/all", 2, 200),
        ("/all", 3, 429),
        ("/free", 1, 200),
    ] {
        let line = format!("x-forwarded-for: 192.0.2.{client}");
        let found = statuses(&proxy, path, &[&line], 1).await;
        assert_eq!(found, [expected], "{path} by {client}");
    }
    let free = proxy.get("/free").await;
    assert!(
        !free.has("ratelimit") && !free.has("ratelimit-policy"),
        "{free:?}"
    );
}
