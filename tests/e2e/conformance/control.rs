//! h2spec's section "http2/6": each kind of frame, where it may stand and what may stand in it.

use super::{
    play::{Row, Sight},
    say::{
        CANCEL, ENABLE_PUSH, FLOW_CONTROL, FRAME_SIZE, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, PADDED,
        PROTOCOL, STREAM_CLOSED, continuation, data, get, get_open, headers, ping, plain_block,
        post_with, priority, raw, reset, see, settings, unfinished, window, window_update,
    },
};
use crate::harness::frames::{
    ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};

const BROKEN: Sight = Sight::ConnectionError(&[PROTOCOL]);
const STREAM_BROKEN: Sight = Sight::StreamError(&[PROTOCOL]);
const WRONG_SIZE: Sight = Sight::ConnectionError(&[FRAME_SIZE]);
const OVERFLOWN: Sight = Sight::ConnectionError(&[FLOW_CONTROL]);
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

pub(super) fn rows() -> Vec<Row> {
    [
        bodies(),
        heads(),
        priorities_and_resets(),
        settings_frames(),
        defined_settings(),
        pings_and_goaways(),
        windows(),
        flow(),
        initial_windows(),
        continuations(),
        misplaced_continuations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn bodies() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.1/1",
            "Sends a DATA frame with 0x0 stream identifier",
            [data(END_STREAM, 0), see(BROKEN)],
        ),
        Row::new(
            "http2/6.1/2",
            "Sends a DATA frame on the stream that is not in \"open\" or \"half-closed (local)\" state",
            [
                get(1),
                data(END_STREAM, 1),
                see(Sight::StreamError(&[STREAM_CLOSED])),
            ],
        ),
        Row::new(
            "http2/6.1/3",
            "Sends a DATA frame with invalid pad length",
            [
                post_with(1, &[("content-length", "4")]),
                raw(DATA, END_STREAM | PADDED, 1, b"\x06test"),
                see(BROKEN),
            ],
        ),
    ]
}

fn heads() -> Vec<Row> {
    let block = plain_block();
    let too_much = u8::try_from(block.len() + 2).unwrap();
    let padded = [&[too_much], &block[..]].concat();
    vec![
        Row::new(
            "http2/6.2/1",
            "Sends a HEADERS frame without the END_HEADERS flag, and a PRIORITY frame",
            [
                unfinished(0),
                priority(1, 0),
                continuation(END_HEADERS, 1),
                see(BROKEN),
            ],
        ),
        Row::new(
            "http2/6.2/2",
            "Sends a HEADERS frame to another stream while sending a HEADERS frame",
            [
                unfinished(0),
                get(3),
                continuation(END_HEADERS, 1),
                see(BROKEN),
            ],
        ),
        Row::new(
            "http2/6.2/3",
            "Sends a HEADERS frame with 0x0 stream identifier",
            [headers(END_STREAM, 0, &[]), see(BROKEN)],
        ),
        Row::new(
            "http2/6.2/4",
            "Sends a HEADERS frame with invalid pad length",
            [
                raw(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, &padded),
                see(STREAM_BROKEN),
            ],
        ),
    ]
}

fn priorities_and_resets() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.3/1",
            "Sends a PRIORITY frame with 0x0 stream identifier",
            [priority(0, 0), see(BROKEN)],
        ),
        Row::new(
            "http2/6.3/2",
            "Sends a PRIORITY frame with a length other than 5 octets",
            [
                get(1),
                raw(PRIORITY, 0, 1, b"\x80\0\0\x01"),
                see(Sight::StreamError(&[FRAME_SIZE])),
            ],
        ),
        Row::new(
            "http2/6.4/1",
            "Sends a RST_STREAM frame with 0x0 stream identifier",
            [reset(0, CANCEL), see(BROKEN)],
        ),
        Row::new(
            "http2/6.4/2",
            "Sends a RST_STREAM frame on a idle stream",
            [reset(1, CANCEL), see(BROKEN)],
        ),
        Row::new(
            "http2/6.4/3",
            "Sends a RST_STREAM frame with a length other than 4 octets",
            [
                get(1),
                raw(RST_STREAM, 0, 1, &[0; 3]),
                see(Sight::StreamError(&[FRAME_SIZE])),
            ],
        ),
    ]
}

fn settings_frames() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.5/1",
            "Sends a SETTINGS frame with ACK flag and payload",
            [raw(SETTINGS, ACK, 0, &[0]), see(WRONG_SIZE)],
        ),
        Row::new(
            "http2/6.5/2",
            "Sends a SETTINGS frame with a stream identifier other than 0x0",
            [raw(SETTINGS, 0, 1, b"\0\x03\0\0\0\x64"), see(BROKEN)],
        ),
        Row::new(
            "http2/6.5/3",
            "Sends a SETTINGS frame with a length other than a multiple of 6 octets",
            [
                raw(SETTINGS, 0, 0, b"\0\x03\0"),
                see(Sight::StreamError(&[PROTOCOL, FRAME_SIZE])),
            ],
        ),
    ]
}

fn defined_settings() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.5.2/1",
            "SETTINGS_ENABLE_PUSH (0x2): Sends the value other than 0 or 1",
            [settings(&[(ENABLE_PUSH, 2)]), see(BROKEN)],
        ),
        Row::new(
            "http2/6.5.2/2",
            "SETTINGS_INITIAL_WINDOW_SIZE (0x4): Sends the value above the maximum flow control window size",
            [window(LARGEST_WINDOW + 1), see(OVERFLOWN)],
        ),
        Row::new(
            "http2/6.5.2/3",
            "SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value below the initial value",
            [settings(&[(MAX_FRAME_SIZE, (1 << 14) - 1)]), see(BROKEN)],
        ),
        Row::new(
            "http2/6.5.2/4",
            "SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value above the maximum allowed frame size",
            [settings(&[(MAX_FRAME_SIZE, 1 << 24)]), see(BROKEN)],
        ),
        Row::new(
            "http2/6.5.2/5",
            "Sends a SETTINGS frame with unknown identifier",
            [settings(&[(0xff, 1)]), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "http2/6.5.3/1",
            "Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE",
            [
                settings(&[(INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1)]),
                see(Sight::SettingsAck),
                get(1),
                see(Sight::Data(1)),
            ],
        ),
        Row::new(
            "http2/6.5.3/2",
            "Sends a SETTINGS frame without ACK flag",
            [settings(&[(ENABLE_PUSH, 0)]), see(Sight::SettingsAck)],
        ),
    ]
}

fn pings_and_goaways() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.7/1",
            "Sends a PING frame",
            [ping(), see(Sight::Pong)],
        ),
        Row::new(
            "http2/6.7/2",
            "Sends a PING frame with ACK",
            [raw(PING, ACK, 0, b"unasked\0"), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "http2/6.7/3",
            "Sends a PING frame with a stream identifier field value other than 0x0",
            [raw(PING, 0, 1, &[0; 8]), see(BROKEN)],
        ),
        Row::new(
            "http2/6.7/4",
            "Sends a PING frame with a length field value other than 8",
            [raw(PING, 0, 0, &[0; 6]), see(WRONG_SIZE)],
        ),
        Row::new(
            "http2/6.8/1",
            "Sends a GOAWAY frame with a stream identifier other than 0x0",
            [raw(GOAWAY, 0, 1, &[0; 8]), see(BROKEN)],
        ),
    ]
}

fn windows() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.9/1",
            "Sends a WINDOW_UPDATE frame with a flow control window increment of 0",
            [window_update(0, 0), see(BROKEN)],
        ),
        Row::new(
            "http2/6.9/2",
            "Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream",
            [get_open(1), window_update(1, 0), see(STREAM_BROKEN)],
        ),
        Row::new(
            "http2/6.9/3",
            "Sends a WINDOW_UPDATE frame with a length other than 4 octets",
            [raw(WINDOW_UPDATE, 0, 0, b"\0\0\x01"), see(WRONG_SIZE)],
        ),
    ]
}

fn flow() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.9.1/1",
            "Sends SETTINGS frame to set the initial window size to 1 and sends HEADERS frame",
            [
                window(1),
                see(Sight::SettingsAck),
                get(1),
                see(Sight::Data(1)),
            ],
        ),
        Row::new(
            "http2/6.9.1/2",
            "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1",
            [
                window_update(0, LARGEST_WINDOW),
                window_update(0, LARGEST_WINDOW),
                see(Sight::Goaway(FLOW_CONTROL)),
            ],
        ),
        Row::new(
            "http2/6.9.1/3",
            "Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
            [
                get_open(1),
                window_update(1, LARGEST_WINDOW),
                window_update(1, LARGEST_WINDOW),
                see(Sight::Reset(FLOW_CONTROL)),
            ],
        ),
    ]
}

fn initial_windows() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.9.2/1",
            "Changes SETTINGS_INITIAL_WINDOW_SIZE after sending HEADERS frame",
            [
                window(0),
                see(Sight::SettingsAck),
                get(1),
                window(1),
                see(Sight::Data(1)),
            ],
        ),
        Row::new(
            "http2/6.9.2/2",
            "Sends a SETTINGS frame for window size to be negative",
            [
                window(3),
                see(Sight::SettingsAck),
                get(1),
                see(Sight::Frame(DATA)),
                window(2),
                see(Sight::SettingsAck),
                window_update(1, 2),
                see(Sight::Data(1)),
            ],
        ),
        Row::new(
            "http2/6.9.2/3",
            "Sends a SETTINGS_INITIAL_WINDOW_SIZE settings with an exceeded maximum window size value",
            [window(LARGEST_WINDOW + 1), see(OVERFLOWN)],
        ),
    ]
}

fn continuations() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.10/1",
            "Sends multiple CONTINUATION frames preceded by a HEADERS frame",
            [
                unfinished(END_STREAM),
                continuation(0, 1),
                continuation(END_HEADERS, 1),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "http2/6.10/2",
            "Sends a CONTINUATION frame followed by any frame other than CONTINUATION",
            [
                unfinished(0),
                continuation(0, 1),
                data(END_STREAM, 1),
                see(BROKEN),
            ],
        ),
        Row::new(
            "http2/6.10/3",
            "Sends a CONTINUATION frame with 0x0 stream identifier",
            [
                unfinished(END_STREAM),
                continuation(END_HEADERS, 0),
                see(BROKEN),
            ],
        ),
    ]
}

fn misplaced_continuations() -> Vec<Row> {
    vec![
        Row::new(
            "http2/6.10/4",
            "Sends a CONTINUATION frame preceded by a HEADERS frame with END_HEADERS flag",
            [get(1), continuation(END_HEADERS, 1), see(BROKEN)],
        ),
        Row::new(
            "http2/6.10/5",
            "Sends a CONTINUATION frame preceded by a CONTINUATION frame with END_HEADERS flag",
            [
                unfinished(END_STREAM),
                continuation(END_HEADERS, 1),
                continuation(END_HEADERS, 1),
                see(BROKEN),
            ],
        ),
        Row::new(
            "http2/6.10/6",
            "Sends a CONTINUATION frame preceded by a DATA frame",
            [
                unfinished(0),
                data(END_STREAM, 1),
                continuation(0, 1),
                continuation(END_HEADERS, 0),
                see(BROKEN),
            ],
        ),
    ]
}
