//! Every codec gives back what was pushed, byte by byte, however it was pushed.

use std::{
    io::{Read, Write},
    sync::Arc,
};

use bytes::BytesMut;
use proptest::prelude::*;

use super::super::{Encoder, Engines, encoder::whole};
use crate::policy::Coding;

/// By decoders that have nothing to do with how it was encoded; whether the end was there is part of it.
fn decode(coding: Coding, coded: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    match coding {
        Coding::Brotli => brotli::Decompressor::new(coded, 4096)
            .read_to_end(&mut plain)
            .ok()?,
        Coding::Zstd => zstd::Decoder::new(coded)
            .ok()?
            .read_to_end(&mut plain)
            .ok()?,
        Coding::Gzip => flate2::read::GzDecoder::new(coded)
            .read_to_end(&mut plain)
            .ok()?,
    };
    Some(plain)
}

/// What a client can read of a body that has only begun.
fn decode_beginning(coding: Coding, coded: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Brotli => {
            let mut decoder = brotli::DecompressorWriter::new(Vec::new(), 4096);
            decoder.write_all(coded).unwrap();
            decoder.flush().unwrap();
            decoder.get_ref().clone()
        }
        Coding::Zstd => {
            let mut decoder = zstd::stream::write::Decoder::new(Vec::new()).unwrap();
            decoder.write_all(coded).unwrap();
            decoder.flush().unwrap();
            decoder.get_ref().clone()
        }
        Coding::Gzip => {
            let mut decoder = flate2::write::GzDecoder::new(Vec::new());
            decoder.write_all(coded).unwrap();
            decoder.flush().unwrap();
            decoder.get_ref().clone()
        }
    }
}

fn encoder(engines: &Arc<Engines>, coding: Coding, level: u8, length: Option<usize>) -> Encoder {
    let length = length.map(|length| u64::try_from(length).unwrap());
    let seat = engines.seat(1000).unwrap();
    Encoder::begin(seat, coding, level, length).unwrap()
}

fn levels(coding: Coding) -> std::ops::RangeInclusive<u8> {
    match coding {
        Coding::Brotli => 0..=11,
        Coding::Zstd => 1..=19,
        Coding::Gzip => 1..=9,
    }
}

/// Like text: words again and again, with numbers between them.
fn text(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut text = Vec::new();
    while text.len() < length {
        let word = [
            "\"patient\":",
            "{\"id\":",
            "},",
            "true",
            "\"Musterfrau\"",
            "null",
        ];
        text.extend_from_slice(word[random.usize(..word.len())].as_bytes());
        text.extend_from_slice(random.u32(..10_000).to_string().as_bytes());
    }
    text.truncate(length);
    text
}

fn noise(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(length as u64);
    (0..length).map(|_| random.u8(..)).collect()
}

fn coding_and_level() -> impl Strategy<Value = (Coding, u8)> {
    prop::sample::select(Coding::PREFERENCE.to_vec())
        .prop_flat_map(|coding| (Just(coding), levels(coding)))
}

/// What is pushed: mostly text, sometimes noise, in pieces from nothing to beyond every window.
fn pieces() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    let length = prop_oneof![
        Just(0_usize),
        1..40_usize,
        40..5000_usize,
        5000..200_000_usize
    ];
    let piece = (length, prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |(length, is_noise, is_flushed)| {
            let piece = if is_noise {
                noise(length)
            } else {
                text(length)
            };
            (piece, is_flushed)
        },
    );
    prop::collection::vec(piece, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_stream_comes_back_byte_by_byte_and_after_each_flush_so_far(
        (coding, level) in coding_and_level(),
        pieces in pieces(),
        is_length_known: bool,
    ) {
        let engines = Arc::default();
        let plain: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.clone()).collect();
        let length = is_length_known.then_some(plain.len());
        let mut encoder = encoder(&engines, coding, level, length);
        let (mut out, mut pushed) = (BytesMut::new(), 0);
        for (piece, is_flushed) in &pieces {
            encoder.push(piece, &mut out).unwrap();
            pushed += piece.len();
            if *is_flushed {
                encoder.flush(&mut out).unwrap();
                prop_assert!(decode_beginning(coding, &out) == plain[..pushed]);
            }
        }
        encoder.finish(&mut out).unwrap();
        prop_assert!(decode(coding, &out) == Some(plain));
    }

    #[test]
    fn a_whole_body_comes_back_and_is_shorter(
        (coding, level) in coding_and_level(),
        length in prop_oneof![0..300_usize, 300..300_000_usize],
        is_noise in prop::bool::weighted(0.1),
    ) {
        let engines = Engines::default();
        let body = if is_noise { noise(length) } else { text(length) };
        // Twice: the second time with memory that was used.
        for _ in 0..2 {
            match whole(&engines, coding, level, &body).unwrap() {
                Some(coded) => {
                    prop_assert!(coded.len() < body.len());
                    prop_assert!(decode(coding, &coded).as_ref() == Some(&body));
                }
                None => prop_assert!(is_noise || length < 200, "{coding:?} {level} {length}"),
            }
        }
    }

    #[test]
    fn what_one_body_leaves_behind_is_not_in_the_next(
        coding in prop::sample::select(Coding::PREFERENCE.to_vec()),
        first in 1..100_000_usize,
        levels in (1..=9_u8, 1..=9_u8),
        (is_flushed, is_finished) in any::<(bool, bool)>(),
    ) {
        let engines = Arc::default();
        let mut out = BytesMut::new();
        let mut abandoned = encoder(&engines, coding, levels.0, None);
        abandoned.push(&text(first), &mut out).unwrap();
        if is_flushed {
            abandoned.flush(&mut out).unwrap();
        }
        if is_finished {
            abandoned.finish(&mut out).unwrap();
        }
        drop(abandoned);
        let body = text(20_000);
        let coded = whole(&engines, coding, levels.1, &body).unwrap().unwrap();
        prop_assert!(decode(coding, &coded).as_ref() == Some(&body));
        let fresh = whole(&Engines::default(), coding, levels.1, &body).unwrap();
        prop_assert!(Some(coded) == fresh);
    }
}
