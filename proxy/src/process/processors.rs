//! How busy the processors are with us, looked at once a second.

use std::{
    num::NonZero,
    sync::Weak,
    thread::available_parallelism,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::{
    runtime::Handle,
    time::{MissedTickBehavior, interval},
};

use super::Edge;
use crate::policy::Load;

const EVERY: Duration = Duration::from_secs(1);

/// Tells those who could do with less of them.
pub(super) async fn tend(edge: Weak<Edge>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let processors = ours(Handle::current().metrics().num_workers());
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

/// As many as there are workers to use them, but no more than the machine or the control group has.
fn ours(workers: usize) -> u16 {
    let given = available_parallelism().map_or(1, NonZero::get);
    u16::try_from(workers.min(given)).unwrap_or(u16::MAX)
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
    fn there_are_no_more_than_workers_and_no_more_than_the_machine_has() {
        let all = ours(usize::MAX);
        assert!(all >= 1);
        assert_eq!(ours(1), 1);
        assert_eq!(ours(usize::from(all) + 1), all);
    }
}
