//! What went through one place, be it a listener, an upstream or a server: counted by requests as they end.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::{
    blame::Blame,
    latency::{Latency, Quantiles},
    rate::{Rate, RateView},
    record::Record,
};

/// 1xx to 5xx, and what is none of them.
const CLASSES: usize = 6;

/// Counters of one place. What is zero of a request touches none of them.
#[derive(Debug, Default)]
pub struct Traffic {
    responses: [AtomicU64; CLASSES],
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// By [`Blame`].
    blamed: [AtomicU64; Blame::COUNT],
    /// Answered by us, as we were told to.
    answered: AtomicU64,
    compressed: AtomicU64,
    compressed_in: AtomicU64,
    compressed_out: AtomicU64,
    /// Unix time of the last request's end, in seconds.
    last: AtomicU64,
    /// From the end of a request's header to the last byte of its response; without tunnels.
    pub total: Latency,
    /// Requests per second.
    pub rate: Rate,
}

/// The numbers of one place at one moment.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Flow {
    /// By class: 1xx to 5xx, other.
    pub responses: [u64; CLASSES],
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
    pub(super) fn count(&self, record: &Record<'_>) {
        let class = match record.status {
            status @ 100..600 => usize::from(status / 100) - 1,
            _ => CLASSES - 1,
        };
        if let Some(responses) = self.responses.get(class) {
            responses.fetch_add(1, Relaxed);
        }
        if let Some(blamed) = record
            .blame
            .and_then(|blame| self.blamed.get(blame as usize))
        {
            blamed.fetch_add(1, Relaxed);
        }
        let by_us = record.server.is_empty() && record.refusal.is_none();
        let (taken, given) = record.compressed.unwrap_or_default();
        for (counter, more) in [
            (&self.bytes_in, record.bytes_in),
            (&self.bytes_out, record.bytes_out),
            (&self.answered, u64::from(by_us)),
            (&self.compressed, u64::from(record.compressed.is_some())),
            (&self.compressed_in, taken),
            (&self.compressed_out, given),
        ] {
            if more > 0 {
                counter.fetch_add(more, Relaxed);
            }
        }
        let second = record
            .at
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        self.last.store(second.as_secs(), Relaxed);
        // How long a tunnel was open says nothing of how quick an answer was.
        if !record.upgraded {
            self.total.observe(record.timers.total);
        }
    }

    /// So far.
    pub fn requests(&self) -> u64 {
        self.responses.iter().map(|class| class.load(Relaxed)).sum()
    }

    /// Answered with 5xx so far.
    pub fn errors(&self) -> u64 {
        self.responses[4].load(Relaxed)
    }

    pub fn flow(&self, last_minute: Option<Quantiles>) -> Flow {
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
            responses: self.responses.each_ref().map(of),
            bytes_in: of(&self.bytes_in),
            bytes_out: of(&self.bytes_out),
            compressed: of(&self.compressed),
            compressed_in: of(&self.compressed_in),
            compressed_out: of(&self.compressed_out),
            last: of(&self.last),
            rate: self.rate.view(),
            since_start: self.total.counts().quantiles(),
            last_minute,
        }
    }
}

impl Flow {
    pub fn requests(&self) -> u64 {
        self.responses.iter().sum()
    }
}
