//! The meter of HTTP/2 frames: one verdict wherever reads are cut, once refused always refused, and no flood in a trickle.
#![no_main]

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use libfuzzer_sys::fuzz_target;
use simplon::{
    admit::frames::{Flood, FrameMeter, Offence, PREFACE},
    config::model::Limits,
};

/// No allowance holds fewer frames than this; that of our resets holds just as many.
const A_FEW: usize = 25;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Bytes that pass at once.
struct Pass<'a> {
    after: Duration,
    from_us: bool,
    bytes: &'a [u8],
}

// Each pass has a byte for the direction and the time before it, one for its length, and its bytes.
fuzz_target!(|data: &[u8]| {
    let mut passes = Vec::new();
    let mut rest = data;
    while let [how, length, after @ ..] = rest {
        let (bytes, after) = after.split_at(usize::from(*length).min(after.len()));
        passes.push(Pass {
            after: Duration::from_millis(u64::from(how >> 1)),
            from_us: how & 1 == 1,
            bytes,
        });
        rest = after;
    }
    let (whole, verdict) = meter(&passes, usize::MAX);
    for cut in [1, 7] {
        let (cut, again) = meter(&passes, cut);
        assert_eq!(again, verdict);
        assert!(verdict.is_err() || cut.owes() == whole.owes());
        assert_eq!(
            cut.goodbye(Flood::Ping.into()),
            whole.goodbye(Flood::Ping.into())
        );
    }
    let frames = |from_us| {
        let passes = passes.iter().filter(|pass| pass.from_us == from_us);
        let bytes: Vec<&[u8]> = passes.map(|pass| pass.bytes).collect();
        heads(&bytes.concat())
    };
    let received = frames(false);
    let sound = |head: &[u8; 9]| {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        match head[3] {
            0x4 => length <= 192,
            0x9 => false,
            _ => length <= 16 << 10,
        }
    };
    if received.len() + frames(true).len() <= A_FEW && received.iter().all(sound) {
        assert!(!matches!(verdict, Err(Offence::Flood(_))), "{received:?}");
    }
});

/// The meter after all of them, with their bytes in pieces of this size at most, and what it said.
fn meter(passes: &[Pass<'_>], size: usize) -> (FrameMeter, Result<(), Offence>) {
    let mut meter = FrameMeter::new(&Limits::default());
    let mut now = *START;
    let mut verdict = meter.accept(&[0; PREFACE], now);
    for pass in passes {
        now += pass.after;
        let mut goodbye = None;
        for bytes in pass.bytes.chunks(size) {
            if pass.from_us {
                goodbye = goodbye.or(meter.sent(bytes, now).goodbye);
            } else if verdict.is_ok() {
                verdict = meter.accept(bytes, now);
            } else {
                assert_eq!(meter.accept(bytes, now), verdict);
            }
        }
        assert_ne!(goodbye, Some(0));
    }
    let last = meter.accept(&[], now);
    assert!(verdict.is_ok() || last == verdict);
    (meter, last)
}

/// The heads of the frames that these bytes are.
fn heads(mut bytes: &[u8]) -> Vec<[u8; 9]> {
    let mut heads = Vec::new();
    while let Some((head, payload)) = bytes.split_first_chunk::<9>() {
        heads.push(*head);
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        bytes = &payload[length.min(payload.len())..];
    }
    heads
}
