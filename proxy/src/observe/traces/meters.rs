//! What became of spans, and of the requests that carried them.

use prometheus::{Error, IntCounter};

use crate::observe::families::Maker;

#[derive(Clone, Debug)]
pub struct TraceMeters {
    exported: IntCounter,
    rejected: IntCounter,
    dropped_queue: IntCounter,
    dropped_export: IntCounter,
    ok: IntCounter,
    partial: IntCounter,
    failed: IntCounter,
}

impl TraceMeters {
    pub(in crate::observe) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        let spans = maker.counters(
            "simplon_trace_spans_total",
            "Spans of sampled requests: exported, rejected by the collector, dropped as the queue was full, dropped as exports failed.",
            &["result"],
        )?;
        let exports = maker.counters(
            "simplon_trace_exports_total",
            "Requests to the collector of traces, by what came of them; partial is a success without some spans.",
            &["result"],
        )?;
        let (spans, exports) = (
            |result| spans.with_label_values(&[result]),
            |result| exports.with_label_values(&[result]),
        );
        Ok(Self {
            exported: spans("exported"),
            rejected: spans("rejected"),
            dropped_queue: spans("dropped_queue"),
            dropped_export: spans("dropped_export"),
            ok: exports("ok"),
            partial: exports("partial"),
            failed: exports("failed"),
        })
    }

    pub(super) fn dropped_in_queue(&self, spans: u64) {
        self.dropped_queue.inc_by(spans);
    }

    /// A batch was given up.
    pub(super) fn dropped(&self, spans: u64) {
        self.dropped_export.inc_by(spans);
    }

    /// The collector has taken a batch, but for so many of its spans.
    pub(super) fn taken(&self, spans: u64, rejected: u64) {
        let rejected = rejected.min(spans);
        self.exported.inc_by(spans - rejected);
        self.rejected.inc_by(rejected);
        if rejected == 0 {
            self.ok.inc();
        } else {
            self.partial.inc();
        }
    }

    /// One request to the collector came to nothing.
    pub(super) fn failed(&self) {
        self.failed.inc();
    }
}
