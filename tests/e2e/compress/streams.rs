//! Bodies that are compressed as they come: nothing waits for what may not come.

use std::sync::Arc;

use h2::RecvStream;
use http::Request;
use tokio::sync::Semaphore;

use super::{
    ANY, SITE, asked_length,
    decode::{decode, decode_so_far},
    json, proxy_of, text,
};
use crate::harness::{H2Origin, Origin, Proxy, Reply, in_time, request};

const EVENT: &str = "data: {\"price\": 7}\n\n";
const EVENTS: usize = 20;

/// Sends an event for each permit, and ends after so many.
async fn ticker(framing: &'static str, go: &Arc<Semaphore>) -> Origin {
    let go = Arc::clone(go);
    Origin::scripted(move |_, mut wire| {
        let go = Arc::clone(&go);
        async move {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n";
            wire.send(format!("{head}{framing}\r\n")).await;
            let is_chunked = !framing.is_empty();
            for _ in 0..EVENTS {
                go.acquire().await.unwrap().forget();
                if is_chunked {
                    wire.send_chunk(EVENT.as_bytes()).await.ok()?;
                } else {
                    wire.send(EVENT).await;
                }
            }
            if is_chunked {
                wire.send("0\r\n\r\n").await;
            }
            is_chunked.then_some(wire)
        }
    })
    .await
}

#[tokio::test]
async fn each_event_is_with_the_client_before_the_next_is_sent() {
    for framing in ["transfer-encoding: chunked\r\n", ""] {
        let go = Arc::new(Semaphore::new(0));
        let origin = ticker(framing, &go).await;
        let proxy = proxy_of(&origin).await;
        let mut client = proxy.client().await;
        for coding in ["br", "zstd", "gzip"] {
            let line = format!("accept-encoding: {coding}");
            client.send(request("GET", "/", &[&line], b"")).await;
            let head = client.wire.read_head().await.unwrap().unwrap();
            assert_eq!(head.field("content-encoding"), Some(coding));
            let mut coded = Vec::new();
            for nth in 1..=EVENTS {
                go.add_permits(1);
                while decode_so_far(coding, &coded).len() < nth * EVENT.len() {
                    coded.extend(client.wire.read_chunk().await.unwrap().unwrap());
                }
            }
            while let Some(chunk) = client.wire.read_chunk().await.unwrap() {
                coded.extend(chunk);
            }
            let body = decode(coding, &coded).unwrap();
            assert_eq!(body, EVENT.repeat(EVENTS).as_bytes());
        }
    }
}

async fn read_on(stream: &mut RecvStream, coded: &mut Vec<u8>) -> bool {
    let Some(data) = in_time("data", stream.data()).await else {
        return false;
    };
    let data = data.unwrap();
    stream.flow_control().release_capacity(data.len()).unwrap();
    coded.extend(data);
    true
}

#[tokio::test]
async fn so_it_is_by_http2() {
    let go = Arc::new(Semaphore::new(0));
    let origin = ticker("transfer-encoding: chunked\r\n", &go).await;
    let proxy = proxy_of(&origin).await;
    let client = proxy.h2_client("localhost").await;
    let request = Request::get("https://localhost/").header("accept-encoding", "zstd");
    let (response, mut sender) = client.begin(request.body(()).unwrap()).await;
    sender.send_data(bytes::Bytes::new(), true).unwrap();
    let (head, mut stream) = in_time("a head", response).await.unwrap().into_parts();
    assert_eq!(head.headers["content-encoding"], "zstd");
    let mut coded = Vec::new();
    for nth in 1..=EVENTS {
        go.add_permits(1);
        while decode_so_far("zstd", &coded).len() < nth * EVENT.len() {
            assert!(read_on(&mut stream, &mut coded).await);
        }
    }
    while read_on(&mut stream, &mut coded).await {}
    assert_eq!(
        decode("zstd", &coded).unwrap(),
        EVENT.repeat(EVENTS).as_bytes()
    );
}

#[tokio::test]
async fn data_that_came_is_not_held_back_for_what_frames_it() {
    let chunk = b"5\r\nhello\r\n";
    for at in 0..chunk.len() {
        let go = Arc::new(Semaphore::new(0));
        let gate = Arc::clone(&go);
        let origin = Origin::scripted(move |_, mut wire| {
            let gate = Arc::clone(&gate);
            async move {
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n";
                wire.send([head.as_bytes(), chunk, &chunk[..at]].concat()).await;
                gate.acquire().await.unwrap().forget();
                wire.send([&chunk[at..], b"0\r\n\r\n"].concat()).await;
                None
            }
        })
        .await;
        let proxy = proxy_of(&origin).await;
        let mut client = proxy.client().await;
        client.send(request("GET", "/", &[ANY], b"")).await;
        client.wire.read_head().await.unwrap().unwrap();
        let came = 5 + at.saturating_sub(3).min(5);
        let mut coded = Vec::new();
        while decode_so_far("br", &coded).len() < came {
            coded.extend(client.wire.read_chunk().await.unwrap().unwrap());
        }
        go.add_permits(1);
        while let Some(chunk) = client.wire.read_chunk().await.unwrap() {
            coded.extend(chunk);
        }
        assert_eq!(decode("br", &coded).unwrap(), b"hellohello", "{at}");
    }
}

#[tokio::test]
async fn many_small_chunks_compress_as_well_as_the_whole() {
    let origin = Origin::scripted(|request, mut wire| async move {
        let body = text(100_000);
        let mut reply = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n".to_vec();
        if request.target() == "/whole" {
            reply.extend_from_slice(b"content-length: 100000\r\n\r\n");
            reply.extend_from_slice(&body);
        } else {
            reply.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            for chunk in body.chunks(50) {
                reply.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                reply.extend_from_slice(chunk);
                reply.extend_from_slice(b"\r\n");
            }
            reply.extend_from_slice(b"0\r\n\r\n");
        }
        wire.send(reply).await;
        Some(wire)
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    for coding in ["br", "zstd", "gzip"] {
        let line = format!("accept-encoding: {coding}");
        let whole = client.ask("GET", "/whole", &[&line], b"").await;
        let chunked = client.ask("GET", "/chunked", &[&line], b"").await;
        for answer in [&whole, &chunked] {
            assert!(decode(coding, &answer.body).unwrap() == text(100_000));
        }
        let (whole, chunked) = (whole.body.len(), chunked.body.len());
        assert!(
            chunked < whole + whole / 4,
            "{coding}: {whole} and {chunked}"
        );
    }
}

#[tokio::test]
async fn large_bodies_arrive_byte_by_byte_as_they_were() {
    let origin = Origin::answering(|request| {
        let reply = json(asked_length(request));
        match request.target().split('/').nth(1).unwrap() {
            "chunked" => reply.chunked(),
            "close" => reply.until_close(),
            _ => reply,
        }
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let http2 = proxy.h2_client("localhost").await;
    let mut http1 = proxy.client().await;
    let mut secure = proxy.tls_client("localhost").await;
    for (path, coding) in [
        ("/length/1048576", "br"),
        ("/length/1048576", "gzip"),
        ("/chunked/1048576", "zstd"),
        ("/close/1048576", "br"),
        ("/chunked/10485760", "gzip"),
        ("/length/10485760", "zstd"),
    ] {
        let expected = text(path.rsplit('/').next().unwrap().parse().unwrap());
        let line = format!("accept-encoding: {coding}");
        for client in [&mut http1, &mut secure] {
            let answer = client
                .ask("GET", path, &["host: localhost", &line], b"")
                .await;
            assert_eq!(answer.field("content-encoding"), Some(coding));
            assert!(decode(coding, &answer.body).unwrap() == expected, "{path}");
        }
        let uri = format!("https://localhost{path}");
        let request = Request::get(uri).header("accept-encoding", coding);
        let answer = http2.ask(request.body(()).unwrap(), b"").await;
        assert_eq!(answer.fields["content-encoding"], coding);
        assert!(decode(coding, &answer.body).unwrap() == expected, "{path}");
    }
}

#[tokio::test]
async fn a_slow_client_gets_it_all() {
    let origin = Origin::answering(|request| json(asked_length(request))).await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    client.send(request("GET", "/4000000", &[ANY], b"")).await;
    // It reads nothing until others have been served.
    origin.await_count("/4000000", 1).await;
    for _ in 0..20 {
        proxy.get("/9000").await;
    }
    let answer = client.response().await;
    assert!(decode("br", &answer.body).unwrap() == text(4_000_000));
}

#[tokio::test]
async fn a_server_with_http2_is_streamed_and_its_trailers_give_way() {
    for (media, coding) in [("text/plain", Some("br")), ("application/grpc", None)] {
        let origin = H2Origin::telling(media).await;
        let site = SITE.replace("$fixed", "fixed").replace(
            "servers: [$1]",
            &format!("servers: ['{origin}'], protocol: h2c"),
        );
        let proxy = Proxy::with(&site, &[]).await;
        let body = text(100_000);
        let lines = [ANY, "host: localhost"];
        let answer = proxy.client().await.ask("POST", "/", &lines, &body).await;
        assert_eq!(answer.field("content-encoding"), coding);
        let expected = [b"echo: ", &body[..]].concat();
        assert!(decode(coding.unwrap_or_default(), &answer.body).unwrap() == expected);

        let http2 = proxy.h2_client("localhost").await;
        let request = Request::post("https://localhost/").header("accept-encoding", "br");
        let answer = http2.ask(request.body(()).unwrap(), &body).await;
        assert!(decode(coding.unwrap_or_default(), &answer.body).unwrap() == expected);
        assert_eq!(answer.trailers.is_some(), coding.is_none());
    }
}

#[tokio::test]
async fn a_server_with_http2_that_sends_a_head_alone_has_no_coding() {
    let origin = H2Origin::telling("text/plain").await;
    let site = SITE.replace("$fixed", "fixed").replace(
        "servers: [$1]",
        &format!("servers: ['{origin}'], protocol: h2c"),
    );
    let proxy = Proxy::with(&site, &[]).await;
    let mut client = proxy.client().await;
    for _ in 0..2 {
        let answer = client.ask("GET", "/nothing", &[ANY], b"").await;
        assert_eq!(answer.field("content-encoding"), None);
        assert_eq!((answer.length(), answer.body.len()), (Some(0), 0));
    }
    let http2 = proxy.h2_client("localhost").await;
    let request = Request::get("https://localhost/nothing").header("accept-encoding", "br");
    let answer = http2.ask(request.body(()).unwrap(), b"").await;
    assert_eq!(answer.fields.get("content-encoding"), None);
    assert_eq!(answer.fields["content-length"], "0");
    let line = proxy.logged(|line| line["path"] == "/nothing").await;
    assert!(line["coding"].is_null(), "{line}");
}

#[tokio::test]
async fn beyond_their_number_streams_pass_as_they_are_until_one_ends() {
    let go = Arc::new(Semaphore::new(0));
    let origin = ticker("transfer-encoding: chunked\r\n", &go).await;
    let site = SITE.replace("$fixed", "fixed").replace(
        "defaults: { compress: { cpu_guard: false } }",
        "defaults: { compress: { cpu_guard: false, streams: 1 } }",
    );
    let proxy = Proxy::with(&site, &[&origin]).await;
    let coding_of = async || {
        let mut client = proxy.client().await;
        client.send(request("GET", "/", &[ANY], b"")).await;
        let head = client.wire.read_head().await.unwrap().unwrap();
        (head.field("content-encoding").map(str::to_owned), client)
    };
    let (first, client) = coding_of().await;
    assert_eq!(first.as_deref(), Some("br"));
    let (second, other) = coding_of().await;
    assert_eq!(second, None);
    drop((client, other));
    let labels = [("reason", "streams")];
    proxy
        .await_metric("simplon_compression_skipped_total", &labels, 1)
        .await;
    // The first has left in the middle, and has given its place back.
    let labels = [("coding", "br")];
    proxy
        .await_metric("simplon_compressed_responses_total", &labels, 1)
        .await;
    // It is counted a moment before.
    let free = async { while coding_of().await.0.is_none() {} };
    in_time("a place that is free", free).await;
}

#[tokio::test]
async fn streams_are_counted_by_policy_and_over_reloads_and_whole_bodies_go_beyond_them() {
    let origin = Origin::scripted(|request, mut wire| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
        if request.target() == "/whole" {
            let head = format!("{head}content-length: 100000\r\n\r\n");
            wire.send([head.as_bytes(), &text(100_000)].concat()).await;
            return Some(wire);
        }
        let first = format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
        wire.send(first).await;
        std::future::pending().await
    })
    .await;
    let site = SITE
        .replace("$fixed", "fixed")
        .replace("cpu_guard: false }", "cpu_guard: false, streams: 1 }");
    let proxy = Proxy::with(&site, &[&origin]).await;
    let mut clients = Vec::new();
    let mut coding_of = async |path| {
        let mut client = proxy.client().await;
        client.send(request("GET", path, &[ANY], b"")).await;
        let head = client.wire.read_head().await.unwrap().unwrap();
        clients.push(client);
        head.field("content-encoding").map(str::to_owned)
    };
    assert_eq!(coding_of("/").await.as_deref(), Some("br"));
    assert_eq!(coding_of("/gzip").await.as_deref(), Some("gzip"));
    proxy.rewrite(&site.replace("path: /brief,", "path: /short,"));
    proxy.reload().await;
    for path in ["/", "/gzip"] {
        assert_eq!(coding_of(path).await, None, "{path}");
    }
    assert_eq!(coding_of("/cookies").await.as_deref(), Some("br"));
    let answer = proxy.client().await.ask("GET", "/whole", &[ANY], b"").await;
    assert_eq!(answer.length(), Some(answer.body.len()));
    assert!(decode("br", &answer.body).unwrap() == text(100_000));
}

#[tokio::test]
async fn an_upgrade_passes_untouched() {
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                  content-type: text/plain\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let origin = Origin::scripted(move |_, mut wire| async move {
        wire.send([agreed.as_bytes(), &text(5000)].concat()).await;
        let said = wire.read_exactly(5).await.ok()?;
        wire.send(said).await;
        None
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let mut client = proxy.client().await;
    let lines = [
        ANY,
        "connection: Upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    client.send(request("GET", "/", &lines, b"")).await;
    let answer = client.response().await;
    assert_eq!(answer.status(), 101);
    assert!(!answer.has("content-encoding") && !answer.has("vary"));
    assert!(client.wire.read_exactly(5000).await.unwrap() == text(5000));
    client.send("hello").await;
    assert_eq!(client.wire.read_exactly(5).await.unwrap(), b"hello");
}

/// In gzip.
fn packed(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

#[tokio::test]
async fn what_a_client_has_compressed_is_never_unpacked() {
    let origin = Origin::saying("hello").await;
    let proxy = proxy_of(&origin).await;
    let bomb = packed(&vec![0; 64 << 20]);
    let lines = ["content-encoding: gzip", "content-type: text/plain"];
    let before = proxy.memory();
    let answer = proxy.client().await.ask("POST", "/", &lines, &bomb).await;
    assert_eq!(answer.status(), 200);
    let grown = proxy.memory().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown}");
    let asked = origin.only_request();
    assert!(asked.body == bomb);
    assert_eq!(asked.field("content-encoding"), Some("gzip"));
}

#[tokio::test]
async fn what_a_server_has_compressed_is_not_compressed_again() {
    let coded = Arc::new(packed(&text(300_000)));
    let theirs = Arc::clone(&coded);
    let origin = Origin::answering(move |_| {
        Reply::ok(theirs.to_vec())
            .with("content-type: text/plain")
            .with("content-encoding: gzip")
            .with("vary: accept-encoding")
            .with("etag: \"theirs\"")
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let answer = proxy.client().await.ask("GET", "/", &[ANY], b"").await;
    assert!(answer.body == *coded);
    assert_eq!(answer.length(), Some(coded.len()));
    assert_eq!(answer.field("etag"), Some("\"theirs\""));
    assert_eq!(answer.field("vary"), Some("accept-encoding"));
    let asked = origin.only_request();
    assert_eq!(
        asked.field("accept-encoding"),
        Some("gzip, deflate, br, zstd")
    );
}
