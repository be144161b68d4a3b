//! What becomes of heads and bodies, without any connection.

use http::{HeaderMap, Method, StatusCode, Version};

use super::*;
use crate::{config::model, policy::Engines};

fn compress(streams: usize) -> Arc<Compress> {
    let spec = model::Compress {
        streams,
        ..model::Compress::default()
    };
    Arc::new(Compress::new(&spec, "defaults", &Arc::<Engines>::default()))
}

/// Of a client that takes anything.
fn coder(compress: &Arc<Compress>) -> Coder {
    let mut fields = HeaderMap::new();
    fields.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("*"));
    let mut coder = Coder::default();
    coder.offer(compress.accept(&Method::GET, Version::HTTP_11, (&fields).into()));
    coder.try_anew(Some(compress));
    coder
}

fn head(length: Option<usize>) -> HeaderMap {
    let mut head = HeaderMap::new();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    if let Some(length) = length {
        head.insert(header::CONTENT_LENGTH, length.into());
    }
    head
}

fn field(head: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    head.get(name).map(|value| value.to_str().unwrap())
}

async fn begin(coder: &mut Coder, compress: &Compress, length: Option<usize>) -> HeaderMap {
    let mut head = head(length);
    coder
        .begin(
            compress,
            Load::NONE,
            &Method::GET,
            StatusCode::OK,
            &mut head,
        )
        .await;
    head
}

/// The body that comes of these pieces, the last of which is the end.
fn pass(coder: &mut Coder, pieces: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (nth, piece) in pieces.iter().enumerate() {
        let mut body = Some(Bytes::copy_from_slice(piece));
        coder.pass(&mut body, nth + 1 == pieces.len()).unwrap();
        out.extend(body.unwrap_or_default());
    }
    out
}

fn decoded(coded: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut decoder = brotli::Decompressor::new(coded, 4096);
    std::io::Read::read_to_end(&mut decoder, &mut body).unwrap();
    body
}

#[tokio::test]
async fn what_is_compressed_whole_leaves_in_no_larger_pieces_than_it_came() {
    let compress = compress(8);
    let mut number: u64 = 1;
    let noise = std::iter::repeat_with(|| {
        number = number
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:08x}", number >> 32)
    });
    let body = Bytes::from(noise.take(25_000).collect::<String>()); // becomes half as long
    for size in [1000, 4096, 16 << 10, body.len()] {
        let mut coder = coder(&compress);
        coder.passage().unwrap().hold(body.clone());
        let head = begin(&mut coder, &compress, Some(body.len())).await;
        let mut sent = Vec::new();
        let count = body.len().div_ceil(size);
        for (nth, piece) in body.chunks(size).enumerate() {
            let mut given = Some(Bytes::copy_from_slice(piece));
            coder.pass(&mut given, nth + 1 == count).unwrap();
            assert!(
                given
                    .as_ref()
                    .is_none_or(|given| given.len() <= piece.len())
            );
            assert!(
                nth + 1 < count || given.is_some(),
                "something is left for the end"
            );
            sent.extend(given.unwrap_or_default());
        }
        let length = sent.len().to_string();
        assert_eq!(field(&head, header::CONTENT_LENGTH), Some(&*length));
        assert!(decoded(&sent) == body);
    }
}

#[tokio::test]
async fn what_ends_with_its_head_has_no_coding_but_a_length() {
    let compress = compress(8);
    for (method, status, length) in [
        (Method::GET, 200, Some("0")),
        (Method::GET, 404, Some("0")),
        (Method::GET, 304, None),
        (Method::HEAD, 200, None),
    ] {
        let mut coder = coder(&compress);
        coder.ends_with_head(true);
        let mut head = head(None);
        let answered = StatusCode::from_u16(status).unwrap();
        coder
            .begin(&compress, Load::NONE, &method, answered, &mut head)
            .await;
        assert!(coder.squeezed().coding.is_none());
        assert_eq!(field(&head, header::CONTENT_LENGTH), length, "{status}");
        assert_eq!(field(&head, header::TRANSFER_ENCODING), None);
        let is_coded = method == Method::HEAD; // as the answer to GET would be
        assert_eq!(field(&head, header::CONTENT_ENCODING).is_some(), is_coded);
    }
}

#[tokio::test]
async fn a_stream_loses_its_length_and_is_counted() {
    let compress = compress(8);
    let mut coder = coder(&compress);
    let head = begin(&mut coder, &compress, Some(300_000)).await;
    assert_eq!(field(&head, header::CONTENT_LENGTH), None);
    assert_eq!(field(&head, header::TRANSFER_ENCODING), Some("chunked"));
    assert_eq!(field(&head, header::CONTENT_ENCODING), Some("br"));
    let body = "abc".repeat(100_000).into_bytes();
    let (one, other) = body.split_at(70_000);
    let sent = pass(&mut coder, &[one, other]);
    assert!(decoded(&sent) == body);
    let squeezed = coder.squeezed();
    assert_eq!(
        (squeezed.taken, squeezed.given),
        (300_000, sent.len() as u64)
    );
}

#[tokio::test]
async fn without_a_passage_every_piece_can_be_decoded_at_once() {
    let compress = compress(8);
    let mut coder = coder(&compress);
    coder.passage = None; // as before a server with HTTP/2
    begin(&mut coder, &compress, None).await;
    for _ in 0..3 {
        let mut piece = Some(Bytes::from_static(b"event"));
        coder.pass(&mut piece, false).unwrap();
        assert!(piece.is_some());
    }
    assert!(coder.finish().unwrap().is_some());
    assert!(coder.finish().unwrap().is_none(), "it ends once");
}

#[tokio::test]
async fn a_body_of_another_length_than_its_heads_has_no_end() {
    let compress = compress(8);
    let mut coder = coder(&compress);
    begin(&mut coder, &compress, Some(300_000)).await;
    let mut body = Some(Bytes::from_static(b"no more than this"));
    assert!(coder.pass(&mut body, true).is_err());
}

#[tokio::test]
async fn while_the_processors_are_busy_bodies_go_as_they_are() {
    let compress = compress(8);
    for length in [5000, 300_000] {
        let mut coder = coder(&compress);
        let mut head = head(Some(length));
        coder
            .begin(
                &compress,
                Load::thousandths(990),
                &Method::GET,
                StatusCode::OK,
                &mut head,
            )
            .await;
        assert_eq!(coder.squeezed().skipped, Some(Skipped::Load));
        assert_eq!(field(&head, header::CONTENT_ENCODING), None);
        assert_eq!(field(&head, header::VARY), Some("Accept-Encoding"));
        assert!(field(&head, header::CONTENT_LENGTH).is_some());
        assert_eq!(pass(&mut coder, &[b"as it is"]), b"as it is");
    }
}

#[tokio::test]
async fn the_next_try_begins_with_nothing_of_the_last() {
    let compress = compress(1);
    let mut coder = coder(&compress);
    begin(&mut coder, &compress, None).await;
    assert!(coder.squeezed().coding.is_some());
    for _ in 0..3 {
        coder.try_anew(Some(&compress));
        let squeezed = coder.squeezed();
        assert!(squeezed.coding.is_none() && squeezed.skipped.is_none());
        assert_eq!(pass(&mut coder, &[b"as it ", b"is"]), b"as it is");
        // The one place was given back.
        begin(&mut coder, &compress, None).await;
        assert!(coder.squeezed().coding.is_some());
    }
}

#[tokio::test]
async fn an_answer_in_the_place_of_a_response_is_whole() {
    let compress = compress(1);
    let mut coder = coder(&compress);
    begin(&mut coder, &compress, None).await;
    for (length, method, coded) in [
        (5000, Method::GET, true),
        (100, Method::GET, false),
        (100_000, Method::GET, true),
        (5000, Method::HEAD, true),
    ] {
        let mut head = head(None);
        let body = Bytes::from("abcde".repeat(length / 5));
        let sent = coder
            .answer(
                &compress,
                Load::NONE,
                &method,
                StatusCode::OK,
                &mut head,
                &body,
            )
            .await;
        let is_coded = field(&head, header::CONTENT_ENCODING).is_some();
        assert_eq!(is_coded, coded, "{length}");
        if method == Method::HEAD {
            assert_eq!(field(&head, header::CONTENT_LENGTH), None);
            continue;
        }
        let said: usize = field(&head, header::CONTENT_LENGTH)
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(said, sent.len());
        assert!(if coded {
            decoded(&sent) == body
        } else {
            sent == body
        });
    }
}

#[tokio::test]
async fn whoever_is_offered_nothing_costs_nothing() {
    let compress = compress(8);
    let mut coder = Coder::default();
    coder.try_anew(Some(&compress));
    assert!(coder.passage().is_none());
    let head = begin(&mut coder, &compress, Some(5000)).await;
    assert_eq!(field(&head, header::CONTENT_LENGTH), Some("5000"));
    assert_eq!(field(&head, header::VARY), Some("Accept-Encoding"));
    assert_eq!(pass(&mut coder, &[b"as it is"]), b"as it is");
}
