//! The front end in every coding, and as little of it as the client needs.

use std::io::Read;

use crate::client::Client;
use crate::server::Server;

/// The paths of the page and of everything it refers to.
fn assets(client: &mut Client) -> Vec<String> {
    let page = client.get("/", &[]);
    let names = page
        .text()
        .split(['"', ' '])
        .filter(|name| name.starts_with('/') && name.contains('.'));
    let mut paths: Vec<_> = names.map(str::to_owned).collect();
    paths.push("/".to_owned());
    paths.sort();
    paths.dedup();
    assert_eq!(
        paths.len(),
        4,
        "the page, its style, its script and its picture: {paths:?}"
    );
    paths
}

fn decode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match coding {
        "br" => brotli::Decompressor::new(bytes, 4096).read_to_end(&mut plain),
        "zstd" => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_end(&mut plain),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut plain),
        other => panic!("unknown coding {other}"),
    }
    .unwrap();
    plain
}

#[test]
fn every_coding_decodes_to_the_very_bytes_of_identity() {
    let server = Server::start();
    let mut client = server.client();
    let mut compressed = 0;
    for path in assets(&mut client) {
        let plain = client.get(&path, &[]);
        assert_eq!(
            (plain.status, plain.header("content-encoding")),
            (200, None),
            "{path}"
        );
        for coding in ["br", "zstd", "gzip"] {
            let packed = client.get(&path, &[&format!("Accept-Encoding: {coding}")]);
            assert_eq!(
                packed.header("vary"),
                Some("Accept-Encoding"),
                "{path} {coding}"
            );
            assert_eq!(
                packed.header("content-type"),
                plain.header("content-type"),
                "{path} {coding}"
            );
            if packed.header("content-encoding").is_none() {
                assert_eq!(packed.body, plain.body, "{path} is not worth {coding}");
                continue;
            }
            compressed += 1;
            assert_eq!(packed.header("content-encoding"), Some(coding), "{path}");
            assert!(packed.body.len() < plain.body.len(), "{path} {coding}");
            assert_ne!(
                packed.header("etag"),
                plain.header("etag"),
                "{path} {coding}"
            );
            assert_eq!(decode(coding, &packed.body), plain.body, "{path} {coding}");
        }
    }
    assert!(
        compressed >= 9,
        "page, style and script are worth every coding, {compressed} were"
    );
}

#[test]
fn a_browser_gets_brotli() {
    let server = Server::start();
    let response = server
        .client()
        .get("/", &["Accept-Encoding: gzip, deflate, br, zstd"]);
    assert_eq!(response.header("content-encoding"), Some("br"));
}

#[test]
fn what_the_client_has_is_not_sent_again() {
    let server = Server::start();
    let mut client = server.client();
    for path in assets(&mut client) {
        let accept = "Accept-Encoding: br";
        let first = client.get(&path, &[accept]);
        let etag = first.header("etag").unwrap();
        assert!(etag.starts_with('"'), "{etag} is strong");
        let again = client.get(
            &path,
            &[accept, &format!("If-None-Match: \"other\", W/{etag}")],
        );
        assert_eq!(again.status, 304, "{path}");
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(again.header(name), first.header(name), "{path} {name}");
        }
        let expected = if path == "/" {
            "no-cache"
        } else {
            "public, max-age=31536000, immutable"
        };
        assert_eq!(first.header("cache-control"), Some(expected), "{path}");
    }
}
