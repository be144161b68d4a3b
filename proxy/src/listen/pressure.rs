//! Whether the process has what new connections need, memory and descriptors, and how busy its processors are.

use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use parking_lot::Mutex;

use crate::policy::Load;

/// What the listeners know of it, and tell each other. Looked at once a second.
#[derive(Debug, Default)]
pub struct Pressure {
    memory: AtomicBool,
    strained: AtomicBool,
    /// Since the last look.
    descriptors: AtomicBool,
    /// Thousandths of the processors.
    busy: AtomicU16,
    door: Mutex<Door>,
}

/// What is found when memory is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Bytes in memory; not known everywhere.
    pub resident: Option<u64>,
    /// How many there may be.
    pub limit: Option<u64>,
    /// Connections of clients.
    pub connections: u64,
}

/// Whether new connections are let in, and why not.
///
/// An allocator gives back what it has freed when it likes, and a proxy without traffic gives it no occasion. So
/// the door opens again once those who were inside have left too: what is resident then is free within.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Door {
    is_closed: bool,
    /// Connections there were when it closed.
    inside: u64,
    /// What was resident when it opened though that was too much; zero once it is not.
    free_within: u64,
}

impl Pressure {
    /// Whether new connections are to be closed at once.
    pub fn is_short_of_memory(&self) -> bool {
        self.memory.load(Ordering::Relaxed)
    }

    /// Whether half of what there may be is in memory: time to hold less for each client.
    pub fn is_strained(&self) -> bool {
        self.strained.load(Ordering::Relaxed)
    }

    /// How busy the processors have been with us of late.
    pub fn load(&self) -> Load {
        Load::thousandths(self.busy.load(Ordering::Relaxed))
    }

    /// Takes note of that.
    pub fn is_busy(&self, load: Load) {
        self.busy.store(load.get(), Ordering::Relaxed);
    }

    /// A connection could not be accepted for want of descriptors, or of the kernel's memory. True for the
    /// first time since the last look, which is worth a line in the log.
    pub fn ran_out(&self) -> bool {
        !self.descriptors.swap(true, Ordering::Relaxed)
    }

    /// Takes note of what was found. True if idle connections are to make room.
    pub fn look(&self, found: Look) -> bool {
        if let (Some(resident), Some(limit)) = (found.resident, found.limit) {
            self.strained.store(resident > limit / 2, Ordering::Relaxed);
        }
        let mut door = self.door.lock();
        *door = door.after(found);
        self.memory.store(door.is_closed, Ordering::Relaxed);
        let ran_out = self.descriptors.swap(false, Ordering::Relaxed);
        door.is_closed || ran_out
    }
}

impl Door {
    /// After one more look. It closes beyond the limit, and opens when a tenth of that is free, so that it does
    /// not flap, or when three quarters of the connections are gone.
    fn after(self, found: Look) -> Self {
        let Some(limit) = found.limit else {
            return Self::default();
        };
        let Some(resident) = found.resident else {
            return self;
        };
        if resident <= limit - limit / 10 {
            return Self::default();
        }
        if self.is_closed {
            let have_left = found.connections <= self.inside / 4;
            return Self {
                is_closed: !have_left,
                free_within: if have_left { resident } else { 0 },
                ..self
            };
        }
        let too_much = match self.free_within {
            0 => limit,
            free => limit.max(free.saturating_add(limit / 20)),
        };
        Self {
            is_closed: resident > too_much,
            inside: found.connections,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(resident: u64, connections: u64) -> Look {
        Look {
            resident: Some(resident),
            limit: Some(100),
            connections,
        }
    }

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
            assert_eq!(pressure.look(found(resident, 8)), is_short);
            assert_eq!(pressure.is_short_of_memory(), is_short, "{resident}");
            assert_eq!(pressure.is_strained(), resident > 50, "{resident}");
        }
    }

    #[test]
    fn what_the_allocator_keeps_keeps_nobody_out_once_those_inside_have_left() {
        let pressure = Pressure::default();
        for (resident, connections, is_short) in [
            (150, 40, true),
            (150, 11, true),
            (150, 10, false), // a quarter is left: it was not they
            (150, 40, false),
            (155, 50, false), // noise
            (156, 60, true),  // it grows again
            (150, 16, true),
            (150, 15, false),
            (95, 15, false),
            (90, 15, false), // all is well, and forgotten
            (101, 15, true),
        ] {
            let now = pressure.look(found(resident, connections));
            assert_eq!(now, is_short, "{resident} {connections}");
        }
    }

    #[test]
    fn without_a_limit_it_is_always_open_and_without_a_figure_it_stays_as_it_is() {
        let pressure = Pressure::default();
        let unknown = Look {
            resident: None,
            ..found(0, 8)
        };
        let unlimited = Look {
            limit: None,
            ..found(u64::MAX, 8)
        };
        assert!(pressure.look(found(101, 8)));
        assert!(pressure.look(unknown));
        assert!(!pressure.look(unlimited));
        assert!(!pressure.look(unknown));
    }

    #[test]
    fn running_out_is_told_once_a_look_and_idle_connections_make_room() {
        let pressure = Pressure::default();
        assert_eq!([(); 3].map(|()| pressure.ran_out()), [true, false, false]);
        assert!(pressure.look(found(1, 8)));
        assert!(!pressure.look(found(1, 8)));
        assert!(pressure.ran_out());
    }
}
