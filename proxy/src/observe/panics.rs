//! Panics: each is a fault of ours that ends one exchange or one task. It is said once, with its place, and counted.

use std::{
    panic::{self, PanicHookInfo},
    sync::atomic::{AtomicU64, Ordering},
};

use tracing::{Level, error, event_enabled};

use super::exposition::{Family, Labels};

/// Of the process, as the hook is.
static PANICS: AtomicU64 = AtomicU64::new(0);

/// From now on panics are counted, and said in the log; as before where nobody hears it.
pub fn watch() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        if event_enabled!(Level::ERROR) {
            let place = info.location().map(ToString::to_string);
            error!(
                place = place.as_deref().unwrap_or("unknown"),
                "simplon has panicked, please report it: {}",
                message(info)
            );
        } else {
            before(info);
        }
    }));
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str().unwrap_or("without a message")
}

/// Appends the family.
pub(super) fn write(text: &mut String) {
    let mut family = Family::counter(
        "simplon_panics_total",
        "Faults of ours that ended one exchange or one task.",
    );
    family.sample(&Labels::default(), PANICS.load(Ordering::Relaxed));
    family.append_to(text);
}
