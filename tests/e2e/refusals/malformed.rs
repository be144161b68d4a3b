//! Messages that could be read in two ways are read in none.

use crate::harness::{Origin, Proxy};

const MALFORMED: [(&str, &str); 30] = [
    (
        "two framings",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "two lengths",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
    ),
    (
        "a list of lengths",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4, 4\r\n\r\nabcd",
    ),
    (
        "a signed length",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: +4\r\n\r\nabcd",
    ),
    (
        "a negative length",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: -1\r\n\r\n",
    ),
    (
        "a hexadecimal length",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 0x4\r\n\r\nabcd",
    ),
    (
        "an empty length",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length:\r\n\r\n",
    ),
    (
        "an endless length",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ),
    (
        "chunked not last",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    ),
    (
        "chunked twice",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "another coding",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: identity\r\n\r\n",
    ),
    (
        "a disguised coding",
        "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: xchunked\r\n\r\n",
    ),
    (
        "a coding in HTTP/1.0",
        "POST / HTTP/1.0\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (
        "a space before the colon",
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-length : 4\r\n\r\nabcd",
    ),
    (
        "a folded line",
        "GET / HTTP/1.1\r\nhost: test\r\nx: a\r\n b\r\n\r\n",
    ),
    (
        "white space before the first field",
        "GET / HTTP/1.1\r\n host: test\r\n\r\n",
    ),
    (
        "a line without a colon",
        "GET / HTTP/1.1\r\nhost: test\r\nnonsense\r\n\r\n",
    ),
    (
        "an empty name",
        "GET / HTTP/1.1\r\nhost: test\r\n: x\r\n\r\n",
    ),
    ("a bare LF", "GET / HTTP/1.1\nhost: test\n\n"),
    (
        "a bare CR",
        "GET / HTTP/1.1\r\nhost: test\r\nx: a\rb\r\n\r\n",
    ),
    ("a NUL", "GET / HTTP/1.1\r\nhost: test\r\nx: a\0b\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\n\r\n"),
    (
        "two hosts",
        "GET / HTTP/1.1\r\nhost: test\r\nhost: other\r\n\r\n",
    ),
    (
        "a host with user information",
        "GET / HTTP/1.1\r\nhost: user@test\r\n\r\n",
    ),
    (
        "a host with a path",
        "GET / HTTP/1.1\r\nhost: test/x\r\n\r\n",
    ),
    (
        "two hosts in disguise",
        "GET http://other/ HTTP/1.1\r\nhost: test\r\n\r\n",
    ),
    ("another version", "GET / HTTP/2.0\r\nhost: test\r\n\r\n"),
    ("no version", "GET /\r\n\r\n"),
    ("two spaces", "GET  / HTTP/1.1\r\nhost: test\r\n\r\n"),
    ("another protocol", "\x16\x03\x01\x02\r\n\r\n"),
];

#[tokio::test]
async fn what_breaks_the_protocol_is_400_and_closed_and_no_server_hears_of_it() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut wrong = Vec::new();
    for (what, request) in MALFORMED {
        let mut client = proxy.client().await;
        client.send(request).await;
        let page = client.response().await;
        if page.status() != 400 {
            wrong.push(format!("{what}: {}", page.start));
            continue;
        }
        client.expect_end().await;
        let line = proxy
            .logged(|line| line["request_id"] == page.request_id())
            .await;
        assert_eq!(line["refusal"], "malformed", "{what}");
        assert!(line["detail"].is_string(), "{what}");
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(origin.connections(), 0);
}

#[tokio::test]
async fn chunks_that_break_the_protocol_end_the_exchange() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    for chunks in [
        "zz\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "fffffffffffffffff\r\nabc\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
    ] {
        let mut client = proxy.client().await;
        client
            .send(format!(
                "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n{chunks}"
            ))
            .await;
        assert_eq!(client.response().await.status(), 400, "{chunks:?}");
        client.expect_end().await;
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn connect_is_not_for_this_proxy() {
    let origin = Origin::saying("hello").await;
    let proxy = Proxy::in_front_of(&[&origin]).await;
    let mut client = proxy.client().await;
    client
        .send("CONNECT example.ch:443 HTTP/1.1\r\nhost: example.ch:443\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status(), 405);
    assert_eq!(origin.connections(), 0);
}
