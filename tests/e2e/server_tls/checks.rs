//! Health checks shake hands as requests do.

use crate::harness::{Certificates, H2Origin, Origin, Proxy, until};

use super::{hello, knowing};

async fn stats(proxy: &Proxy) -> String {
    let page = proxy.admin("/stats").await;
    page.map(|page| page.text().to_owned()).unwrap_or_default()
}

async fn is_up(proxy: &Proxy, upstream: &str, server: &str, up: u64) {
    let labels = [("upstream", upstream), ("server", server)];
    proxy.await_metric("simplon_server_up", &labels, up).await;
}

#[tokio::test]
async fn a_check_shakes_hands_and_believes_nobody() {
    let (authority, stranger) = (Certificates::new(), Certificates::new());
    let origin = hello(&authority.handshake(&["127.0.0.1"])).await;
    let plain = Origin::saying("plain").await;
    let directory = knowing(&authority);
    stranger.write_authority(&directory.path().join("stranger.pem"));
    let health = "interval: 50ms, rise: 1, fall: 1";
    let text = format!(
        "
        upstreams:
          http: {{ servers: [$1], tls: {{ ca: ca.pem }}, health: {{ path: /health, {health} }} }}
          tcp: {{ servers: [$1], tls: {{ ca: ca.pem }}, health: {{ tcp: true, {health} }} }}
          bad: {{ servers: [$1], tls: {{ ca: stranger.pem }}, health: {{ path: /bad, {health} }} }}
          bad_tcp: {{ servers: [$1], tls: {{ ca: stranger.pem }}, health: {{ tcp: true, {health} }} }}
          plain: {{ servers: [$2], tls: {{ ca: ca.pem }}, health: {{ tcp: true, {health} }} }}
        routes:
          - {{ path: /a, upstream: http }}
          - {{ path: /b, upstream: tcp }}
          - {{ path: /c, upstream: bad }}
          - {{ path: /d, upstream: bad_tcp }}
          - {{ path: /e, upstream: plain }}
        "
    );
    let proxy = Proxy::in_directory(directory, &text, &[&origin, &plain]).await;
    let server = origin.to_string();
    origin.await_count("/health", 2).await;
    is_up(&proxy, "http", &server, 1).await;
    is_up(&proxy, "tcp", &server, 1).await;
    is_up(&proxy, "bad", &server, 0).await;
    is_up(&proxy, "bad_tcp", &server, 0).await;
    is_up(&proxy, "plain", &plain.to_string(), 0).await;
    assert_eq!(origin.count("/bad"), 0);
    until("the page says why", async || {
        stats(&proxy).await.contains("no authority that we trust")
    })
    .await;
    proxy.errors().await_line("server is down").await;
}

#[tokio::test]
async fn a_server_of_http_2_is_asked_in_the_protocol_of_checks() {
    let authority = Certificates::new();
    let both = authority
        .handshake(&["127.0.0.1"])
        .speaking(&["h2", "http/1.1"]);
    let checked = hello(&both).await;
    let h2 = H2Origin::secured(&both).await;
    let text = format!(
        "
        upstreams:
          path:
            servers: [$1]
            protocol: h2
            tls: {{ ca: ca.pem }}
            health: {{ path: /health, interval: 50ms, rise: 1, fall: 1 }}
          tcp:
            servers: ['{h2}']
            protocol: h2
            tls: {{ ca: ca.pem }}
            health: {{ tcp: true, interval: 50ms, rise: 1, fall: 1 }}
        routes: [{{ path: /a, upstream: path }}, {{ path: /b, upstream: tcp }}]
        "
    );
    let proxy = Proxy::in_directory(knowing(&authority), &text, &[&checked]).await;
    checked.await_count("/health", 2).await;
    is_up(&proxy, "path", &checked.to_string(), 1).await;
    until("the other is checked", async || h2.connections() > 1).await;
    is_up(&proxy, "tcp", &h2.to_string(), 1).await;
}
