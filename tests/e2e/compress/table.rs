//! The rows by each protocol.

use http::Request;

use super::{
    decode::decode,
    fixed, proxy_of,
    rows::{Row, rows},
};
use crate::harness::{Client, Http2, Message, Origin, Reply};

/// Answers each row's request as it says; the number of the row is the last part of the path.
async fn origin() -> Origin {
    let replies: Vec<Reply> = rows().into_iter().map(|row| row.reply).collect();
    Origin::answering(move |request| {
        let last = request.target().rsplit('/').next().unwrap();
        let nth: usize = last.parse().unwrap();
        replies[nth].clone()
    })
    .await
}

fn target(row: &Row, nth: usize) -> String {
    format!("{}/{nth}", row.path.trim_end_matches('/'))
}

fn check(row: &Row, answer: &Message) {
    let claim = row.claim;
    assert_eq!(
        answer.field("content-encoding"),
        row.coding,
        "{claim}: {:?}",
        answer.fields
    );
    for (name, value) in row.fields {
        assert_eq!(answer.field(name), *value, "{claim}: {name}");
    }
    if let Some(length) = answer.length().filter(|_| row.method != "HEAD") {
        assert_eq!(length, answer.body.len(), "{claim}");
    }
    if row.method == "HEAD" {
        assert!(answer.body.is_empty(), "{claim}");
        return;
    }
    let coding = row.coding.filter(|coding| *coding != "x-mine");
    let body = decode(coding.unwrap_or_default(), &answer.body).unwrap();
    match row.path {
        "/fixed" => assert_eq!(body, fixed().as_bytes(), "{claim}"),
        "/brief" => assert_eq!(body, b"brief", "{claim}"),
        _ => assert!(
            body == row.body,
            "{claim}: {} bytes of {}",
            body.len(),
            row.body.len()
        ),
    }
    // Whatever is compressed and no stream has its length.
    if coding.is_some() && (1024..100_000).contains(&row.body.len()) {
        assert_eq!(answer.length(), Some(answer.body.len()), "{claim}");
        assert!(answer.body.len() < row.body.len() / 2, "{claim}");
    }
}

async fn ask(client: &mut Client, row: &Row, nth: usize) -> Message {
    let lines = [&["host: localhost"], row.lines].concat();
    client.ask(row.method, &target(row, nth), &lines, b"").await
}

#[tokio::test]
async fn by_http1_each_client_gets_what_it_takes_and_keeps_its_connection() {
    let origin = origin().await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for (nth, row) in rows().iter().enumerate() {
        check(row, &ask(&mut client, row, nth).await);
    }
    assert!(rows().len() >= 50);
}

#[tokio::test]
async fn by_tls_each_client_gets_what_it_takes_and_keeps_its_connection() {
    let origin = origin().await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.tls_client("localhost").await;
    for (nth, row) in rows().iter().enumerate() {
        check(row, &ask(&mut client, row, nth).await);
    }
}

/// The response by HTTP/2, as by HTTP/1.
async fn ask_http2(client: &Http2, row: &Row, nth: usize) -> Message {
    let uri = format!("https://localhost{}", target(row, nth));
    let mut request = Request::builder().method(row.method).uri(uri);
    for line in row.lines {
        let (name, value) = line.split_once(':').unwrap();
        request = request.header(name, value.trim());
    }
    let answer = client.ask(request.body(()).unwrap(), b"").await;
    let field = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), value.to_str().unwrap().to_owned())
    };
    Message {
        start: format!("HTTP/2 {} ", answer.status),
        fields: answer.fields.iter().map(field).collect(),
        body: answer.body,
    }
}

#[tokio::test]
async fn by_http2_each_client_gets_what_it_takes() {
    let origin = origin().await;
    let proxy = proxy_of(&origin).await;
    let client = proxy.h2_client("localhost").await;
    for (nth, row) in rows().iter().enumerate() {
        check(row, &ask_http2(&client, row, nth).await);
    }
}

#[tokio::test]
async fn by_http10_nothing_is_compressed() {
    let origin = origin().await;
    let proxy = proxy_of(&origin).await;
    for (nth, row) in rows().iter().enumerate() {
        if row.method == "HEAD" || row.coding == Some("x-mine") {
            continue;
        }
        let mut client = proxy.client().await;
        let request = format!(
            "GET {} HTTP/1.0\r\nhost: localhost\r\n{}\r\n\r\n",
            target(row, nth),
            super::ANY
        );
        client.send(request).await;
        let answer = client.response().await;
        assert_eq!(
            answer
                .field("content-encoding")
                .filter(|coding| *coding != "identity"),
            None,
            "{}",
            row.claim
        );
        if !matches!(row.path, "/fixed" | "/brief") {
            assert!(answer.body == row.body, "{}", row.claim);
        }
    }
}

#[tokio::test]
async fn the_log_and_the_metrics_tell_the_coding() {
    let origin = Origin::answering(|_| super::json(8192)).await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for (path, coding) in [("/a", "br"), ("/gzip/b", "gzip")] {
        let answer = client.ask("GET", path, &[super::ANY], b"").await;
        let line = proxy.logged(|line| line["path"] == path).await;
        assert_eq!(line["coding"], coding);
        let labels = [("coding", coding)];
        for (name, value) in [
            ("simplon_compressed_responses_total", 1),
            ("simplon_compressed_bytes_in_total", 8192),
            (
                "simplon_compressed_bytes_out_total",
                answer.body.len() as u64,
            ),
        ] {
            proxy.await_metric(name, &labels, value).await;
        }
    }
    client.ask("GET", "/c", &[], b"").await;
    let line = proxy.logged(|line| line["path"] == "/c").await;
    assert!(line["coding"].is_null());
}

#[tokio::test]
async fn what_does_not_get_smaller_goes_as_it_is() {
    let noise: Vec<u8> = {
        let mut state: u64 = 7;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[0]
        })
        .take(200_000)
        .collect()
    };
    let expected = noise.clone();
    let origin = Origin::answering(move |request| {
        let length = super::asked_length(request);
        Reply::ok(&noise[..length]).with("content-type: text/plain")
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for length in [2000, 200_000] {
        let answer = client
            .ask("GET", &format!("/{length}"), &[super::ANY], b"")
            .await;
        assert_eq!(answer.field("content-encoding"), None);
        assert_eq!(answer.length(), Some(length));
        assert!(answer.body == expected[..length]);
        assert_eq!(answer.field("vary"), Some("Accept-Encoding"));
    }
    let labels = [("reason", "no_gain")];
    proxy
        .await_metric("simplon_compression_skipped_total", &labels, 2)
        .await;
}
