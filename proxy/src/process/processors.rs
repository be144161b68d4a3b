//! How busy the processors are with us, looked at once a second.

use std::{
    fs,
    num::NonZero,
    path::Path,
    sync::Weak,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::{MissedTickBehavior, interval};

use super::{
    Edge,
    control_group::{self, Version},
};
use crate::policy::Load;

const EVERY: Duration = Duration::from_secs(1);

/// Tells those who could do with less of them.
pub(super) async fn tend(edge: Weak<Edge>, workers: NonZero<usize>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let given = available_parallelism().map_or(1, NonZero::get);
    let processors = ours(workers.get(), given, control_group::least("cpu", quota));
    let mut before = (Instant::now(), used());
    let mut load = Load::NONE;
    loop {
        ticks.tick().await;
        let Some(edge) = edge.upgrade() else {
            return;
        };
        let now = (Instant::now(), used());
        let within = now.0.saturating_duration_since(before.0);
        let busy = Load::of(now.1.saturating_sub(before.1), within, processors);
        load = load.between(busy);
        edge.world.pressure.is_busy(load);
        before = now;
    }
}

/// The time that processors have spent on this process, in all its threads.
fn used() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// In thousandths: as many as there are workers to use them, but no more than the machine or the control group has. Of a quota
/// `given` has whole processors alone, and at least one: where it may come from there, the quota itself counts.
fn ours(workers: usize, given: usize, quota: Option<u32>) -> u32 {
    let thousandths =
        |count| u32::try_from(count).map_or(u32::MAX, |count| count.saturating_mul(1000));
    let (workers, given) = (thousandths(workers), thousandths(given));
    let given = match quota {
        Some(quota) if quota < given.saturating_add(1000) => quota,
        _ => given,
    };
    workers.min(given).max(1)
}

/// Thousandths of a processor that one control group may use.
fn quota(folder: &Path, version: Version) -> Option<u32> {
    let read = |file: &str| fs::read_to_string(folder.join(file)).ok();
    let text = match version {
        Version::Two => read("cpu.max")?,
        Version::One => read("cpu.cfs_quota_us")? + " " + &read("cpu.cfs_period_us")?,
    };
    let (quota, period) = text.trim().split_once(char::is_whitespace)?;
    let quota: u64 = quota.trim().parse().ok()?; // "max" and -1 are none
    let period: u64 = period.trim().parse().ok()?;
    let thousandths = quota.saturating_mul(1000).checked_div(period)?;
    Some(u32::try_from(thousandths).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_processors_spend_on_us_grows_with_our_work() {
        let before = used();
        let work: u64 = (0..2_000_000).map(std::hint::black_box).sum();
        assert!(work > 0 && used() > before);
    }

    #[test]
    fn there_are_no_more_than_workers_nor_than_the_machine_or_the_quota_has() {
        for (workers, given, quota, thousandths) in [
            (4, 8, None, 4000),
            (8, 4, None, 4000),
            (1, 1, Some(500), 500),
            (4, 2, Some(2500), 2500),
            (2, 2, Some(2500), 2000),
            (8, 2, Some(4500), 2000),
            (2, 1, Some(0), 1),
            (usize::MAX, usize::MAX, None, u32::MAX),
        ] {
            assert_eq!(ours(workers, given, quota), thousandths);
        }
    }

    #[test]
    fn a_quota_is_read_in_thousandths_of_a_processor() {
        let found =
            |membership, files: &[_]| control_group::tests::found(membership, files, "cpu", quota);
        for (text, thousandths) in [
            ("50000 100000", Some(500)),
            ("250000 100000", Some(2500)),
            ("max 100000", None),
            ("50000 0", None),
            ("50000", None),
        ] {
            assert_eq!(
                found("0::/a/b\n", &[("a/cpu.max", text)]),
                thousandths,
                "{text}"
            );
        }
        for (quota, thousandths) in [("150000", Some(1500)), ("-1", None)] {
            let files = [
                ("cpu/x/cpu.cfs_quota_us", quota),
                ("cpu/x/cpu.cfs_period_us", "100000"),
            ];
            assert_eq!(found("3:cpu,cpuacct:/x\n0::/\n", &files), thousandths);
        }
    }
}
