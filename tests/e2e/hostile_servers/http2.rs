//! Servers that break HTTP/2.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::POISON;
use crate::harness::{Message, Proxy, free_port};

const PREFACE: usize = 24;
const HEADERS: u8 = 1;
const DATA: u8 = 0;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A server that answers each request with these frames, written by hand.
struct RawH2 {
    port: u16,
    serving: JoinHandle<()>,
}

impl RawH2 {
    async fn saying(frames: impl Fn(u32) -> Vec<u8> + Clone + Send + Sync + 'static) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let frames = frames.clone();
                tokio::spawn(async move {
                    // The proxy leaves when it has heard enough.
                    let _ = converse(stream, frames).await;
                });
            }
        });
        Self { port, serving }
    }

    async fn asked(&self, more: &str) -> (Proxy, Message) {
        let proxy = self.behind(more).await;
        let answer = proxy.get("/").await;
        (proxy, answer)
    }

    async fn behind(&self, more: &str) -> Proxy {
        let text = format!(
            "
            upstreams:
              web:
                servers: [127.0.0.1:{}]
                protocol: h2c
                retries: {{ attempts: 0 }}
                {more}
            routes: [{{ upstream: web }}]
            ",
            self.port
        );
        Proxy::with(&text, &[]).await
    }
}

impl Drop for RawH2 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn converse(mut stream: TcpStream, frames: impl Fn(u32) -> Vec<u8>) -> io::Result<()> {
    stream.read_exact(&mut [0; PREFACE]).await?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).await?;
        if head[3] == HEADERS {
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            stream.write_all(&frames(id)).await?;
        }
    }
}

fn frame(kind: u8, flags: u8, id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &id.to_be_bytes(), payload].concat()
}

/// `:status` and fields, as literals of HPACK that nobody keeps.
fn block(status: &str, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let status = (":status", status.as_bytes());
    let mut block = Vec::new();
    for (name, value) in std::iter::once(&status).chain(fields) {
        block.push(0);
        block.push(u8::try_from(name.len()).unwrap());
        block.extend_from_slice(name.as_bytes());
        block.push(u8::try_from(value.len()).unwrap());
        block.extend_from_slice(value);
    }
    block
}

fn answer(id: u32) -> Vec<u8> {
    let head = frame(HEADERS, END_HEADERS, id, &block("200", &[]));
    [head, frame(DATA, END_STREAM, id, b"ok")].concat()
}

#[tokio::test]
async fn values_that_would_split_a_response_pass_nobody() {
    for value in [&b"a\r\nset-cookie: evil=1"[..], b"a\nb", b"a\rb", b"a\0b"] {
        let origin = RawH2::saying(move |id| {
            let head = block("200", &[("x-p", value), ("x-q", POISON.as_bytes())]);
            let head = frame(HEADERS, END_HEADERS, id, &head);
            [head, frame(DATA, END_STREAM, id, b"ok")].concat()
        })
        .await;
        let (_proxy, answer) = origin.asked("").await;
        assert_eq!(answer.status(), 502, "{value:?}");
        assert!(!answer.has("set-cookie") && !answer.has("x-q"));
    }
}

#[tokio::test]
async fn a_header_of_http_2_has_the_limits_of_the_upstream() {
    for (fields, status) in [(3, 200), (30, 502)] {
        let origin = RawH2::saying(move |id| {
            let head = block("200", &vec![("x-p", &[b'v'; 100][..]); fields]);
            let head = frame(HEADERS, END_HEADERS, id, &head);
            [head, frame(DATA, END_STREAM, id, b"ok")].concat()
        })
        .await;
        let (proxy, answer) = origin.asked("limits: { header_size: 1KiB }").await;
        assert_eq!(answer.status(), status);
        if status == 502 {
            let line = proxy.logged(|line| line["path"] == "/").await;
            assert_eq!(line["refusal"], "server_malformed");
            assert_eq!(line["detail"], "the header is too large");
        }
    }
}

#[tokio::test]
async fn a_header_of_http_2_that_unpacks_to_megabytes_is_refused_when_it_is_whole() {
    // 4000 times a field of 3000 bytes, which stands in the table; the library takes 16 MiB, and not what is beyond.
    for times in [4000, 6000] {
        let origin = RawH2::saying(move |id| {
            let first = [b"\x88\x40\x03x-p\x7f\xb9\x16", &[b'v'; 3000][..]].concat();
            let head = [first, vec![0xbe; times]].concat();
            [
                frame(HEADERS, END_HEADERS, id, &head),
                frame(DATA, END_STREAM, id, b"ok"),
            ]
            .concat()
        })
        .await;
        let proxy = origin.behind("").await;
        let before = proxy.memory();
        for _ in 0..10 {
            assert_eq!(proxy.get("/").await.status(), 502);
        }
        let grown = proxy.memory().saturating_sub(before);
        assert!(grown < 96 << 20, "{grown} bytes by {times}");
    }
}

#[tokio::test]
async fn trailers_have_the_limits_of_the_upstream_too() {
    for (fields, is_whole) in [(3, true), (30, false)] {
        let origin = RawH2::saying(move |id| {
            let [head, body] = [
                frame(HEADERS, END_HEADERS, id, &block("200", &[])),
                frame(DATA, 0, id, b"ok"),
            ];
            let trailers = block("", &vec![("x-p", &[b'v'; 100][..]); fields]);
            let trailers = &trailers[2 + ":status".len() + 1..]; // they have no status
            let last = frame(HEADERS, END_HEADERS | END_STREAM, id, trailers);
            [head, body, last].concat()
        })
        .await;
        let proxy = origin.behind("limits: { header_size: 1KiB }").await;
        let mut client = proxy.client().await;
        let answer = client.try_ask("GET", "/", &["host: test"], b"").await;
        // What came all at once is a page in its place; otherwise it is cut.
        let got = answer.is_ok_and(|answer| answer.status() == 200);
        assert_eq!(got, is_whole, "{fields}");
        let line = proxy.logged(|line| line["path"] == "/").await;
        assert_eq!(line["refusal"] == "server_malformed", !is_whole, "{line}");
    }
}

#[tokio::test]
async fn an_old_client_is_told_that_it_is_too_old_for_chunks() {
    let origin = RawH2::saying(answer).await;
    let proxy = origin.behind("").await;
    let mut client = proxy.client().await;
    client.send("GET / HTTP/1.0\r\n\r\n").await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 505);
    assert!(!answer.is_chunked());
}

#[tokio::test]
async fn a_flood_of_interim_responses_by_http_2_reaches_no_client() {
    let origin = RawH2::saying(|id| {
        let interim = frame(
            HEADERS,
            END_HEADERS,
            id,
            &block("103", &[("link", b"</a.css>")]),
        );
        [interim.repeat(20_000), answer(id)].concat()
    })
    .await;
    let (_proxy, answer) = origin.asked("").await;
    assert_eq!((answer.status(), answer.text()), (200, "ok"));
}

#[tokio::test]
async fn interim_responses_by_http_2_put_no_deadline_off() {
    let origin = RawH2::saying(|id| {
        let interim = frame(HEADERS, END_HEADERS, id, &block("103", &[]));
        interim.repeat(1000) // and nothing more
    })
    .await;
    let started = std::time::Instant::now();
    let (_proxy, answer) = origin
        .asked("timeouts: { first_byte: 500ms, idle: 1s }")
        .await;
    assert_eq!(answer.status(), 504);
    assert!(started.elapsed().as_secs() < 10);
}
