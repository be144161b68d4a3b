//! Lines of the access log, in the form that the configuration names.

use regex::Regex;

use crate::harness::{Origin, Proxy, until};

const SITE: &str = "
    upstreams: { web: { servers: [$1] } }
    routes: [{ upstream: web }]
    ";

fn with(log: &str) -> String {
    format!("{SITE}log: {log}\n    ")
}

#[tokio::test]
async fn a_combined_line_is_what_parsers_of_apache_and_nginx_read() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&with("{ format: combined }"), &[&origin]).await;
    let lines = [
        "user-agent: curl/8 \"quoted\"",
        "referer: https://a.test/b?c",
    ];
    let mut client = proxy.client().await;
    let answer = client.ask("GET", "/a%20b?token=1", &lines, b"").await;
    assert_eq!(answer.status(), 200);
    client.send("BROKEN\r\n\r\n").await;
    until("both are logged", async || {
        proxy.output().lines().len() == 2
    })
    .await;
    let written = proxy.output().lines();
    let reader = Regex::new(concat!(
        r"^127\.0\.0\.1 - - \[\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} \+0000\] ",
        r#""(?P<request>[^"]*)" (?P<status>\d{3}) (?P<bytes>\d+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"$"#,
    ))
    .unwrap();
    let read = reader.captures(&written[0]).unwrap();
    assert_eq!(&read["request"], "GET /a%20b HTTP/1.1");
    assert_eq!((&read["status"], &read["bytes"]), ("200", "5"));
    assert_eq!(&read["referer"], "https://a.test/b");
    assert_eq!(&read["agent"], r"curl/8 \x22quoted\x22");
    let read = reader.captures(&written[1]).unwrap();
    assert_eq!(
        (&read["request"], &read["status"]),
        ("BROKEN - HTTP/1.1", "400")
    );
}

#[tokio::test]
async fn a_reload_changes_the_form_but_not_the_place() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::with(&with("{ format: combined }"), &[&origin]).await;
    proxy.get("/one").await;
    until("it is logged", async || {
        proxy.output().has("GET /one HTTP/1.1")
    })
    .await;
    proxy.rewrite(&with("{ format: json }"));
    proxy.reload().await;
    proxy.get("/two").await;
    until("it is logged", async || {
        proxy.output().has("\"path\":\"/two\"")
    })
    .await;
    proxy.rewrite(&with("{ access: stderr }"));
    proxy.reload_in_vain().await;
    proxy
        .errors()
        .await_line("`log.access` cannot change while the process runs")
        .await;
}
