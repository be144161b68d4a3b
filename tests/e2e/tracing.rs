//! Traces through the proxy, as clients, servers and a collector see them.

mod context;
mod export;

use crate::harness::Collector;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// What a client says that is itself part of a trace.
fn said(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}")
}

/// One upstream, `web`, with one server, and spans of its requests for the collector.
fn web(collector: &Collector, keys: &str) -> String {
    let url = collector.url();
    format!(
        "
        tracing: {{ otlp: '{url}' {keys} }}
        upstreams: {{ web: {{ servers: [$1] }} }}
        routes: [{{ upstream: web }}]
        "
    )
}
