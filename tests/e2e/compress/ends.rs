//! How a coded body ends: well when all of it is there, and badly, for all to see, when it is not.

use std::process::Output;

use http::Request;
use tokio::process::Command;

use super::{
    ANY, SITE, asked_length,
    decode::{decode, decode_by_python},
    json, proxy_of, text,
};
use crate::harness::{Origin, Proxy, in_time, request};

/// What curl makes of a path, and what it says on standard output.
async fn curl(proxy: &Proxy, path: &str, options: &[&str]) -> Output {
    let url = format!("https://localhost:{}{path}", proxy.https());
    let authority = proxy.state().join("dev-ca.pem");
    let mut command = Command::new("curl");
    command
        .args(["-sS", "--compressed", "--cacert"])
        .arg(authority);
    command.args(options).arg(url);
    in_time("curl", command.output()).await.unwrap()
}

#[tokio::test]
async fn curl_decodes_each_coding_by_each_protocol() {
    let origin = Origin::answering(|request| {
        let reply = json(asked_length(request));
        if request.target().starts_with("/chunked") {
            reply.chunked()
        } else {
            reply
        }
    })
    .await;
    let proxy = proxy_of(&origin).await;
    for version in ["--http1.1", "--http2"] {
        for coding in ["br", "zstd", "gzip"] {
            let field = format!("accept-encoding: {coding}");
            for (path, length) in [
                ("/8192", 8192),
                ("/chunked/8192", 8192),
                ("/600000", 600_000),
            ] {
                let output = curl(&proxy, path, &[version, "-H", &field]).await;
                assert!(output.status.success(), "{output:?}");
                assert!(output.stdout == text(length), "{version} {coding} {path}");
            }
        }
    }
}

#[tokio::test]
async fn python_decodes_gzip() {
    let origin = Origin::answering(|request| json(asked_length(request))).await;
    let proxy = proxy_of(&origin).await;
    for length in [8192, 600_000] {
        let mut client = proxy.client().await;
        let path = format!("/{length}");
        let answer = client
            .ask("GET", &path, &["accept-encoding: gzip"], b"")
            .await;
        assert_eq!(answer.field("content-encoding"), Some("gzip"));
        assert!(decode_by_python(&answer.body).await == text(length));
    }
}

/// Breaks off in the middle of a body that is no longer held, as its path says.
async fn breaking() -> Origin {
    Origin::scripted(|request, mut wire| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
        let framing = match request.target() {
            "/length" => "content-length: 1000000\r\n\r\n",
            _ => "transfer-encoding: chunked\r\n\r\nfffff\r\n",
        };
        let sent = [head.as_bytes(), framing.as_bytes(), &text(400_000)].concat();
        wire.send(sent).await;
        if request.target() == "/reset" {
            wire.reset();
        }
        None
    })
    .await
}

const BREAKS: [&str; 3] = ["/length", "/chunked", "/reset"];

#[tokio::test]
async fn by_http1_a_body_that_is_broken_off_has_no_end() {
    let origin = breaking().await;
    let proxy = proxy_of(&origin).await;
    for path in BREAKS {
        for coding in ["br", "zstd", "gzip"] {
            let line = format!("accept-encoding: {coding}");
            let mut client = proxy.client().await;
            client.send(request("GET", path, &[&line], b"")).await;
            let head = client.wire.read_head().await.unwrap().unwrap();
            assert_eq!(head.field("content-encoding"), Some(coding));
            let mut coded = Vec::new();
            let end = loop {
                match client.wire.read_chunk().await {
                    Ok(Some(chunk)) => coded.extend(chunk),
                    end => break end,
                }
            };
            assert!(end.is_err(), "{path}: a last chunk was sent");
            // Nor does the coded body end.
            assert!(decode(coding, &coded).is_err(), "{path} {coding}");
        }
    }
}

#[tokio::test]
async fn by_http2_its_stream_is_reset() {
    let origin = breaking().await;
    let proxy = proxy_of(&origin).await;
    let client = proxy.h2_client("localhost").await;
    for path in BREAKS {
        let uri = format!("https://localhost{path}");
        let request = Request::get(uri).header("accept-encoding", "br");
        let answer = in_time("an end", client.try_ask(request.body(()).unwrap(), b"")).await;
        assert!(answer.is_err_and(|error| error.is_reset()), "{path}");
    }
}

#[tokio::test]
async fn curl_sees_that_it_has_not_all() {
    let origin = breaking().await;
    let proxy = proxy_of(&origin).await;
    for path in BREAKS {
        for (version, codes) in [("--http1.1", [18, 56]), ("--http2", [92, 92])] {
            let output = curl(&proxy, path, &[version]).await;
            let code = output.status.code().unwrap();
            assert!(codes.contains(&code), "{version} {path}: {output:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_stalls_in_the_middle_ends_badly_too() {
    let origin = Origin::scripted(|_, mut wire| async move {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 9000\r\n\r\n";
        wire.send([head.as_bytes(), &text(4000)].concat()).await;
        std::future::pending().await
    })
    .await;
    for timeouts in ["idle: 2s", "first_byte: 2s, idle: 300ms"] {
        let site = SITE.replace("$fixed", "fixed").replace(
            "servers: [$1]",
            &format!("servers: [$1], timeouts: {{ {timeouts} }}"),
        );
        let proxy = Proxy::with(&site, &[&origin]).await;
        let mut client = proxy.client().await;
        client.send(request("GET", "/", &[ANY], b"")).await;
        let head = client.wire.read_head().await.unwrap().unwrap();
        assert_eq!(head.status(), 200, "{timeouts}");
        let mut end = client.wire.read_chunk().await;
        while let Ok(Some(_)) = end {
            end = client.wire.read_chunk().await;
        }
        assert!(end.is_err(), "{timeouts}");
    }
}

#[tokio::test]
async fn a_browser_reads_it() {
    let page = || {
        let filler = "<p>said again and again</p>".repeat(400);
        format!("<!doctype html><title>t</title>{filler}<p id=end>the very end</p>")
    };
    let origin = Origin::answering(move |_| {
        crate::harness::Reply::ok(page()).with("content-type: text/html")
    })
    .await;
    let proxy = proxy_of(&origin).await;
    let profile = tempfile::tempdir().unwrap();
    let url = format!("https://localhost:{}/", proxy.https());
    let mut command = Command::new("chromium");
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg("--ignore-certificate-errors")
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url);
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), command.output());
    let output = output.await.unwrap().unwrap();
    let seen = String::from_utf8_lossy(&output.stdout);
    assert!(seen.contains("the very end"), "{output:?}");
    let line = proxy.logged(|line| line["path"] == "/").await;
    assert_eq!(
        (line["coding"].as_str(), line["protocol"].as_str()),
        (Some("br"), Some("HTTP/2"))
    );
}
