//! How much memory we have and may have, looked at once a second.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::Path,
    sync::Weak,
    time::{Duration, Instant},
};

use tokio::time::{MissedTickBehavior, interval};

use super::{
    Edge,
    control_group::{self, Version},
};
use crate::{config::model::MemoryLimit, listen::Look};

const EVERY: Duration = Duration::from_secs(1);
/// Of what the control group may use; the rest is for the kernel's buffers, which count there too.
const SHARE: u64 = 90;
/// Version 1 says "no limit" with a number about as large as there are.
const NO_LIMIT: u64 = 1 << 60;

/// Sweeps the tables of limits; closes the door while memory is short, and has idle connections make room while it, or descriptors, are.
pub(super) async fn tend(edge: Weak<Edge>) {
    let memory = Memory::find();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut was_short = false;
    loop {
        ticks.tick().await;
        let Some(edge) = edge.upgrade() else {
            return;
        };
        let snapshot = edge.snapshot.load();
        let limit = memory.limit(snapshot.config.memory_limit);
        let found = Look {
            resident: memory.resident(),
            limit,
            connections: edge.connections(),
        };
        let pressure = &edge.world.pressure;
        if pressure.look(found) {
            for listener in &snapshot.listeners {
                listener.relieve();
            }
        }
        let is_short = pressure.is_short_of_memory();
        edge.observer.metrics.memory(limit, is_short);
        edge.world.limits.tick(Instant::now());
        if is_short != was_short {
            tell(is_short, found);
        }
        was_short = is_short;
    }
}

fn tell(is_short: bool, found: Look) {
    let (resident, limit) = (found.resident.unwrap_or(0), found.limit.unwrap_or(0));
    if is_short {
        tracing::warn!(
            resident,
            limit,
            "memory is short: new connections are closed"
        );
    } else if limit > 0 && resident > limit {
        tracing::warn!(
            resident,
            limit,
            "memory is short, but those who used it have left: new connections are let in"
        );
    } else {
        tracing::info!(
            resident,
            limit,
            "memory is enough: new connections are let in"
        );
    }
}

struct Memory {
    /// Kept open, for when descriptors are short too.
    status: Option<File>,
    /// What the control group may use, or without one what the machine has. It does not change while we run, as far
    /// as we look.
    given: Option<u64>,
}

impl Memory {
    fn find() -> Self {
        Self {
            status: File::open("/proc/self/status").ok(),
            given: control_group::least("memory", group_limit)
                .or_else(|| size(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")),
        }
    }

    fn limit(&self, wanted: MemoryLimit) -> Option<u64> {
        match wanted {
            MemoryLimit::Off => None,
            MemoryLimit::Bytes(size) => Some(size.get()),
            MemoryLimit::Auto => self.given.map(|limit| limit / 100 * SHARE),
        }
    }

    /// Bytes that are in memory now.
    fn resident(&self) -> Option<u64> {
        let mut text = [0; 4096];
        let length = self.status.as_ref()?.read_at(&mut text, 0).ok()?;
        let text = str::from_utf8(text.get(..length)?).ok()?;
        size(text, "VmRSS:")
    }
}

/// Bytes, of a line of proc(5) that gives KiB.
fn size(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

/// What one control group may use.
fn group_limit(folder: &Path, version: Version) -> Option<u64> {
    let file = match version {
        Version::Two => "memory.max",
        Version::One => "memory.limit_in_bytes",
    };
    let text = fs::read_to_string(folder.join(file)).ok()?;
    let limit: u64 = text.trim().parse().ok()?; // "max" is none
    (limit < NO_LIMIT).then_some(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::units::ByteSize;

    fn found(membership: &str, limits: &[(&str, &str)]) -> Option<u64> {
        control_group::tests::found(membership, limits, "memory", group_limit)
    }

    #[test]
    fn the_least_of_our_control_group_and_those_above_it_counts() {
        let both = [("a/memory.max", "500"), ("a/b/memory.max", "700")];
        for (membership, limits, expected) in [
            ("0::/a/b\n", &both[..], Some(500)),
            ("0::/a/b\n", &both[1..], Some(700)),
            ("0::/a\n", &both[1..], None),
            ("0::/\n", &[("memory.max", "300")], Some(300)),
            ("0::/\n", &[("memory.max", "max")], None),
            ("0::/gone\n", &[], None),
            ("nonsense\n", &both[..], None),
        ] {
            assert_eq!(found(membership, limits), expected, "{membership}");
        }
    }

    #[test]
    fn version_1_is_understood_too() {
        let old = "5:cpu,cpuacct:/x\n4:memory:/x\n0::/y\n";
        let limit = [("memory/x/memory.limit_in_bytes", "4096")];
        assert_eq!(found(old, &limit), Some(4096));
        let none = [("memory/x/memory.limit_in_bytes", "9223372036854771712")];
        assert_eq!(found(old, &none), None);
    }

    #[test]
    fn auto_leaves_a_tenth_and_what_is_written_holds() {
        let limit = |given, wanted| {
            let status = None;
            Memory { status, given }.limit(wanted)
        };
        let written = MemoryLimit::Bytes(ByteSize::mib(2));
        assert_eq!(limit(Some(1000), MemoryLimit::Auto), Some(900));
        assert_eq!(limit(None, MemoryLimit::Auto), None);
        assert_eq!(limit(Some(1000), MemoryLimit::Off), None);
        assert_eq!(limit(Some(1000), written), Some(2 << 20));
    }

    #[test]
    fn what_is_resident_is_read_again_from_the_same_file() {
        let memory = Memory::find();
        assert!(memory.resident().unwrap() > 1 << 20);
        assert!(memory.resident().is_some());
    }
}
