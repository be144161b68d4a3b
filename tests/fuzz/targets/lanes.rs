//! Requests through both lanes of the gateway: servers see the same, and so do clients.
//!
//! What is meant to differ is named in `lanes/told.rs`, and in `ARCHITECTURE.md`.
#![no_main]

#[path = "lanes/lane.rs"]
mod lane;
#[path = "lanes/origin.rs"]
mod origin;
#[path = "lanes/told.rs"]
mod told;
#[path = "lanes/words.rs"]
mod words;

use std::{sync::OnceLock, time::Duration};

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

use lane::Lane;

/// How long all must stand still to be taken for over. If the lanes differ it may be for want of time, so they get more.
const PATIENCE: [Duration; 3] = [
    Duration::from_millis(10),
    Duration::from_millis(100),
    Duration::from_secs(1),
];

/// Closes the connection, if what goes before it is whole.
const LAST: &[u8] = b"GET /length HTTP/1.1\r\nhost: last.test\r\nconnection: close\r\n\r\n";

// The first byte says how many bytes are written at once, the others are what the client sends, in words.
fuzz_target!(|data: &[u8]| {
    let Some((size, words)) = data.split_first() else {
        return;
    };
    let size = match size {
        0..=127 => usize::MAX,
        more => usize::from(*more) - 127,
    };
    let mut sent = words::spell(words);
    sent.extend_from_slice(LAST);
    let both = both();
    let mut seen = None;
    for patience in PATIENCE {
        let ask = |lane: &'static Lane| lane.ask(sent.clone(), size, patience);
        let (express, full) = both
            .runtime
            .block_on(async { tokio::join!(ask(&both.express), ask(&both.full)) });
        if express == full {
            return;
        }
        seen = Some((express, full));
    }
    let (express, full) = seen.expect("it was tried");
    panic!(
        "the lanes differ over\n{}\n-- express\n{express}\n-- full\n{full}",
        String::from_utf8_lossy(&sent)
    );
});

struct Both {
    runtime: Runtime,
    express: Lane,
    full: Lane,
}

/// Started once, for all inputs.
fn both() -> &'static Both {
    static BOTH: OnceLock<Both> = OnceLock::new();
    BOTH.get_or_init(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (express, full) =
            runtime.block_on(async { (Lane::start("on").await, Lane::start("off").await) });
        Both {
            runtime,
            express,
            full,
        }
    })
}
