//! h2spec's sections "http2/3" to "http2/5": the preface, frames and their sizes, streams and their states.

use super::{
    play::{Row, Settings, Sight},
    say::{
        CANCEL, FRAME_SIZE, PRIORITIZED, PROTOCOL, REFUSED_STREAM, STREAM_CLOSED, bytes,
        continuation, data, filling, fit, get, get_open, ping, plain_block, post, preface,
        priority, raw, reset, see, unfinished, weighed, window, window_update,
    },
};
use crate::harness::frames::{CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, frame};

const BROKEN: Sight = Sight::ConnectionError(&[PROTOCOL]);
const STREAM_BROKEN: Sight = Sight::StreamError(&[PROTOCOL]);
const CLOSED: Sight = Sight::StreamError(&[STREAM_CLOSED]);
/// A kind of frame that there is not.
const UNKNOWN: u8 = 0x16;

pub(super) fn rows() -> Vec<Row> {
    [
        preface_and_format(),
        sizes(),
        header_blocks(),
        idle_streams(),
        half_closed_streams(),
        reset_streams(),
        closed_streams(),
        identifiers(),
        errors(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn preface_and_format() -> Vec<Row> {
    vec![
        Row::bare(
            "http2/3.5/1",
            "Sends client connection preface",
            [preface(), see(Sight::SettingsFirst)],
        ),
        // Nobody speaks HTTP/2 yet, and no GOAWAY is owed (RFC 9113 section 3.4).
        Row::bare(
            "http2/3.5/2",
            "Sends invalid connection preface",
            [
                bytes(b"INVALID CONNECTION PREFACE\r\n\r\n"),
                see(Sight::Close),
            ],
        ),
        Row::new(
            "http2/4.1/1",
            "Sends a frame with unknown type",
            [raw(UNKNOWN, 0, 0, &[0; 8]), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "http2/4.1/2",
            "Sends a frame with undefined flag",
            [raw(PING, 0x16, 0, &[0; 8]), see(Sight::Frame(PING))],
        ),
        Row::new(
            "http2/4.1/3",
            "Sends a frame with reserved field bit",
            [raw(PING, 0x16, 1 << 31, &[0; 8]), see(Sight::Frame(PING))],
        ),
    ]
}

fn sizes() -> Vec<Row> {
    let large = [plain_block(), filling(5)].concat();
    vec![
        Row::new(
            "http2/4.2/1",
            "Sends a DATA frame with 2^14 octets in length",
            [
                post(1),
                fit(|settings| body(settings.frame_size())),
                see(Sight::Headers(1)),
            ],
        ),
        Row::new(
            "http2/4.2/2",
            "Sends a large size DATA frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
            [
                post(1),
                fit(|settings| body(settings.frame_size() + 1)),
                see(Sight::StreamError(&[FRAME_SIZE])),
            ],
        ),
        Row::new(
            "http2/4.2/3",
            "Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE",
            [
                raw(HEADERS, END_STREAM | END_HEADERS, 1, &large),
                see(Sight::ConnectionError(&[FRAME_SIZE])),
            ],
        ),
    ]
}

/// A body in one frame.
fn body(length: usize) -> Vec<u8> {
    frame(DATA, END_STREAM, 1, &vec![b'x'; length])
}

fn header_blocks() -> Vec<Row> {
    vec![
        Row::new(
            "http2/4.3/1",
            "Sends invalid header block fragment",
            [
                raw(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40"),
                see(Sight::Undecodable),
            ],
        ),
        Row::new(
            "http2/4.3/2",
            "Sends a PRIORITY frame while sending the header blocks",
            [
                unfinished(0),
                priority(1, 0),
                continuation(END_HEADERS, 1),
                see(BROKEN),
            ],
        ),
        Row::new(
            "http2/4.3/3",
            "Sends a HEADERS frame to another stream while sending the header blocks",
            [
                unfinished(0),
                get(3),
                continuation(END_HEADERS, 1),
                see(BROKEN),
            ],
        ),
    ]
}

fn idle_streams() -> Vec<Row> {
    vec![
        Row::new(
            "http2/5.1/1",
            "idle: Sends a DATA frame",
            [data(END_STREAM, 1), see(BROKEN)],
        ),
        Row::new(
            "http2/5.1/2",
            "idle: Sends a RST_STREAM frame",
            [reset(1, CANCEL), see(BROKEN)],
        ),
        Row::new(
            "http2/5.1/3",
            "idle: Sends a WINDOW_UPDATE frame",
            [window_update(1, 100), see(BROKEN)],
        ),
        Row::new(
            "http2/5.1/4",
            "idle: Sends a CONTINUATION frame",
            [
                raw(CONTINUATION, END_HEADERS, 1, &plain_block()),
                see(BROKEN),
            ],
        ),
    ]
}

fn half_closed_streams() -> Vec<Row> {
    vec![
        Row::new(
            "http2/5.1/5",
            "half closed (remote): Sends a DATA frame",
            [get(1), data(END_STREAM, 1), see(CLOSED)],
        ),
        Row::new(
            "http2/5.1/6",
            "half closed (remote): Sends a HEADERS frame",
            [get(1), get(1), see(CLOSED)],
        ),
        Row::new(
            "http2/5.1/7",
            "half closed (remote): Sends a CONTINUATION frame",
            [
                get(1),
                raw(CONTINUATION, END_HEADERS, 1, &plain_block()),
                see(Sight::StreamError(&[STREAM_CLOSED, PROTOCOL])),
            ],
        ),
    ]
}

fn reset_streams() -> Vec<Row> {
    vec![
        Row::new(
            "http2/5.1/8",
            "closed: Sends a DATA frame after sending RST_STREAM frame",
            [
                get_open(1),
                reset(1, CANCEL),
                data(END_STREAM, 1),
                see(CLOSED),
            ],
        ),
        Row::new(
            "http2/5.1/9",
            "closed: Sends a HEADERS frame after sending RST_STREAM frame",
            [get_open(1), reset(1, CANCEL), get(1), see(CLOSED)],
        ),
        Row::new(
            "http2/5.1/10",
            "closed: Sends a CONTINUATION frame after sending RST_STREAM frame",
            [
                get_open(1),
                reset(1, CANCEL),
                continuation(END_HEADERS, 1),
                see(Sight::StreamError(&[STREAM_CLOSED, PROTOCOL])),
            ],
        ),
    ]
}

fn closed_streams() -> Vec<Row> {
    vec![
        Row::new(
            "http2/5.1/11",
            "closed: Sends a DATA frame",
            [get(1), see(Sight::End), data(END_STREAM, 1), see(CLOSED)],
        ),
        Row::new(
            "http2/5.1/12",
            "closed: Sends a HEADERS frame",
            [
                get(1),
                see(Sight::End),
                get(1),
                see(Sight::ConnectionError(&[STREAM_CLOSED])),
            ],
        ),
        Row::new(
            "http2/5.1/13",
            "closed: Sends a CONTINUATION frame",
            [
                get(1),
                see(Sight::End),
                continuation(END_HEADERS, 1),
                see(Sight::ConnectionError(&[STREAM_CLOSED, PROTOCOL])),
            ],
        ),
    ]
}

fn identifiers() -> Vec<Row> {
    let itself = [weighed(1, 255), plain_block()].concat();
    vec![
        Row::new(
            "http2/5.1.1/1",
            "Sends even-numbered stream identifier",
            [get(2), see(BROKEN)],
        ),
        Row::new(
            "http2/5.1.1/2",
            "Sends stream identifier that is numerically smaller than previous",
            [get(5), get(3), see(BROKEN)],
        ),
        Row::new(
            "http2/5.1.2/1",
            "Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
            [
                window(0), // no answer ends
                fit(one_too_many),
                see(Sight::StreamError(&[PROTOCOL, REFUSED_STREAM])),
            ],
        ),
        Row::new(
            "http2/5.3.1/1",
            "Sends HEADERS frame that depends on itself",
            [
                raw(HEADERS, END_STREAM | END_HEADERS | PRIORITIZED, 1, &itself),
                see(STREAM_BROKEN),
            ],
        ),
        Row::new(
            "http2/5.3.1/2",
            "Sends PRIORITY frame that depend on itself",
            [priority(1, 1), see(STREAM_BROKEN)],
        ),
    ]
}

/// One more request than may be open at a time.
fn one_too_many(settings: &Settings) -> Vec<u8> {
    let block = plain_block();
    (0..=settings.streams())
        .flat_map(|nth| frame(HEADERS, END_STREAM | END_HEADERS, 2 * nth + 1, &block))
        .collect()
}

fn errors() -> Vec<Row> {
    let astray = || raw(PING, 0, 3, &[0; 8]);
    vec![
        Row::new(
            "http2/5.4.1/1",
            "Sends an invalid PING frame for connection close",
            [astray(), see(Sight::Close)],
        ),
        Row::new(
            "http2/5.4.1/2",
            "Sends an invalid PING frame to receive GOAWAY frame",
            [astray(), see(Sight::Goaway(PROTOCOL))],
        ),
        Row::new(
            "http2/5.5/1",
            "Sends an unknown extension frame",
            [raw(UNKNOWN, 0, 0, &[0; 8]), ping(), see(Sight::Pong)],
        ),
        Row::new(
            "http2/5.5/2",
            "Sends an unknown extension frame in the middle of a header block",
            [
                unfinished(END_STREAM),
                raw(UNKNOWN, 0, 0, &[0; 8]),
                see(BROKEN),
            ],
        ),
    ]
}
