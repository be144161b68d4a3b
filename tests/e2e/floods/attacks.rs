//! Every flood of frames that we know of, each ended under its own label.

use std::time::Duration;

use super::{WITH_TLS, expect_goodbye, headers::bomb};
use crate::harness::{
    Frames, Origin, Proxy,
    frames::{
        ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PRIORITY, RST_STREAM,
        SETTINGS, WINDOW_UPDATE, frame, headers_block, request,
    },
};

/// What is sent again and again, and what it is called.
pub(super) struct Attack {
    pub(super) label: &'static str,
    /// The bytes of the nth time.
    round: fn(u32) -> Vec<u8>,
}

const CANCEL: [u8; 4] = [0, 0, 0, 8];
const WHOLE: u8 = END_HEADERS | END_STREAM;

pub(super) const ATTACKS: [Attack; 12] = [
    Attack {
        label: "rapid_reset",
        round: |nth| {
            let stream = 2 * nth + 1;
            [get(stream), frame(RST_STREAM, 0, stream, &CANCEL)].concat()
        },
    },
    Attack {
        label: "made_you_reset", // a window that overflows
        round: |nth| {
            let stream = 2 * nth + 1;
            let most = 0x7fff_ffff_u32.to_be_bytes();
            [get(stream), frame(WINDOW_UPDATE, 0, stream, &most)].concat()
        },
    },
    Attack {
        label: "made_you_reset", // headers that unpack to more than a header
        round: |nth| frame(HEADERS, WHOLE, 2 * nth + 1, &bomb("x-bomb", 3000, 30)),
    },
    Attack {
        label: "continuation_flood",
        round: |nth| match nth {
            0 => frame(HEADERS, END_STREAM, 1, &headers_block(&request("GET", "/"))),
            _ => frame(
                CONTINUATION,
                0,
                1,
                &headers_block(&[("x-more", "and more")]),
            ),
        },
    },
    Attack {
        label: "ping_flood",
        round: |_| frame(PING, 0, 0, b"8 bytes."),
    },
    Attack {
        label: "ping_flood", // answers that nobody asked for
        round: |_| frame(PING, ACK, 0, b"8 bytes."),
    },
    Attack {
        label: "settings_flood",
        round: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]),
    },
    Attack {
        label: "settings_flood", // all in one
        round: |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0].repeat(1000)),
    },
    Attack {
        label: "priority_flood",
        round: |nth| frame(PRIORITY, 0, 2 * nth + 1, &[0; 5]),
    },
    Attack {
        label: "window_dribble",
        round: |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]),
    },
    Attack {
        label: "empty_frames",
        round: |nth| match nth {
            0 => frame(
                HEADERS,
                END_HEADERS,
                1,
                &headers_block(&request("POST", "/")),
            ),
            _ => frame(DATA, 0, 1, b""),
        },
    },
    Attack {
        label: "unknown_frames",
        round: |nth| frame(0xbe, 0, nth, b"what is this?"),
    },
];

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &headers_block(&request("GET", "/")))
}

impl Attack {
    /// Goes on until the proxy has had enough.
    pub(super) async fn run(&self, frames: &mut Frames) {
        for burst in 0..1000 {
            let rounds = (burst * 50..(burst + 1) * 50).map(self.round);
            let bytes: Vec<u8> = rounds.flatten().collect();
            if frames.send_bytes(&bytes).await.is_err() || frames.look().await {
                return;
            }
        }
        panic!("{}: nobody minds", self.label);
    }
}

#[tokio::test]
async fn each_flood_ends_its_connection_under_its_own_label() {
    for attack in &ATTACKS {
        let origin = Origin::saying("hello").await;
        let proxy = Proxy::with(WITH_TLS, &[&origin]).await;
        let mut frames = Frames::begin(&proxy).await;
        let before = proxy.memory();
        attack.run(&mut frames).await;
        expect_goodbye(&proxy, frames, attack.label).await;
        let grown = proxy.memory().saturating_sub(before);
        assert!(grown < 16 << 20, "{}: {grown} bytes more", attack.label);
        let label = format!("reason=\"{}\"", attack.label);
        let told = proxy
            .errors()
            .lines()
            .into_iter()
            .filter(|line| line.contains(&label));
        assert_eq!(told.count(), 1, "{}", attack.label);
    }
}

/// Cookies in crumbs: each field costs two bytes, and there are more than a header may have.
pub(super) async fn crumbs(frames: &mut Frames) {
    let mut fields = request("GET", "/").to_vec();
    fields.resize(1000, ("cookie", "a"));
    let block = headers_block(&fields);
    for stream in (1..100).step_by(2) {
        let sent = frames.send(HEADERS, WHOLE, stream, &block).await;
        if sent.is_err() || frames.look().await {
            return;
        }
    }
    frames.rest().await;
}

/// Large answers of which nothing may be sent, for a while.
pub(super) async fn closed_windows(frames: &mut Frames) {
    let closed = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let large = headers_block(&request("GET", "/large"));
    let streams = (1..200).step_by(2);
    let asked = streams.flat_map(|stream| frame(HEADERS, WHOLE, stream, &large));
    let bytes: Vec<u8> = closed.into_iter().chain(asked).collect();
    frames.send_bytes(&bytes).await.unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(1), frames.rest()).await;
}
