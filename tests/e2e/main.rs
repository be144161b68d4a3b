//! The proxy as its clients and servers meet it: the real binary, real sockets, real signals.
//!
//! Each test is a claim about the whole. The language the claims are written in is `harness`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and says what it saw"
)]

mod access;
mod acme;
mod admin_users;
mod answers;
mod auth;
mod balancing;
mod blame;
mod cert;
mod certificates;
mod commands;
mod compress;
mod conformance;
mod cors;
mod dashboards;
mod editors;
mod ending;
mod floods;
mod forwarding;
mod framing;
mod haproxy_stats;
mod harness;
mod headers;
mod hostile_servers;
mod hsts;
mod lanes;
mod limits;
mod limits_store;
mod logs;
mod metrics;
mod mozilla;
mod operate;
mod pebble;
mod proxy_protocol;
mod queueing;
mod rate_limits;
mod refusals;
mod reloading;
mod resources;
mod routing;
mod server_tls;
mod stats_page;
mod sticky;
mod threats;
mod tls;
mod tracing;
mod up;
mod workers;
