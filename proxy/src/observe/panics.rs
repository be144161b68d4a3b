//! Panics: each is a fault of ours that ends one exchange or one task. It is said once, with its place, and counted.

use std::{
    panic::{self, PanicHookInfo},
    sync::atomic::{AtomicU64, Ordering},
};

use tracing::{Level, error, event_enabled};

use super::exposition::{Exposition, Family, Labels};

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
    let payload = info.payload();
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Appends the family.
pub(super) fn write(page: &mut Exposition) {
    let mut family = Family::counter(
        "simplon_panics_total",
        "Faults of ours that ended one exchange or one task.",
    );
    family.sample(&Labels::default(), PANICS.load(Ordering::Relaxed));
    page.add(family);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing::subscriber::with_default;
    use tracing_subscriber::fmt;

    use super::*;
    use crate::observe::Format;

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Heard {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_counted_and_said_once_with_its_place() {
        watch();
        let (heard, before) = (Heard::default(), PANICS.load(Ordering::Relaxed));
        let writer = heard.clone();
        let log = fmt().with_ansi(false).with_writer(move || writer.clone());
        with_default(log.finish(), || {
            let line = line!() + 1;
            let outcome = panic::catch_unwind(|| panic!("out of {}", "luck"));
            assert!(outcome.is_err());
            let text = String::from_utf8(heard.0.lock().clone()).unwrap();
            assert!(text.contains("please report it: out of luck"), "{text}");
            assert!(text.contains(&format!("panics.rs:{line}:")), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        });
        assert!(PANICS.load(Ordering::Relaxed) > before);
        let mut page = Exposition::new(Format::Text);
        write(&mut page);
        let text = page.finish();
        assert!(text.contains("\nsimplon_panics_total "), "{text}");
    }
}
