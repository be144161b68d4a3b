//! Upstreams as they are just now.

use super::{
    Room,
    column::{self, Column, Values},
};
use crate::observe::{Blame, Exposition, UpstreamView, exposition::Family};

const COLUMNS: &[Column<UpstreamView>] = &[
    Column {
        family: Family::gauge,
        name: "simplon_upstream_panic",
        help: "Whether fewer than half of the servers are healthy, so that all are used.",
        values: Values::One(|upstream| upstream.panic.into()),
    },
    Column {
        family: Family::gauge,
        name: "simplon_upstream_servers",
        help: "Servers of the upstream: all, and those that new requests may be sent to (usable).",
        values: Values::Each("state", &["usable", "all"], |upstream| {
            let usable = upstream.servers.iter().filter(|server| server.usable);
            [usable.count() as u64, upstream.servers.len() as u64].into()
        }),
    },
    Column {
        family: Family::gauge,
        name: "simplon_upstream_in_flight",
        help: "Requests at the upstream's servers just now.",
        values: Values::One(|upstream| upstream.in_flight),
    },
    Column {
        family: Family::gauge,
        name: "simplon_upstream_queue",
        help: "Requests that wait for a place at a server just now.",
        values: Values::One(|upstream| upstream.queue.now),
    },
    Column {
        family: Family::gauge,
        name: "simplon_upstream_queue_limit",
        help: "Requests that may wait for a place at a server at a time; 0 if none may.",
        values: Values::One(|upstream| upstream.queue.limit.unwrap_or(0)),
    },
    Column {
        family: Family::counter,
        name: "simplon_upstream_queue_timeouts_total",
        help: "Requests that waited for a place at a server in vain.",
        values: Values::One(|upstream| upstream.queue.timed_out),
    },
    Column {
        family: Family::counter,
        name: "simplon_upstream_errors_total",
        help: "Requests for the upstream that did not end as their client wished, by who is to blame: a policy, the request itself, the client that left, a server that was not reached, its response, a server that cut it off, or us.",
        values: Values::Each("blame", &Blame::NAMES, |upstream| {
            upstream.flow.blamed().into()
        }),
    },
    Column {
        family: Family::counter,
        name: "simplon_upstream_bytes_total",
        help: "Bytes of bodies of the upstream's requests (in) and responses (out), counted as requests end.",
        values: Values::Each("direction", &["in", "out"], |upstream| {
            [upstream.flow.bytes_in, upstream.flow.bytes_out].into()
        }),
    },
];

/// Appends the families of upstreams. Says how many there are beyond the room.
pub(super) fn write(upstreams: &[UpstreamView], room: Room, page: &mut Exposition) -> usize {
    let named = upstreams.iter().map(|upstream| (&*upstream.name, upstream));
    let (rows, beyond) = column::rows("upstream", named, room);
    column::write(COLUMNS, &rows, page);
    beyond
}
