//! Every codec gives back what was pushed, byte by byte, however it was pushed.

use std::{io::Read, sync::Arc};

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

/// What a client can read of a body that has only begun: up to where its decoder asks for more.
fn decode_beginning(coding: Coding, coded: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    if coded.is_empty() {
        return plain; // for one decoder that is an end, for others it is none
    }
    let is_over = match coding {
        Coding::Brotli => brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain),
        Coding::Zstd => zstd::Decoder::new(coded).unwrap().read_to_end(&mut plain),
        Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain),
    };
    assert!(is_over.is_err(), "the end has not come yet");
    plain
}

fn encoder(engines: &Arc<Engines>, coding: Coding, level: u8, length: Option<usize>) -> Encoder {
    let length = length.map(|length| u64::try_from(length).unwrap());
    let seat = engines.streams_of("defaults").seat(1000).unwrap();
    Encoder::begin(engines, seat, coding, level, length).unwrap()
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

/// Every level, the slow ones of brotli and zstd less often.
fn coding_and_level() -> impl Strategy<Value = (Coding, u8)> {
    prop::sample::select(Coding::PREFERENCE.to_vec()).prop_flat_map(|coding| {
        let level = prop_oneof![6 => 1..=9_u8, 1 => levels(coding)];
        (Just(coding), level)
    })
}

/// What is pushed, and whether it is flushed then.
#[derive(Clone, Copy, Debug)]
struct Piece {
    length: usize,
    is_noise: bool,
    is_flushed: bool,
}

impl Piece {
    fn bytes(self) -> Vec<u8> {
        if self.is_noise {
            noise(self.length)
        } else {
            text(self.length)
        }
    }
}

/// Mostly text, sometimes noise, in pieces from nothing to beyond every window.
fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let length = prop_oneof![
        Just(0_usize),
        1..40_usize,
        40..5000_usize,
        5000..100_000_usize
    ];
    let piece = (length, prop::bool::weighted(0.2), any::<bool>()).prop_map(
        |(length, is_noise, is_flushed)| Piece {
            length,
            is_noise,
            is_flushed,
        },
    );
    prop::collection::vec(piece, 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_stream_comes_back_byte_by_byte_and_after_each_flush_so_far(
        (coding, level) in coding_and_level(),
        pieces in pieces(),
        is_length_known: bool,
    ) {
        let engines = Arc::default();
        let plain: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes()).collect();
        let length = is_length_known.then_some(plain.len());
        let mut encoder = encoder(&engines, coding, level, length);
        let (mut out, mut pushed) = (BytesMut::new(), 0);
        for piece in pieces {
            encoder.push(&piece.bytes(), &mut out).unwrap();
            pushed += piece.length;
            if piece.is_flushed {
                encoder.flush(&mut out).unwrap();
                let seen = decode_beginning(coding, &out);
                prop_assert!(seen == plain[..pushed], "{} of {pushed}", seen.len());
            }
        }
        encoder.finish(&mut out).unwrap();
        prop_assert!(decode(coding, &out) == Some(plain));
    }

    #[test]
    fn a_whole_body_comes_back_and_is_shorter(
        (coding, level) in coding_and_level(),
        length in prop_oneof![0..300_usize, 300..100_000_usize],
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

/// At level 1 a block stays open from piece to piece.
#[test]
fn a_body_that_was_given_up_does_not_spoil_the_next() {
    let engines = Arc::default();
    let body = text(20_000);
    for first in [1, 262, 5_000, 90_000] {
        let mut given_up = encoder(&engines, Coding::Gzip, 1, None);
        given_up.push(&text(first), &mut BytesMut::new()).unwrap();
        drop(given_up);
        let coded = whole(&engines, Coding::Gzip, 1, &body).unwrap().unwrap();
        assert!(decode(Coding::Gzip, &coded).as_ref() == Some(&body));
    }
}
