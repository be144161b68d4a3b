//! `block`: presets and rules of the operator.

use http::Request;

use super::{logged, ruled};
use crate::harness::{Origin, Proxy};

const TEXT: &str = "
    listeners:
      https: { bind: 127.0.0.1:$https, tls: intermediate }
      http: { bind: 127.0.0.1:$http }
    certificates: [{ hosts: [localhost], self_signed: true }]
    upstreams: { web: { servers: [$1] } }
    defaults: { block: [common_probes, bots] }
    routes:
      - { upstream: web }
      - { path: /blog, upstream: web, block: false }
      - path: /shop
        upstream: web
        block:
          - { preset: bots, mode: observe }
          - { path: /shop/admin, method: [POST, DELETE] }
          - { header: { name: x-scan, value: 'on*' } }
          - { path: '*.php', user_agent: '~ ^(?:curl|Wget)/' }
          - { query: debug=, mode: observe }
    ";

const BROWSER: &str =
    "user-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

#[tokio::test]
async fn probes_and_scanners_are_refused_and_pages_pass() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(TEXT, &[&origin]).await;
    let http2 = proxy.h2_client("localhost").await;
    // What is asked for, by whom, and what is said in the log.
    for (target, agent, expected) in [
        ("/", BROWSER, None),
        ("/environment", BROWSER, None),
        ("/.well-known/security.txt", BROWSER, None),
        ("/?next=../a", BROWSER, None),
        ("/", "user-agent: curl/8.9.0", None),
        ("/.env", BROWSER, Some("common_probes")),
        ("/app/%2Egit/config", BROWSER, Some("common_probes")),
        ("//wp-login.php", BROWSER, Some("common_probes")),
        (
            "/a?f=..%2f..%2fetc%2fpasswd",
            BROWSER,
            Some("common_probes"),
        ),
        ("/", "user-agent: sqlmap/1.7", Some("bots")),
        ("/", "user-agent: -", Some("bots")),
        ("/blog/.env", "user-agent: sqlmap/1.7", None),
    ] {
        let status = if expected.is_some() { 403 } else { 200 };
        let answer = proxy.client().await.ask("GET", target, &[agent], b"").await;
        assert_eq!(answer.status(), status, "{target} {agent}");
        if let Some(expected) = expected {
            let line = logged(&proxy, &answer).await;
            assert_eq!(line["refusal"], "blocked");
            assert_eq!(line["policy"], "block");
            assert_eq!(line["detail"], expected);
            assert!(answer.text().contains("This request is not taken here."));
            assert!(
                !answer.text().contains(expected),
                "a client is not told why"
            );
        }
        let (_, agent) = agent.split_once(": ").unwrap();
        let request =
            Request::get(format!("https://localhost{target}")).header("user-agent", agent);
        let answer = http2.ask(request.body(()).unwrap(), b"").await;
        assert_eq!(answer.status, status, "{target} {agent}");
    }
    // No user agent at all.
    let answer = proxy.get("/").await;
    assert_eq!(answer.status(), 403);
    assert_eq!(logged(&proxy, &answer).await["detail"], "bots");
    // What leads above the root, or holds a null byte, is malformed without any preset.
    for target in ["/../etc/passwd", "/a%00b"] {
        assert_eq!(proxy.get(target).await.status(), 400, "{target}");
    }
}

#[tokio::test]
async fn rules_of_ones_own_decide_in_their_order_and_observers_hide_none() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(TEXT, &[&origin]).await;
    let (curl, scan) = ("user-agent: curl/8", "x-scan: on 5");
    // The request, and what is said of it: which rule, and whether something only observed.
    for (method, target, lines, rule, is_observed) in [
        ("GET", "/shop", vec![BROWSER], None, false),
        ("GET", "/shop/admin", vec![BROWSER], None, false),
        (
            "POST",
            "/shop/admin/x",
            vec![BROWSER],
            Some("rule 2"),
            false,
        ),
        ("POST", "/shop/administer", vec![BROWSER], None, false),
        ("POST", "/shop/admin", vec![], Some("rule 2"), true),
        ("GET", "/shop", vec![BROWSER, scan], Some("rule 3"), false),
        ("GET", "/shop", vec![BROWSER, "x-scan: off"], None, false),
        ("GET", "/shop/a/b.php", vec![curl], Some("rule 4"), false),
        ("GET", "/shop/a/b.php", vec![BROWSER], None, false),
        ("GET", "/shop?debug=1", vec![BROWSER], None, true),
        ("GET", "/shop/.env", vec![BROWSER], None, false), // the presets of `defaults` are not for this route
        ("GET", "/shop", vec!["user-agent: nikto"], None, true),
    ] {
        let answer = proxy.client().await.ask(method, target, &lines, b"").await;
        let line = logged(&proxy, &answer).await;
        let status = if rule.is_some() { 403 } else { 200 };
        assert_eq!(answer.status(), status, "{method} {target} {lines:?}");
        assert_eq!(line["detail"].as_str(), rule, "{method} {target} {lines:?}");
        assert_eq!(
            line["observed"].is_array(),
            is_observed,
            "{method} {target} {lines:?}"
        );
    }
    assert_eq!(ruled(&proxy, "block", "refused").await, 4);
    assert_eq!(ruled(&proxy, "block", "observed").await, 3);
}
