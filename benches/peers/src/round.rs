//! Rounds: in each, every proxy has one turn. A round in which others used the machine does not count, and is repeated.

use std::time::Instant;

use crate::{
    field::Field,
    load::Answered,
    outcome::Outcome,
    peer::Running,
    row::{Figure, Row},
    sample::{self, Machine},
};

/// Nanoseconds in a tick of `/proc/stat`.
const TICK: f64 = 10e6;

/// Processor time of a proxy since a moment.
#[derive(Debug)]
pub(crate) struct Spent {
    before: u64,
}

impl Spent {
    pub(crate) fn begin(running: &Running) -> Outcome<Self> {
        Ok(Self {
            before: sample::used(running.group())?,
        })
    }

    /// Microseconds so far.
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of seconds")]
    pub(crate) fn micros(&self, running: &Running) -> Outcome<f64> {
        let after = sample::used(running.group())?;
        let used = after
            .checked_sub(self.before)
            .ok_or("a process of the proxy has ended")?;
        Ok(used as f64 / 1e3)
    }

    /// What share of so many seconds that is, on all cores of the proxy.
    pub(crate) fn share(&self, running: &Running, wall: f64) -> Outcome<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a few workers")]
        let cores = running.setup.workers as f64;
        Ok(self.micros(running)? / 1e6 / wall / cores)
    }

    /// The figure of a line: microseconds for each request.
    #[expect(clippy::cast_precision_loss, reason = "requests of seconds")]
    pub(crate) fn per_request(
        &self,
        line: &str,
        running: &Running,
        answered: Answered,
    ) -> Outcome<Figure> {
        let micros = self.micros(running)?;
        Ok(Figure {
            line: line.to_owned(),
            unit: "CPU µs a request",
            value: micros / answered.requests as f64,
            busy: Some(self.share(running, answered.wall)?),
            is_compared: true,
        })
    }
}

/// One turn: its figures, and how much of a core others used meanwhile, in percent.
#[derive(Debug)]
pub(crate) struct Turn {
    pub figures: Vec<Figure>,
    pub others: f64,
}

/// Gives one of all proxies its turn.
pub(crate) async fn turn(
    row: Row,
    field: &Field,
    all: &[Running],
    running: &Running,
) -> Outcome<Turn> {
    let groups: Vec<i32> = all
        .iter()
        .map(Running::group)
        .chain([field.origin.group()])
        .collect();
    let begin = Instant::now();
    let (machine, ours) = (Machine::now()?, used(&groups)?);
    let figures = row.measure(field, running, field.seconds).await?;
    let ours = used(&groups)?.saturating_sub(ours);
    let others = others(
        machine,
        Machine::now()?,
        ours,
        begin.elapsed().as_secs_f64(),
    );
    Ok(Turn { figures, others })
}

fn used(groups: &[i32]) -> Outcome<u64> {
    groups.iter().map(|group| sample::used(*group)).sum()
}

/// How much of a core went neither to us nor to what we started, in percent: what was stolen, and what others used. `groups` is
/// what proxies and server used, in nanoseconds. Ticks are coarse, so that a little of it is always noise.
#[expect(clippy::cast_precision_loss, reason = "ticks of seconds")]
fn others(before: Machine, after: Machine, groups: u64, wall: f64) -> f64 {
    let ticks = |after: u64, before: u64| after.saturating_sub(before) as f64 * TICK;
    let busy = ticks(after.busy, before.busy);
    let steal = ticks(after.steal, before.steal);
    let ours = ticks(after.ours, before.ours) + groups as f64;
    ((busy - ours).max(0.0) + steal) / (wall * 1e9) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 ticks are a second of one core.
    fn machine(busy: u64, steal: u64, ours: u64) -> Machine {
        Machine { busy, steal, ours }
    }

    #[test]
    fn what_nobody_of_us_used_was_others() {
        let before = machine(1000, 10, 500);
        for (after, groups, expected) in [
            // Two seconds in which both cores were ours.
            (machine(1400, 10, 700), 2_000_000_000, 0.0),
            // … in which someone else had half a second.
            (machine(1450, 10, 700), 2_000_000_000, 25.0),
            // … in which the host took a tenth of a second.
            (machine(1400, 20, 700), 2_000_000_000, 5.0),
            // Ticks that say less than nanoseconds are no one's.
            (machine(1390, 10, 700), 2_000_000_000, 0.0),
        ] {
            let others = others(before, after, groups, 2.0);
            assert!((others - expected).abs() < 1e-9, "{others}, not {expected}");
        }
    }
}
