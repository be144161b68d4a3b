//! An exporter that was written for `HAProxy` 1.5 and knows columns by their places, pointed at us.

use super::{Ours, get};
use crate::harness::{Foreign, free_port, until};

#[tokio::test]
async fn the_exporter_for_haproxy_reads_ours_unchanged() {
    let ours = Ours::start("").await;
    ours.csv().await;
    let port = free_port();
    let admin = ours.proxy.admin_port();
    let arguments = [
        format!("--haproxy.scrape-uri=http://127.0.0.1:{admin}/stats;csv"),
        format!("--web.listen-address=127.0.0.1:{port}"),
        "--log.level=error".to_owned(),
    ];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let _exporter = Foreign::start("prometheus-haproxy-exporter", &arguments, port).await;
    until("the exporter has read our table", async || {
        get(port, "/metrics")
            .await
            .text()
            .contains("\nhaproxy_up 1\n")
    })
    .await;
    let answer = get(port, "/metrics").await;
    let text = answer.text();
    let up = ours.origin.to_string();
    for line in [
        "haproxy_exporter_csv_parse_failures_total 0".to_owned(),
        "haproxy_frontend_http_responses_total{code=\"2xx\",frontend=\"http\"} 4".to_owned(),
        "haproxy_frontend_http_requests_total{frontend=\"http\"} 5".to_owned(),
        "haproxy_frontend_bytes_out_total{frontend=\"http\"} 20".to_owned(),
        "haproxy_backend_up{backend=\"app\"} 1".to_owned(),
        "haproxy_backend_current_server{backend=\"app\"} 1".to_owned(),
        format!("haproxy_server_up{{backend=\"app\",server=\"{up}\"}} 1"),
        format!(
            "haproxy_server_http_responses_total{{backend=\"app\",code=\"2xx\",server=\"{up}\"}} 4"
        ),
        format!("haproxy_server_weight{{backend=\"app\",server=\"{up}\"}} 1"),
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line}\n{text}");
    }
    let down = text
        .lines()
        .filter(|line| line.starts_with("haproxy_server_up{"));
    assert_eq!(
        down.filter(|line| line.ends_with(" 0")).count(),
        1,
        "{text}"
    );
}
