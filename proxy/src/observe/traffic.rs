//! What went through one place, be it a listener, an upstream or a server: counted by requests as they end.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    blame::Blame,
    latency::{Buckets, Quantiles},
    rate::{Rate, RateView},
    recent::LastMinute,
    tally::Tally,
};

/// Classes of status codes, as labels of metrics.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// Requests of a place are told apart by one more thing, in up to so many kinds, which is its own.
pub(super) const KINDS: usize = 3;

/// Counters of one place. What is zero of a request touches none of them. On cache lines of its own, as what other threads
/// count in other places is not to be waited for.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Traffic {
    /// By kind and class: one addition counts both.
    responses: [[AtomicU64; CLASSES.len()]; KINDS],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// Unix time of the last request's end, in seconds.
    last: AtomicU64,
    /// By [`Blame`].
    blamed: [AtomicU64; Blame::COUNT],
    /// Answered by us, as we were told to.
    answered: AtomicU64,
    compressed: AtomicU64,
    compressed_in: AtomicU64,
    compressed_out: AtomicU64,
    /// From the end of a request's header to the last byte of its response; without tunnels.
    pub total: Buckets,
    /// Requests per second.
    pub rate: Rate,
    minute: Mutex<LastMinute>,
}

/// The numbers of one place at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Flow {
    /// By class: 1xx to 5xx, other.
    pub responses: [u64; CLASSES.len()],
    /// Of bodies.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Requests that a policy refused.
    pub denied: u64,
    /// Requests that are none that can be served, or came too slowly.
    pub request_errors: u64,
    /// Requests that the client left before the response was complete.
    pub client_aborts: u64,
    /// Requests for which no server was reached or had room.
    pub connect_errors: u64,
    /// Requests whose response was none, came too late or broke the protocol.
    pub response_errors: u64,
    /// Responses that the server ended half way.
    pub server_aborts: u64,
    /// Requests that failed for faults of ours.
    pub internal_errors: u64,
    /// Requests that the proxy answered itself, as it was told to.
    pub answered: u64,
    /// Responses that we compressed, and their bytes before and after.
    pub compressed: u64,
    pub compressed_in: u64,
    pub compressed_out: u64,
    /// Unix time of the last request, in seconds; 0 before the first.
    pub last: u64,
    /// Requests per second.
    pub rate: RateView,
    pub since_start: Option<Quantiles>,
    pub last_minute: Option<Quantiles>,
}

impl Traffic {
    pub(super) fn count(&self, tally: &Tally<'_>, kind: usize) {
        let responses = self.responses.get(kind);
        if let Some(responses) = responses.and_then(|classes| classes.get(tally.class)) {
            responses.fetch_add(1, Relaxed);
        }
        if let Some(took) = tally.took {
            self.total.add(took);
        }
        let record = tally.record;
        add(&self.bytes_in, record.bytes_in);
        add(&self.bytes_out, record.bytes_out);
        if self.last.load(Relaxed) != tally.second {
            self.last.store(tally.second, Relaxed);
        }
        add(&self.answered, u64::from(tally.by_us));
        if let Some(blame) = tally.blame
            && let Some(blamed) = self.blamed.get(blame as usize)
        {
            add(blamed, 1);
        }
        if let Some((taken, given)) = record.compressed {
            add(&self.compressed, 1);
            add(&self.compressed_in, taken);
            add(&self.compressed_out, given);
        }
    }

    /// So far.
    pub fn requests(&self) -> u64 {
        self.by_kind().iter().sum()
    }

    pub(super) fn by_kind(&self) -> [u64; KINDS] {
        let sum = |classes: &[AtomicU64; _]| classes.iter().map(|class| class.load(Relaxed)).sum();
        self.responses.each_ref().map(sum)
    }

    /// Answered with 5xx so far.
    pub fn errors(&self) -> u64 {
        self.by_class()[4]
    }

    fn by_class(&self) -> [u64; CLASSES.len()] {
        let mut sums = [0; CLASSES.len()];
        for classes in &self.responses {
            for (sum, class) in sums.iter_mut().zip(classes) {
                *sum += class.load(Relaxed);
            }
        }
        sums
    }

    /// A second has passed, or so long.
    pub(super) fn tick(&self, elapsed: Duration) {
        self.rate.tick(self.requests(), elapsed);
        self.minute.lock().tick(|| self.total.counts());
    }

    pub fn last_minute(&self) -> Option<Quantiles> {
        self.minute.lock().quantiles(&self.total.counts())
    }

    pub fn flow(&self) -> Flow {
        let of = |counter: &AtomicU64| counter.load(Relaxed);
        let [
            denied,
            request_errors,
            client_aborts,
            connect_errors,
            response_errors,
            server_aborts,
            internal_errors,
        ] = self.blamed.each_ref().map(of);
        Flow {
            denied,
            request_errors,
            client_aborts,
            connect_errors,
            response_errors,
            server_aborts,
            internal_errors,
            answered: of(&self.answered),
            responses: self.by_class(),
            bytes_in: of(&self.bytes_in),
            bytes_out: of(&self.bytes_out),
            compressed: of(&self.compressed),
            compressed_in: of(&self.compressed_in),
            compressed_out: of(&self.compressed_out),
            last: of(&self.last),
            rate: self.rate.view(),
            since_start: self.total.counts().quantiles(),
            last_minute: self.last_minute(),
        }
    }
}

/// Most numbers of most requests are zero, and then nothing is written.
fn add(counter: &AtomicU64, more: u64) {
    if more > 0 {
        counter.fetch_add(more, Relaxed);
    }
}

impl Flow {
    pub fn requests(&self) -> u64 {
        self.responses.iter().sum()
    }

    /// In the order of [`Blame`].
    pub(super) fn blamed(&self) -> [u64; Blame::COUNT] {
        [
            self.denied,
            self.request_errors,
            self.client_aborts,
            self.connect_errors,
            self.response_errors,
            self.server_aborts,
            self.internal_errors,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Record, tests::record};

    fn after(records: &[Record<'_>]) -> Flow {
        let traffic = Traffic::default();
        for (kind, record) in records.iter().enumerate() {
            traffic.count(&Tally::of(record), kind % KINDS);
        }
        assert_eq!(traffic.requests(), records.len() as u64);
        traffic.flow()
    }

    #[test]
    fn each_blame_has_a_number_of_its_own() {
        type Of = fn(&Flow) -> u64;
        let cases: [(Blame, Of); Blame::COUNT] = [
            (Blame::Policy, |flow| flow.denied),
            (Blame::Request, |flow| flow.request_errors),
            (Blame::Client, |flow| flow.client_aborts),
            (Blame::Unreached, |flow| flow.connect_errors),
            (Blame::Response, |flow| flow.response_errors),
            (Blame::Cut, |flow| flow.server_aborts),
            (Blame::Us, |flow| flow.internal_errors),
        ];
        for (blame, of) in cases {
            let flow = after(&[Record {
                blame: Some(blame),
                ..record()
            }]);
            assert_eq!((of(&flow), flow.blamed().iter().sum()), (1, 1), "{blame:?}");
            assert_eq!(flow.blamed()[blame as usize], 1, "{blame:?}");
        }
        assert_eq!(after(&[record()]).blamed(), [0; Blame::COUNT]);
    }

    #[test]
    fn classes_are_counted_over_all_kinds() {
        let statuses = [99, 101, 204, 308, 404, 499, 500, 599, 600, 0];
        let flow = after(&statuses.map(|status| Record { status, ..record() }));
        assert_eq!(flow.responses, [1, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn bytes_and_who_answered_are_counted_as_they_are() {
        let (ours, refused) = (
            Record {
                server: "",
                ..record()
            },
            Record {
                server: "",
                refusal: Some("no_route"),
                ..record()
            },
        );
        let compressed = Record {
            bytes_in: 5,
            compressed: Some((100, 20)),
            ..record()
        };
        let flow = after(&[ours, refused, compressed]);
        assert_eq!((flow.answered, flow.bytes_in, flow.bytes_out), (1, 5, 6));
        let coded = (flow.compressed, flow.compressed_in, flow.compressed_out);
        assert_eq!(coded, (1, 100, 20));
        assert!(flow.last > 1_700_000_000 && flow.since_start.is_some());
    }
}
