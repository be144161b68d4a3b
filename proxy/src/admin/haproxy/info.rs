//! What `HAProxy` tells of its process (`show info`) by the names of its exporter, as far as we have it too.

use super::metrics::Kind::{self, Counter, Gauge};
use crate::{
    admin::{ProcessView, StatsView},
    observe::Flow,
};

/// One fact, by the name of its metric.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    pub(super) of: fn(&StatsView) -> Option<u64>,
}

macro_rules! facts {
    ($($name:literal, $kind:ident, $help:literal, $of:expr;)*) => {
        /// In the order of `show info`.
        pub(super) const FACTS: &[Fact] = &[
            $(Fact { name: $name, kind: $kind, help: $help, of: $of }),*
        ];
    };
}

facts! {
    "haproxy_process_nbthread", Gauge, "Threads that serve.",
        |view| Some(view.process.workers);
    "haproxy_process_nbproc", Gauge, "Processes that serve, always 1.",
        |_| Some(1);
    "haproxy_process_relative_process_id", Gauge, "The number among several processes, always 1.",
        |_| Some(1);
    "haproxy_process_uptime_seconds", Gauge, "How long ago the process started.",
        |view| Some(view.process.uptime_seconds);
    "haproxy_process_start_time_seconds", Gauge, "When the process started, in Unix time.",
        |view| Some(view.process.started);
    "haproxy_process_max_memory_bytes", Gauge, "Resident memory beyond which new connections are closed.",
        |view| view.process.memory_limit_bytes;
    "haproxy_process_max_fds", Gauge, "File descriptors that may be open.",
        |view| view.process.descriptors_limit;
    "haproxy_process_max_connections", Gauge, "Connections that all listeners let in at a time.",
        |view| Some(view.process.connections_limit);
    "haproxy_process_hard_max_connections", Gauge, "Connections that all listeners let in at a time.",
        |view| Some(view.process.connections_limit);
    "haproxy_process_current_connections", Gauge, "Connections of clients just now.",
        |view| Some(view.process.connections);
    "haproxy_process_connections_total", Counter, "Connections of clients so far.",
        |view| Some(view.process.connections_total);
    "haproxy_process_requests_total", Counter, "Requests so far.",
        |view| Some(view.process.requests_total);
    "haproxy_process_max_ssl_connections", Gauge, "The most connections with TLS at a time, 0 without a limit of their own.",
        |_| Some(0);
    "haproxy_process_current_ssl_connections", Gauge, "Connections of clients with TLS just now.",
        |view| Some(view.process.tls_connections);
    "haproxy_process_ssl_connections_total", Counter, "TLS handshakes with clients so far.",
        |view| Some(view.process.handshakes_total);
    "haproxy_process_current_connection_rate", Gauge, "Connections of clients in the last second.",
        |view| Some(view.process.connection_rate.now);
    "haproxy_process_limit_connection_rate", Gauge, "The most connections a second, 0 without limit.",
        |_| Some(0);
    "haproxy_process_max_connection_rate", Gauge, "Connections of clients in the busiest second since the start.",
        |view| Some(view.process.connection_rate.max);
    "haproxy_process_current_session_rate", Gauge, "Connections of clients in the last second.",
        |view| Some(view.process.connection_rate.now);
    "haproxy_process_limit_session_rate", Gauge, "The most connections a second, 0 without limit.",
        |_| Some(0);
    "haproxy_process_max_session_rate", Gauge, "Connections of clients in the busiest second since the start.",
        |view| Some(view.process.connection_rate.max);
    "haproxy_process_current_ssl_rate", Gauge, "TLS handshakes with clients in the last second.",
        |view| Some(view.process.handshake_rate.now);
    "haproxy_process_limit_ssl_rate", Gauge, "The most TLS handshakes a second, 0 without limit.",
        |_| Some(0);
    "haproxy_process_max_ssl_rate", Gauge, "TLS handshakes with clients in the busiest second since the start.",
        |view| Some(view.process.handshake_rate.max);
    "haproxy_process_current_frontend_ssl_key_rate", Gauge, "TLS handshakes in the last second that resumed no session.",
        |view| Some(view.process.full_handshake_rate.now);
    "haproxy_process_max_frontend_ssl_key_rate", Gauge, "TLS handshakes that resumed no session, in the busiest second since the start.",
        |view| Some(view.process.full_handshake_rate.max);
    "haproxy_process_frontend_ssl_reuse", Gauge, "Percent of TLS handshakes in the last second that resumed a session.",
        |view| Some(resumed_percent(&view.process));
    "haproxy_process_ssl_cache_lookups_total", Counter, "Look-ups in a cache of TLS sessions; there is none, clients keep them.",
        |_| Some(0);
    "haproxy_process_ssl_cache_misses_total", Counter, "Look-ups in vain in a cache of TLS sessions; there is none.",
        |_| Some(0);
    "haproxy_process_http_comp_bytes_in_total", Counter, "Bytes of bodies before compression so far.",
        |view| Some(sum(view, |flow| flow.compressed_in));
    "haproxy_process_http_comp_bytes_out_total", Counter, "Bytes of bodies after compression so far.",
        |view| Some(sum(view, |flow| flow.compressed_out));
    "haproxy_process_limit_http_comp", Gauge, "The most compressed bytes a second, 0 without limit.",
        |_| Some(0);
    "haproxy_process_idle_time_percent", Gauge, "Percent of all threads' time that they did nothing, in the last second.",
        |view| Some(view.process.idle_percent);
    "haproxy_process_stopping", Gauge, "Whether the process ends.",
        |view| Some(u64::from(view.process.draining));
    "haproxy_process_jobs", Gauge, "Connections of clients and sockets that listen.",
        |view| Some(view.process.connections + sockets(view));
    "haproxy_process_listeners", Gauge, "Sockets that listen.",
        |view| Some(sockets(view));
    "haproxy_process_dropped_logs_total", Counter, "Lines of the access log that were lost.",
        |view| Some(view.process.log_lines_dropped);
    "haproxy_process_failed_resolutions", Counter, "Look-ups of servers' names that failed, of servers in use.",
        |view| Some(failed_resolutions(view));
    "haproxy_process_bytes_out_total", Counter, "Bytes of responses' bodies so far.",
        |view| Some(view.process.bytes_out);
}

fn sockets(view: &StatsView) -> u64 {
    let listeners = view.listeners.iter();
    listeners
        .map(|listener| listener.addresses.len() as u64)
        .sum()
}

fn sum(view: &StatsView, of: fn(&Flow) -> u64) -> u64 {
    let listeners = view.listeners.iter();
    listeners.map(|listener| of(&listener.flow)).sum()
}

fn failed_resolutions(view: &StatsView) -> u64 {
    let servers = view.upstreams.iter().flat_map(|upstream| &upstream.servers);
    servers.map(|server| server.failed_resolutions).sum()
}

fn resumed_percent(process: &ProcessView) -> u64 {
    let (all, full) = (process.handshake_rate.now, process.full_handshake_rate.now);
    let resumed = all.saturating_sub(full);
    (resumed * 100).checked_div(all).unwrap_or(0)
}
