//! What a cell has to say beyond its number, a line each; what is zero is left out.

use std::fmt::{Display, Write};

use super::super::html::{Bytes, Count, Millis};
use crate::{
    admin::ListenerView,
    observe::{Flow, ServerView, StageView, StagesView, UpstreamView, servers::FAILURES},
};

const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// Lines of text.
#[derive(Default)]
pub(super) struct Tip(pub(super) String);

impl Tip {
    fn line(&mut self, name: &str, value: impl Display) {
        // Writing to memory cannot fail.
        let _ = writeln!(self.0, "{name}: {value}");
    }

    fn count(&mut self, name: &str, count: u64) {
        if count > 0 {
            self.line(name, Count(count));
        }
    }

    /// With its percentage.
    fn share(&mut self, name: &str, count: u64, all: u64) {
        if count > 0 {
            let percent = percent(count, all);
            self.line(name, format_args!("{} ({percent} %)", Count(count)));
        }
    }

    fn responses(&mut self, flow: &Flow) {
        let all = flow.requests();
        self.count("Requests", all);
        for (name, count) in CLASSES.iter().zip(flow.responses) {
            self.share(name, count, all);
        }
    }

    fn stages(&mut self, stages: &StagesView) {
        let StagesView {
            queue,
            connect,
            first_byte,
            total,
        } = stages;
        for (name, StageView { average, longest }) in [
            ("Queue", queue),
            ("Connect", connect),
            ("First byte", first_byte),
            ("Total", total),
        ] {
            if *longest > 0 {
                self.line(
                    name,
                    format_args!("{average} ms on average, {longest} ms at most"),
                );
            }
        }
    }

    pub(super) fn of_rates(listener: &ListenerView) -> String {
        let mut tip = Self::default();
        for (name, rate) in [
            ("Connections", listener.rate),
            ("Requests", listener.flow.rate),
            ("TLS handshakes", listener.handshake_rate),
        ] {
            if rate.max > 0 {
                let (now, max) = (Count(rate.now), Count(rate.max));
                tip.line(name, format_args!("{now} per second, {max} at most"));
            }
        }
        tip.0
    }

    pub(super) fn of_listener(listener: &ListenerView) -> String {
        let (flow, mut tip) = (&listener.flow, Self::default());
        tip.count("Connections", listener.total);
        tip.count("Connections turned away", listener.refused);
        tip.count("TLS handshakes", listener.handshakes_total);
        tip.count("TLS handshakes that failed", listener.handshake_failures);
        tip.responses(flow);
        tip.count("By HTTP/1", listener.http1_requests);
        tip.count("By HTTP/2", listener.http2_requests);
        tip.count("Answered by the proxy as configured", flow.answered);
        tip.count("Failed for faults of the proxy", flow.internal_errors);
        tip.share("Compressed", flow.compressed, flow.requests());
        tip.0
    }

    pub(super) fn of_server(server: &ServerView) -> String {
        let mut tip = Self::default();
        tip.responses(&server.flow);
        tip.share(
            "On kept connections",
            server.reused,
            server.reused + server.connected,
        );
        tip.count("On new connections", server.connected);
        for (kind, count) in FAILURES.iter().zip(server.failures) {
            tip.count(&format!("Failed: {kind}"), count);
        }
        tip.count("Connections that said too much", server.surplus);
        tip.stages(&server.stages);
        tip.0
    }

    pub(super) fn of_upstream(upstream: &UpstreamView) -> String {
        let mut tip = Self::default();
        tip.responses(&upstream.flow);
        tip.count("Waited for a place", upstream.queue.total);
        tip.count("Waited in vain", upstream.queue.timed_out);
        tip.stages(&upstream.stages);
        for (name, quantiles) in [
            ("Since start", upstream.flow.since_start),
            ("Last minute", upstream.flow.last_minute),
        ] {
            if let Some(took) = quantiles {
                let (p50, p95, p99) = (Millis(took.p50), Millis(took.p95), Millis(took.p99));
                tip.line(name, format_args!("p50 {p50}, p95 {p95}, p99 {p99}"));
            }
        }
        tip.0
    }

    pub(super) fn of_bytes(flow: &Flow) -> String {
        let mut tip = Self::default();
        if flow.compressed > 0 {
            let (before, after) = (flow.compressed_in, flow.compressed_out);
            tip.line("Before compression", Bytes(before));
            let percent = percent(after, before);
            tip.line("After", format_args!("{} ({percent} %)", Bytes(after)));
        }
        tip.0
    }

    /// Responses that ended in the middle.
    pub(super) fn of_aborts(flow: &Flow) -> String {
        let mut tip = Self::default();
        tip.count("Broken off by the client", flow.client_aborts);
        tip.count("Broken off by the server", flow.server_aborts);
        tip.0
    }
}

fn percent(part: u64, all: u64) -> u64 {
    part.saturating_mul(100) / all.max(1)
}
