//! The numbers of one exchange, worked out once for all places that count it.

use std::time::UNIX_EPOCH;

use super::{Blame, Record, Took};

#[derive(Clone, Copy, Debug)]
pub(super) struct Tally<'a> {
    pub(super) record: &'a Record<'a>,
    /// The place of the status's class: 1xx to 5xx, other.
    pub(super) class: usize,
    pub(super) blame: Option<Blame>,
    /// None for a tunnel: how long it was open says nothing of how quick an answer was.
    pub(super) took: Option<Took>,
    /// When it ended, in seconds of Unix time.
    pub(super) second: u64,
    /// Answered by us, as we were told to.
    pub(super) by_us: bool,
}

impl<'a> Tally<'a> {
    pub(super) fn of(record: &'a Record<'a>) -> Self {
        let since_1970 = record.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            record,
            class: match record.status {
                status @ 100..600 => usize::from(status / 100) - 1,
                _ => 5,
            },
            blame: record.blame,
            took: (!record.upgraded).then(|| Took::new(record.timers.total)),
            second: since_1970.as_secs(),
            by_us: record.server.is_empty() && record.refusal.is_none(),
        }
    }
}
