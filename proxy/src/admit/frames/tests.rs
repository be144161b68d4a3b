//! Claims about the meter.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{walk::goaway, *};

const HEADERS: u8 = kind::HEADERS;
const WHOLE: u8 = flag::END_HEADERS | flag::END_STREAM;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A meter that has seen the preface.
fn meter() -> FrameMeter {
    let mut meter = FrameMeter::new(&Limits::default());
    meter.accept(&[0; PREFACE], Instant::now()).unwrap();
    meter
}

/// How many of these frames, at once, are too many.
fn most_at_once(meter: &mut FrameMeter, now: Instant, frame: &[u8]) -> usize {
    (1..100_000)
        .find(|_| meter.accept(frame, now).is_err())
        .unwrap()
}

#[test]
fn each_flood_ends_with_its_own_label() {
    let reset = frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let padding = frame(kind::DATA, flag::PADDED, 1, &[7, 0, 0, 0, 0, 0, 0, 0]);
    let continuation = frame(kind::CONTINUATION, 0, 1, b"");
    let cases = [
        (reset, Flood::RapidReset, 201),
        (frame(kind::PING, 0, 0, &[0; 8]), Flood::Ping, 101),
        (frame(kind::PING, 1, 0, &[0; 8]), Flood::Ping, 101),
        (frame(kind::SETTINGS, 0, 0, b""), Flood::Settings, 31),
        (frame(kind::SETTINGS, 0, 0, &[0; 198]), Flood::Settings, 1),
        (frame(kind::PRIORITY, 0, 1, &[0; 5]), Flood::Priority, 301),
        (frame(0x10, 0, 0, b"1234"), Flood::Priority, 301),
        (
            frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
            Flood::WindowDribble,
            1001,
        ),
        (frame(kind::DATA, 0, 1, b""), Flood::EmptyFrames, 51),
        (padding, Flood::EmptyFrames, 51),
        (frame(0xbe, 0, 0, b"grease"), Flood::UnknownFrames, 101),
        (
            [frame(HEADERS, 0, 1, b""), continuation].concat(),
            Flood::Continuation,
            1,
        ),
    ];
    let now = Instant::now();
    for (bytes, flood, most) in cases {
        let mut meter = meter();
        assert_eq!(most_at_once(&mut meter, now, &bytes), most, "{flood}");
        assert_eq!(meter.accept(b"", now), Err(flood.into()));
    }
}

#[test]
fn bodies_and_requests_cost_nothing() {
    let mut meter = meter();
    let now = Instant::now();
    for request in 0..50_000_u32 {
        let stream = 2 * request + 1;
        let end = if request % 2 == 0 {
            frame(kind::DATA, flag::END_STREAM, stream, b"")
        } else {
            frame(HEADERS, WHOLE, stream, b"trailers")
        };
        for bytes in [
            frame(HEADERS, flag::END_HEADERS, stream, b"block"),
            frame(kind::DATA, 0, stream, b"1"),
            end,
        ] {
            assert_eq!(meter.accept(&bytes, now), Ok(()));
        }
    }
}

#[test]
fn a_header_block_has_the_size_of_a_header_and_few_parts() {
    let now = Instant::now();
    // A part's size, how many of them are taken, and whether the last one may end the block.
    for (size, most) in [(16_384, 5), (13_000, 6), (1, 6)] {
        let mut meter = meter();
        let part = vec![0; size];
        meter.accept(&frame(HEADERS, 0, 1, &part), now).unwrap();
        let next = frame(kind::CONTINUATION, 0, 1, &part);
        assert_eq!(most_at_once(&mut meter, now, &next), most, "{size}");
        assert_eq!(meter.accept(b"", now), Err(Flood::Continuation.into()));
    }
    let mut meter = meter();
    for stream in [1, 3] {
        for bytes in [
            frame(HEADERS, 0, stream, &[0; 16_384]),
            frame(kind::CONTINUATION, 0, stream, &[0; 16_384]),
            frame(kind::CONTINUATION, flag::END_HEADERS, stream, b""),
        ] {
            assert_eq!(meter.accept(&bytes, now), Ok(()));
        }
    }
}

#[test]
fn what_has_begun_and_is_no_body_is_owed() {
    let now = Instant::now();
    let cases: [(&[u8], bool); 7] = [
        (&frame(HEADERS, WHOLE, 1, b"block"), false),
        (&frame(HEADERS, flag::END_STREAM, 1, b"block"), true),
        (&frame(HEADERS, WHOLE, 1, b"block")[..10], true),
        (&frame(kind::PING, 0, 0, &[0; 8])[..10], true),
        (&frame(kind::RST_STREAM, 0, 1, &[0; 4])[..10], true),
        (&frame(kind::DATA, flag::PADDED, 1, b"\x01body")[..9], false),
        (&frame(kind::DATA, 0, 1, b"body")[..10], false),
    ];
    for (bytes, owes) in cases {
        let mut meter = meter();
        meter.accept(bytes, now).unwrap();
        assert_eq!(meter.owes().is_some(), owes, "{bytes:?}");
    }
}

#[test]
fn resets_of_ours_count_where_the_client_is_to_blame() {
    let now = Instant::now();
    let reset = |code: u8| frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, code]);
    for code in [0, 2, 7, 8] {
        let mut meter = meter();
        for _ in 0..1000 {
            meter.sent(&reset(code), now);
        }
        assert_eq!(meter.accept(b"", now), Ok(()), "{code}");
    }
    for code in [1, 3, 5, 6, 7] {
        let mut meter = meter();
        meter
            .accept(&frame(kind::SETTINGS, flag::ACK, 0, b""), now)
            .unwrap();
        for _ in 0..25 {
            meter.sent(&reset(code), now);
        }
        assert_eq!(meter.accept(b"", now), Ok(()), "{code}");
        meter.sent(&reset(code), now);
        assert_eq!(
            meter.accept(b"", now),
            Err(Flood::MadeYouReset.into()),
            "{code}"
        );
    }
}

#[test]
fn a_client_that_takes_half_of_its_answers_may_cancel_the_others() {
    let mut meter = meter();
    let now = Instant::now();
    for stream in 0..10_000 {
        meter.sent(&frame(HEADERS, WHOLE, stream, b"answer"), now);
        let cancel = frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        assert_eq!(meter.accept(&cancel, now), Ok(()), "{stream}");
    }
}

#[test]
fn who_takes_back_many_requests_is_known_for_it_before_it_is_too_much() {
    let mut meter = meter();
    let now = Instant::now();
    let cancel = frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let cancels = |meter: &mut FrameMeter, times: usize, now| {
        (0..times).for_each(|_| meter.accept(&cancel, now).unwrap());
        meter.progress().cancels
    };
    assert!(!cancels(&mut meter, 50, now));
    assert!(cancels(&mut meter, 1, now));
    let later = now + Duration::from_secs(1);
    assert!(!cancels(&mut meter, 1, later), "time gives it back");
}

#[test]
fn windows_are_opened_as_often_as_data_is_read() {
    let mut meter = meter();
    let now = Instant::now();
    for _ in 0..10_000 {
        meter.sent(&frame(kind::DATA, 0, 1, &[0; 512]), now);
        for stream in [0, 1] {
            let update = frame(kind::WINDOW_UPDATE, 0, stream, &[0, 0, 2, 0]);
            assert_eq!(meter.accept(&update, now), Ok(()));
        }
        let ping = frame(kind::PING, 0, 0, &[0; 8]);
        assert_eq!(meter.accept(&ping, now), Ok(()), "gRPC does that");
    }
}

#[test]
fn patience_gives_an_allowance_back_and_saves_nothing_up() {
    let mut meter = meter();
    let ping = frame(kind::PING, 0, 0, &[0; 8]);
    let mut now = Instant::now();
    for _ in 0..1000 {
        now += Duration::from_millis(100);
        assert_eq!(meter.accept(&ping, now), Ok(()), "ten in a second");
    }
    now += Duration::from_hours(1);
    assert_eq!(most_at_once(&mut meter, now, &ping), 101);
}

#[test]
fn a_stream_is_open_until_its_answer_is_sent_or_nobody_waits_for_it() {
    let (mut meter, now) = (meter(), Instant::now());
    let ask = |stream| frame(HEADERS, flag::END_HEADERS | flag::END_STREAM, stream, b"");
    let mut open_after = |received: &[u8], sent: &[u8]| {
        meter.accept(received, now).unwrap();
        meter.sent(sent, now);
        meter.progress().open
    };
    assert_eq!(
        open_after(&[ask(1), ask(3), ask(5), ask(7)].concat(), b""),
        4
    );
    let end = frame(kind::DATA, flag::END_STREAM, 1, b"ok");
    assert_eq!(open_after(b"", &frame(kind::DATA, 0, 1, b"so far")), 4);
    assert_eq!(open_after(b"", &end), 3);
    let reset = |stream| frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    assert_eq!(open_after(&reset(3), b""), 2);
    assert_eq!(open_after(b"", &reset(5)), 1);
    // After a goodbye that does not know of it, a stream is not answered.
    let goodbye = frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0]);
    assert_eq!(open_after(b"", &goodbye), 0);
    assert_eq!(open_after(&ask(9), b""), 0);
}

#[test]
fn what_the_lane_answers_by_itself_is_told_costs_and_earns_nothing() {
    let now = Instant::now();
    let ask = |stream| frame(HEADERS, WHOLE, stream, b"block");
    let answer = |stream, block: &[u8]| frame(HEADERS, WHOLE, stream, block);
    let reset = |stream, code| frame(kind::RST_STREAM, 0, stream, &[0, 0, 0, code]);
    let begun = [
        frame(HEADERS, flag::END_HEADERS, 1, b"head"),
        answer(1, &[0xbe]),
    ]
    .concat();
    let both = [answer(1, &[0xbe]), reset(1, 1)].concat();
    let cases = [
        (answer(1, &[0x8c]), 1, 0),
        (answer(1, b"\x48\x03431"), 0, 1),
        (both, 0, 1), // once a stream
        (reset(1, 1), 1, 0),
        (reset(1, 8), 0, 0),
        (answer(3, &[0x8c]), 0, 0), // nobody asked
        (answer(1, b"\x88 and a good deal more"), 0, 0),
        (begun, 0, 0), // trailers
    ];
    for (sent, malformed, too_large) in cases {
        let mut meter = meter();
        meter.accept(&ask(1), now).unwrap();
        let said = meter.sent(&sent, now);
        assert_eq!(
            (said.malformed, said.too_large),
            (malformed, too_large),
            "{sent:x?}"
        );
    }
    let mut meter = meter();
    let answered = (0..100).find(|nth| {
        let stream = 2 * nth + 1;
        meter.accept(&ask(stream), now).unwrap();
        meter.sent(&answer(stream, &[0xbe]), now);
        meter.accept(b"", now).is_err()
    });
    assert_eq!(answered, Some(25));
    assert_eq!(meter.accept(b"", now), Err(Flood::MadeYouReset.into()));
}

#[test]
fn a_stream_is_starved_while_its_window_or_the_connections_is_closed() {
    let (mut meter, now) = (meter(), Instant::now());
    let ask = |stream| frame(HEADERS, WHOLE, stream, b"block");
    let initially = |window: u16| {
        let setting = [&[0, 4, 0, 0][..], &window.to_be_bytes()].concat();
        frame(kind::SETTINGS, 0, 0, &setting)
    };
    let widen = |stream, by: u32| frame(kind::WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let data = |stream, size| frame(kind::DATA, 0, stream, &vec![0; size]);
    let mut starved_after = |received: &[u8], sent: &[u8]| {
        meter.accept(received, now).unwrap();
        meter.sent(sent, now);
        meter.progress().starved
    };
    assert_eq!(starved_after(&[ask(1), ask(3)].concat(), &data(1, 1000)), 0);
    assert_eq!(starved_after(&initially(0), b""), 2);
    assert_eq!(starved_after(&ask(5), b""), 3);
    assert_eq!(
        starved_after(&initially(1000), b""),
        1,
        "one has had its thousand"
    );
    assert_eq!(starved_after(&widen(1, 1), b""), 0);
    assert_eq!(starved_after(b"", &data(1, 1)), 1);
    assert_eq!(starved_after(&initially(u16::MAX), b""), 0);
    let left = usize::from(u16::MAX) - 1001;
    let all: Vec<u8> = [16_000, 16_000, 16_000, left - 48_000]
        .map(|size| data(3, size))
        .concat();
    assert_eq!(starved_after(b"", &all), 3, "the connection's");
    assert_eq!(starved_after(&widen(0, 9), b""), 0);
    assert_eq!(
        starved_after(&frame(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]), b""),
        0
    );
}

#[test]
fn a_window_that_opens_by_a_byte_moves_nothing() {
    let (mut meter, now) = (meter(), Instant::now());
    for (sent, moved) in [
        (frame(kind::DATA, 0, 1, b"x"), 0),
        (frame(kind::DATA, 0, 1, &[0; 256]), 1),
        (frame(kind::DATA, flag::END_STREAM, 1, b"x"), 2),
        (frame(HEADERS, flag::END_HEADERS, 3, b"head"), 3),
    ] {
        meter.sent(&sent, now);
        assert_eq!(meter.progress().moved, moved);
    }
}

#[test]
fn a_goodbye_is_said_between_two_frames_alone() {
    let mut meter = meter();
    let now = Instant::now();
    let request = frame(HEADERS, WHOLE, 0x8000_0007, b"block");
    meter.accept(&request, now).unwrap();
    let data = frame(kind::DATA, 0, 1, b"body");
    meter.sent(&data[..11], now);
    assert_eq!(meter.goodbye(Flood::Ping.into()), None);
    meter.sent(&data[11..], now);
    let expected = [&[0, 0, 7, 0, 0, 0, 0xb][..], b"ping_flood"].concat();
    let goodbye = frame(kind::GOAWAY, 0, 0, &[&[0], &expected[..]].concat());
    assert_eq!(meter.goodbye(Flood::Ping.into()), Some(goodbye));
}

#[test]
fn an_error_of_the_lane_is_noticed_as_it_is_written() {
    let now = Instant::now();
    for (code, noticed) in [(0, None), (1, Some(1)), (0xb, Some(0xb))] {
        let said = meter().sent(&goaway(3, code, "why"), now);
        assert_eq!(said.goodbye, noticed);
    }
}

/// Frames of every kind, of which a few make a flood. Most have the size of their kind.
fn frames() -> impl Strategy<Value = Vec<u8>> {
    let one = (0..12_u8, any::<u8>(), 0..5000_u32, 0..20_usize).prop_map(
        |(kind, flags, stream, length)| {
            let length = match kind {
                _ if flags == 0 => length,
                kind::DATA | HEADERS => 6 + length,
                kind::PRIORITY => 5,
                kind::RST_STREAM | kind::WINDOW_UPDATE => 4,
                kind::SETTINGS if flags & flag::ACK == 0 => 6 * length,
                kind::SETTINGS => 0,
                kind::PING => 8,
                _ => length,
            };
            frame(kind, flags, stream, &vec![3; length])
        },
    );
    prop::collection::vec(one, 0..400).prop_map(|frames| frames.concat())
}

proptest! {
    #[test]
    fn the_verdict_is_the_same_however_the_bytes_are_split(
        received in frames(),
        sent in frames(),
        cuts in prop::collection::vec(1..40_usize, 1..20),
    ) {
        let now = Instant::now();
        let (mut whole, mut parts) = (meter(), meter());
        let mut said = Said::default();
        for (bytes, is_sent) in [(&sent, true), (&received, false)] {
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                let (part, next) = rest.split_at((*cut).min(rest.len()));
                if is_sent {
                    let more = parts.sent(part, now);
                    said.goodbye = said.goodbye.or(more.goodbye);
                    said.malformed += more.malformed;
                    said.too_large += more.too_large;
                } else {
                    let _ = parts.accept(part, now);
                }
                rest = next;
                if rest.is_empty() {
                    break;
                }
            }
        }
        prop_assert_eq!(whole.sent(&sent, now), said);
        prop_assert_eq!(whole.accept(&received, now), parts.accept(b"", now));
        prop_assert_eq!(whole.owes(), parts.owes());
        prop_assert_eq!(whole.progress(), parts.progress());
        prop_assert_eq!(whole.goodbye(Flood::Ping.into()), parts.goodbye(Flood::Ping.into()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        let mut meter = meter();
        let _ = meter.accept(&bytes, Instant::now());
        meter.sent(&bytes, Instant::now());
        meter.goodbye(Flood::Ping.into());
    }
}
