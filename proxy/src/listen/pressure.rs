//! Whether the process has what new connections need: memory and descriptors.

use std::sync::atomic::{AtomicBool, Ordering};

/// What the listeners know of it, and tell each other. Looked at once a second.
#[derive(Debug, Default)]
pub struct Pressure {
    memory: AtomicBool,
    /// Since the last look.
    descriptors: AtomicBool,
}

impl Pressure {
    /// Whether new connections are to be closed at once.
    pub fn is_short_of_memory(&self) -> bool {
        self.memory.load(Ordering::Relaxed)
    }

    /// A connection could not be accepted for want of descriptors, or of the kernel's memory. True for the
    /// first time since the last look, which is worth a line in the log.
    pub fn ran_out(&self) -> bool {
        !self.descriptors.swap(true, Ordering::Relaxed)
    }

    /// Takes note of how much memory is `resident`; neither is known everywhere. True if idle connections are
    /// to make room.
    pub fn look(&self, resident: Option<u64>, limit: Option<u64>) -> bool {
        let was_short = self.is_short_of_memory();
        let is_short = match (resident, limit) {
            (Some(resident), Some(limit)) => is_short(was_short, resident, limit),
            (None, Some(_)) => was_short,
            (_, None) => false,
        };
        self.memory.store(is_short, Ordering::Relaxed);
        let ran_out = self.descriptors.swap(false, Ordering::Relaxed);
        is_short || ran_out
    }
}

/// Beyond the limit, and from then on until a tenth of it is free, so that the door does not flap.
fn is_short(was_short: bool, resident: u64, limit: u64) -> bool {
    let enough = if was_short { limit - limit / 10 } else { limit };
    resident > enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_closes_beyond_the_limit_and_opens_when_a_tenth_is_free() {
        let pressure = Pressure::default();
        for (resident, is_short) in [
            (100, false),
            (101, true),
            (95, true),
            (91, true),
            (90, false),
            (95, false),
            (100, false),
            (u64::MAX, true),
            (0, false),
        ] {
            assert_eq!(pressure.look(Some(resident), Some(100)), is_short);
            assert_eq!(pressure.is_short_of_memory(), is_short, "{resident}");
        }
    }

    #[test]
    fn without_a_limit_it_is_always_open_and_without_a_figure_it_stays_as_it_is() {
        let pressure = Pressure::default();
        assert!(pressure.look(Some(2), Some(1)));
        assert!(pressure.look(None, Some(1)));
        assert!(!pressure.look(Some(u64::MAX), None));
        assert!(!pressure.look(None, Some(1)));
    }

    #[test]
    fn running_out_is_told_once_a_look_and_idle_connections_make_room() {
        let pressure = Pressure::default();
        assert_eq!([(); 3].map(|()| pressure.ran_out()), [true, false, false]);
        assert!(pressure.look(None, None));
        assert!(!pressure.look(None, None));
        assert!(pressure.ran_out());
    }
}
