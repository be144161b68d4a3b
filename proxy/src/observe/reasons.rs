//! Counters by reason, where all reasons are known beforehand.

use prometheus::IntCounter;

/// What counts under a reason nobody announced; better a vague series than a lost count.
const OTHER: &str = "other";

/// One counter a reason, each present from the start, so that a rate sees the first event.
#[derive(Debug)]
pub(super) struct Reasons {
    known: Vec<(&'static str, IntCounter)>,
    other: IntCounter,
}

impl Reasons {
    pub(super) fn new(
        reasons: &'static [&'static str],
        counter: impl Fn(&str) -> IntCounter,
    ) -> Self {
        Self {
            known: reasons
                .iter()
                .map(|&reason| (reason, counter(reason)))
                .collect(),
            other: counter(OTHER),
        }
    }

    pub(super) fn count(&self, reason: &str) {
        let known = self.known.iter().find(|(known, _)| *known == reason);
        known.map_or(&self.other, |(_, counter)| counter).inc();
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &'static str> {
        let known = self.known.iter().map(|(reason, _)| *reason);
        known.chain([OTHER])
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let known = self
            .known
            .iter()
            .map(|(reason, counter)| (*reason, counter.get()));
        known.chain([(OTHER, self.other.get())])
    }

    /// Of all reasons together.
    pub(super) fn total(&self) -> u64 {
        let known = self.known.iter().map(|(_, counter)| counter.get());
        known.sum::<u64>() + self.other.get()
    }
}
