//! What a client sees of each way to break the protocol.

use super::{
    Hostile, POISON,
    rows::{
        Fate::{Cut, Refused, Surplus},
        Row, rows,
    },
    web,
};
use crate::harness::{Proxy, until};

/// All that a client sees of one response.
async fn seen(proxy: &Proxy, row: &Row, path: &str) -> String {
    let mut client = proxy.client().await;
    let method = row.method;
    client
        .send(format!(
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
        ))
        .await;
    let seen = client.wire.read_to_end().await.unwrap();
    String::from_utf8_lossy(&seen).into_owned()
}

/// Whether a response of ours in chunks, or with a length, is as long as it says.
fn is_whole(seen: &str) -> bool {
    let (head, body) = seen.split_once("\r\n\r\n").unwrap();
    match head.to_ascii_lowercase().split_once("content-length: ") {
        Some((_, after)) => after.starts_with(&format!("{}\r\n", body.len())),
        None => body.ends_with("0\r\n\r\n"),
    }
}

#[tokio::test]
async fn what_breaks_the_protocol_is_no_answer_and_ends_its_connection() {
    let rows = rows();
    assert!(rows.len() >= 40);
    let hostile = Hostile::saying(rows.iter().map(|row| row.says.clone()).collect()).await;
    let proxy = Proxy::with(&web(""), &[&hostile.origin]).await;
    let mut wrong = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("/{index}");
        let seen = seen(&proxy, row, &path).await;
        let line = proxy.logged(|line| line["path"] == path).await;
        let (as_expected, reason) = match row.fate {
            Refused(reason) => (seen.starts_with("HTTP/1.1 502 "), Some(reason)),
            Cut(reason) => (
                seen.starts_with("HTTP/1.1 200 ") && !is_whole(&seen),
                Some(reason),
            ),
            Surplus(body) => {
                let text = seen.split("\r\n\r\n").nth(1).unwrap_or_default();
                (
                    text == body || text == format!("{:X}\r\n{body}\r\n0", body.len()),
                    None,
                )
            }
        };
        let is_told = match reason {
            Some(reason) => {
                line["refusal"] == "server_malformed"
                    && line["detail"].as_str().unwrap_or_default().contains(reason)
            }
            None => line["refusal"].is_null(),
        };
        if !as_expected || !is_told || seen.contains(POISON) || seen.contains("evil") {
            wrong.push(format!("{}: {seen:.300}\n{line}", row.name));
        }
        hostile.is_never_asked_again(index + 1).await;
        assert_eq!(
            proxy.get("/good").await.text(),
            "good",
            "after {}",
            row.name
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let malformed = rows
        .iter()
        .filter(|row| !matches!(row.fate, Surplus(_)))
        .count() as u64;
    let surplus = rows.len() as u64 - malformed;
    proxy
        .await_metric(
            "simplon_refusals_total",
            &[("reason", "server_malformed")],
            malformed,
        )
        .await;
    proxy
        .await_metric(
            "simplon_server_failures_total",
            &[("kind", "malformed")],
            malformed,
        )
        .await;
    proxy
        .await_metric("simplon_server_surplus_total", &[], surplus)
        .await;
    assert!(
        proxy
            .errors()
            .has("the server said more than it was asked for")
    );
}

#[tokio::test]
async fn what_breaks_the_protocol_reaches_no_client_of_http_2_either() {
    let rows: Vec<_> = rows()
        .into_iter()
        .filter(|row| row.method == "GET")
        .collect();
    let hostile = Hostile::saying(rows.iter().map(|row| row.says.clone()).collect()).await;
    let proxy = Proxy::with(&web(""), &[&hostile.origin]).await;
    let client = proxy.h2_client("localhost").await;
    for (index, row) in rows.iter().enumerate() {
        let request = http::Request::get(format!("https://localhost/{index}"))
            .body(())
            .unwrap();
        let answer = client.try_ask(request, b"").await;
        match (row.fate, answer) {
            (Refused(_), Ok(answer)) => {
                assert_eq!(answer.status, 502, "{}", row.name);
                assert!(!String::from_utf8_lossy(&answer.body).contains(POISON));
                assert!(
                    !answer.fields.contains_key("x-p") && !answer.fields.contains_key("set-cookie")
                );
            }
            (Surplus(body), Ok(answer)) => assert_eq!(answer.body, body.as_bytes(), "{}", row.name),
            (Cut(_), answer) => assert!(answer.is_err(), "{}: {answer:?}", row.name),
            (_, Err(error)) => panic!("{}: {error}", row.name),
        }
    }
    hostile.is_never_asked_again(rows.len()).await;
    until("the connection to the client stands", async || {
        client.get("/good").await.status == 200
    })
    .await;
}
