//! Who gets what: one row a case.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::super::{Compress, Engines, Load, Offer, Plan, Skipped};
use crate::{
    config::{model, units::ByteSize},
    policy::Coding,
};

const BR: Plan = Plan::Coded(Coding::Brotli);
const ZSTD: Plan = Plan::Coded(Coding::Zstd);
const GZIP: Plan = Plan::Coded(Coding::Gzip);

fn compress(spec: &model::Compress) -> Compress {
    Compress::new(spec, "defaults", &Arc::new(Engines::default()))
}

fn usual() -> Compress {
    compress(&model::Compress::default())
}

fn fields(lines: &[(&str, &str)]) -> HeaderMap {
    let line = |(name, value): &(&str, &str)| {
        let name = HeaderName::try_from(*name).unwrap();
        (name, HeaderValue::try_from(*value).unwrap())
    };
    lines.iter().map(line).collect()
}

fn offer(compress: &Compress, request: &[(&str, &str)]) -> Offer {
    compress.accept(&Method::GET, Version::HTTP_11, (&fields(request)).into())
}

/// What becomes of a response to a client that takes everything.
fn plan(compress: &Compress, status: u16, response: &[(&str, &str)], length: Option<u64>) -> Plan {
    let offer = offer(compress, &[("accept-encoding", "gzip, deflate, br, zstd")]);
    let status = StatusCode::from_u16(status).unwrap();
    compress.decide(offer, status, (&fields(response)).into(), length)
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn the_client_and_our_order_choose_the_coding() {
    let usual = usual();
    let is = |request: &[(&str, &str)], expected: Plan| {
        let offer = offer(&usual, request);
        let plan = usual.decide(offer, StatusCode::OK, (&fields(&[JSON])).into(), Some(5000));
        assert_eq!(plan, expected, "{request:?}");
    };
    for (accepted, expected) in [
        ("gzip, deflate, br, zstd", BR),
        ("gzip, deflate, zstd", ZSTD),
        ("gzip", GZIP),
        ("x-gzip", GZIP),
        ("br;q=0.1, gzip;q=0.9", GZIP),
        ("*", BR),
        ("br;q=0, *;q=0.5", ZSTD),
        ("deflate", Plan::Plain),
        ("compress, dcb, dcz", Plan::Plain),
        ("", Plan::Plain),
        ("identity", Plan::Plain),
        ("identity;q=0, gzip", GZIP),
        ("gzip;q=0", Plan::Plain),
        // Neither ours nor none: it goes as it is.
        ("identity;q=0", Plan::Plain),
        ("*;q=0", Plan::Plain),
    ] {
        is(&[("accept-encoding", accepted)], expected);
    }
    is(&[], Plan::Plain);
    is(
        &[("accept-encoding", "gzip"), ("accept-encoding", "br")],
        BR,
    );
    let all = ("accept-encoding", "br, gzip");
    is(&[all, ("cache-control", "no-transform")], Plan::Plain);
    is(
        &[all, ("cache-control", "max-age=0, No-Transform")],
        Plan::Plain,
    );
    is(&[all, ("cache-control", "no-cache")], BR);
    // A range that the server answers with all of it is as any other response.
    is(&[all, ("range", "bytes=0-99")], BR);
    is(&[all, ("range", "bytes=0-99"), ("if-range", "W/\"1\"")], BR);
    is(&[all, ("if-match", "W/\"1\"")], BR);
}

#[test]
fn methods_and_versions_make_a_difference_where_they_must() {
    let usual = usual();
    let request = fields(&[("accept-encoding", "gzip")]);
    for (method, version, expected) in [
        (Method::GET, Version::HTTP_11, GZIP),
        (Method::GET, Version::HTTP_2, GZIP),
        (Method::POST, Version::HTTP_11, GZIP),
        // As GET would be, without the body.
        (Method::HEAD, Version::HTTP_11, GZIP),
        (Method::GET, Version::HTTP_10, Plan::Plain),
        (Method::CONNECT, Version::HTTP_2, Plan::Plain),
    ] {
        let offer = usual.accept(&method, version, (&request).into());
        let plan = usual.decide(offer, StatusCode::OK, (&fields(&[JSON])).into(), Some(5000));
        assert_eq!(plan, expected, "{method} {version:?}");
    }
}

#[test]
fn every_status_with_a_whole_body_is_compressed() {
    for (status, expected) in [
        (200, BR),
        (201, BR),
        (203, BR),
        (207, BR),
        (301, BR),
        (403, BR),
        (404, BR),
        (412, BR),
        (416, BR),
        (500, BR),
        (503, BR),
        (100, Plan::Untouched),
        (101, Plan::Untouched),
        (103, Plan::Untouched),
        (204, Plan::Untouched),
        (205, Plan::Untouched),
        (206, Plan::Untouched),
        (304, Plan::Confirmed),
    ] {
        assert_eq!(plan(&usual(), status, &[JSON], None), expected, "{status}");
    }
}

#[test]
fn a_length_counts_from_the_least_and_one_not_known_is_large() {
    let usual = usual();
    for (length, expected) in [
        (None, BR),
        (Some(0), Plan::Untouched),
        (Some(1023), Plan::Untouched),
        (Some(1024), BR),
        (Some(u64::MAX), BR),
    ] {
        assert_eq!(plan(&usual, 200, &[JSON], length), expected, "{length:?}");
    }
    let all = compress(&model::Compress {
        min_size: ByteSize::bytes(0),
        ..model::Compress::default()
    });
    assert_eq!(plan(&all, 200, &[JSON], Some(1)), BR);
    assert_eq!(plan(&all, 200, &[JSON], Some(0)), Plan::Untouched);
    for (length, is_whole) in [
        (0, false),
        (1023, false),
        (1024, true),
        (262_144, true),
        (262_145, false),
    ] {
        assert_eq!(usual.is_whole(length), is_whole, "{length}");
    }
    assert!(all.is_whole(1) && !all.is_whole(0));
}

#[test]
fn types_are_those_of_the_list_whatever_their_case_and_parameters() {
    let usual = usual();
    for (value, expected) in [
        ("text/html", BR),
        ("TEXT/HTML; Charset=UTF-8", BR),
        ("text/html;charset=utf-8", BR),
        ("text/event-stream", BR),
        ("text/x-anything", BR),
        ("application/json", BR),
        ("application/problem+json", BR),
        ("application/ld+JSON ; profile=\"a;b\"", BR),
        ("application/atom+xml", BR),
        ("image/svg+xml", BR),
        ("application/javascript", BR),
        ("application/wasm", BR),
        ("font/ttf", BR),
        ("font/otf", BR),
        ("application/vnd.ms-fontobject", BR),
        ("image/x-icon", BR),
        ("font/woff", Plan::Untouched),
        ("font/woff2", Plan::Untouched),
        ("image/png", Plan::Untouched),
        ("image/jpeg", Plan::Untouched),
        ("video/mp4", Plan::Untouched),
        ("application/zip", Plan::Untouched),
        ("application/gzip", Plan::Untouched),
        ("application/pdf", Plan::Untouched),
        ("application/octet-stream", Plan::Untouched),
        ("application/jsonx", Plan::Untouched),
        ("application/grpc", Plan::Untouched),
        ("application/grpc+json", Plan::Untouched),
        ("application/grpc-web-text+xml", Plan::Untouched),
        ("multipart/byteranges; boundary=x", Plan::Untouched),
        ("text", Plan::Untouched),
        ("", Plan::Untouched),
        (";", Plan::Untouched),
    ] {
        let response = [("content-type", value)];
        assert_eq!(plan(&usual, 200, &response, None), expected, "{value:?}");
    }
    assert_eq!(
        plan(&usual, 200, &[], None),
        Plan::Untouched,
        "no type at all"
    );
    let other = compress(&model::Compress {
        types: ["multipart/*", "+proto", "application/pdf"]
            .into_iter()
            .filter_map(model::MediaRange::parse)
            .collect(),
        ..model::Compress::default()
    });
    for (value, expected) in [
        ("multipart/mixed", BR),
        ("multipart/byteranges", Plan::Untouched),
        ("application/x+proto", BR),
        ("application/grpc+proto", Plan::Untouched),
        ("application/pdf", BR),
        ("text/html", Plan::Untouched),
    ] {
        let response = [("content-type", value)];
        assert_eq!(plan(&other, 200, &response, None), expected, "{value:?}");
    }
}

#[test]
fn what_the_server_says_of_its_response_is_respected() {
    for (name, value, expected) in [
        ("content-encoding", "gzip", Plan::Untouched),
        ("content-encoding", "br", Plan::Untouched),
        ("content-encoding", "aes128gcm", Plan::Untouched),
        ("content-encoding", "identity, gzip", Plan::Untouched),
        ("content-encoding", "identity", BR),
        ("content-encoding", "Identity, ", BR),
        ("content-encoding", "", BR),
        ("cache-control", "no-transform", Plan::Untouched),
        (
            "cache-control",
            "public, NO-TRANSFORM, max-age=5",
            Plan::Untouched,
        ),
        ("cache-control", "public, max-age=5", BR),
        ("cache-control", "x-no-transform", BR),
        ("content-range", "bytes 0-99/1000", Plan::Untouched),
        ("set-cookie", "session=1", Plan::Untouched),
        ("transfer-encoding", "chunked", BR),
        ("transfer-encoding", "gzip, chunked", Plan::Untouched),
        ("trailer", "Server-Timing", BR),
        ("trailer", "Server-Timing, Repr-Digest", Plan::Untouched),
        ("trailer", "content-md5", Plan::Untouched),
        (
            "signature-input",
            "sig=(\"content-digest\")",
            Plan::Untouched,
        ),
        ("content-digest", "sha-256=:AA==:", BR),
        ("accept-ranges", "bytes", BR),
        ("etag", "\"1\"", BR),
        ("vary", "*", BR),
        ("authorization", "none", BR),
    ] {
        let response = [JSON, (name, value)];
        assert_eq!(
            plan(&usual(), 200, &response, None),
            expected,
            "{name}: {value}"
        );
        // Two lines are one list, and the second one's word counts as well.
        let response = [JSON, (name, ""), (name, value)];
        assert_eq!(
            plan(&usual(), 200, &response, None),
            expected,
            "{name}: {value}"
        );
    }
    let with_cookies = compress(&model::Compress {
        cookies: true,
        ..model::Compress::default()
    });
    let response = [JSON, ("set-cookie", "session=1")];
    assert_eq!(plan(&with_cookies, 200, &response, None), BR);
}

#[test]
fn a_304_speaks_of_what_the_client_has() {
    let usual = usual();
    let all = ("accept-encoding", "br, gzip");
    for (request, response, expected) in [
        (
            &[all, ("if-none-match", "W/\"1\"")][..],
            &[][..],
            Plan::Confirmed,
        ),
        (
            &[all, ("if-none-match", "\"0\", W/\"1\"")],
            &[],
            Plan::Confirmed,
        ),
        (&[all, ("if-none-match", "*")], &[], Plan::Confirmed),
        (&[all], &[JSON], Plan::Confirmed),
        (&[all], &[], Plan::Confirmed),
        // It has it as the server sent it.
        (&[all, ("if-none-match", "\"1\"")], &[], Plan::Plain),
        (
            &[all, ("if-none-match", "\"1\", \"2\"")],
            &[JSON],
            Plan::Plain,
        ),
        (&[("if-none-match", "W/\"1\"")], &[], Plan::Plain),
        (&[all], &[("content-type", "image/png")], Plan::Untouched),
        (&[all], &[("content-encoding", "gzip")], Plan::Untouched),
        (
            &[all],
            &[("cache-control", "no-transform")],
            Plan::Untouched,
        ),
    ] {
        let offer = offer(&usual, request);
        let plan = usual.decide(
            offer,
            StatusCode::NOT_MODIFIED,
            (&fields(response)).into(),
            None,
        );
        assert_eq!(plan, expected, "{request:?} {response:?}");
    }
}

#[test]
fn the_order_is_the_configurations() {
    for (encodings, expected) in [
        (&[Coding::Gzip, Coding::Brotli][..], GZIP),
        (&[Coding::Zstd, Coding::Brotli], ZSTD),
        (&[Coding::Brotli], BR),
    ] {
        let compress = compress(&model::Compress {
            encodings: encodings.into(),
            ..model::Compress::default()
        });
        assert_eq!(plan(&compress, 200, &[JSON], None), expected);
    }
}

#[test]
fn a_body_is_skipped_when_it_gains_nothing_or_there_is_no_room_or_no_time() {
    let body = vec![b'x'; 5000];
    let busy = Load::thousandths(950);
    let usual = usual();
    assert!(usual.whole(Coding::Gzip, &body, Load::NONE).unwrap().len() < 100);
    let skipped = usual.whole(Coding::Gzip, b"short", Load::NONE);
    assert_eq!(skipped, Err(Skipped::NoGain));
    assert_eq!(usual.whole(Coding::Gzip, &body, busy), Err(Skipped::Load));
    let skipped = usual.stream(Coding::Gzip, None, busy).err();
    assert_eq!(skipped, Some(Skipped::Load));

    let two = compress(&model::Compress {
        streams: 2,
        cpu_guard: false,
        ..model::Compress::default()
    });
    let first = two.stream(Coding::Brotli, None, busy).unwrap();
    let second = two.stream(Coding::Gzip, None, busy).unwrap();
    let skipped = two.stream(Coding::Zstd, None, busy).err();
    assert_eq!(skipped, Some(Skipped::Streams));
    assert!(
        two.whole(Coding::Zstd, &body, busy).is_ok(),
        "that takes no seat"
    );
    drop(first);
    assert!(two.stream(Coding::Zstd, None, busy).is_ok());
    drop(second);
}

#[test]
fn a_policy_counts_its_own_streams_and_those_that_run_from_before_a_reload() {
    let engines = Arc::new(Engines::default());
    let one = |owner| {
        let spec = model::Compress {
            streams: 1,
            ..model::Compress::default()
        };
        Compress::new(&spec, owner, &engines)
    };
    let may = |compress: &Compress| compress.stream(Coding::Gzip, None, Load::NONE).ok();
    let before = one("shop");
    let running = may(&before).unwrap();
    assert!(may(&one("news")).is_some(), "another policy's");
    drop(before); // with its snapshot; the stream goes on
    let after = one("shop");
    assert!(may(&after).is_none());
    drop(running);
    assert!(may(&after).is_some());
}
