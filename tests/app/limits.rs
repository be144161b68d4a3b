//! How much a client may send.

use serde_json::json;

use crate::server::Server;

#[test]
fn a_body_may_have_one_mebibyte_and_no_byte_more() {
    let server = Server::start();
    let most = vec![b'x'; 1 << 20];
    let response = server.client().ask("POST", "/api/echo", &[], &most);
    assert_eq!(
        (response.status, &response.json()["body_length"]),
        (200, &json!(1 << 20))
    );

    // Only the length is sent: the refusal must not wait for the body.
    let response = server
        .client()
        .ask("POST", "/api/echo", &["Content-Length: 1048577"], b"");
    assert_eq!(response.status, 413);
    assert_eq!(
        response.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(response.json()["title"], "Payload Too Large");
}

#[test]
fn a_header_beyond_the_limits_is_refused() {
    let server = Server::start();
    let many = vec!["X-Much: 1"; 101];
    assert_eq!(server.client().get("/", &many).status, 431);
    // The server may close before it has read all of this, so the answer can be lost; what counts is that it closes.
    let mut client = server.client();
    client.send(
        "GET",
        "/",
        &[&format!("X-Long: {}", "x".repeat(256 << 10))],
        b"",
    );
    let answer = client.read_to_end();
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}
