//! Requests by their listener.

use super::{
    Room,
    column::{self, Column, Row, Values},
};
use crate::observe::{
    Blame, Exposition, Flow, Metrics,
    exposition::{Family, Labels},
};

/// One listener at one moment.
struct Listener {
    flow: Flow,
    by_protocol: [u64; 2],
}

const COLUMNS: &[Column<Listener>] = &[
    Column {
        family: Family::counter,
        name: "simplon_listener_requests_total",
        help: "Finished requests, by what the client spoke.",
        values: Values::Each("protocol", &["http1", "http2"], |listener| {
            listener.by_protocol.into()
        }),
    },
    Column {
        family: Family::counter,
        name: "simplon_listener_bytes_total",
        help: "Bytes of bodies from clients (in) and to them (out), counted as requests end.",
        values: Values::Each("direction", &["in", "out"], |listener| {
            [listener.flow.bytes_in, listener.flow.bytes_out].into()
        }),
    },
    Column {
        family: Family::counter,
        name: "simplon_listener_errors_total",
        help: "Requests that did not end as their client wished, by who is to blame: a policy, the request itself, the client that left, a server that was not reached, its response, a server that cut it off, or us.",
        values: Values::Each("blame", &Blame::NAMES, |listener| {
            listener.flow.blamed().into()
        }),
    },
];

const LIMIT: Column<u64> = Column {
    family: Family::gauge,
    name: "simplon_listener_connections_limit",
    help: "Client connections that the listener lets in at a time.",
    values: Values::One(|limit| *limit),
};

/// Appends the families of listeners. Those that only old connections belong to have no limit any more. Says how many there are
/// beyond the room.
pub(super) fn write(
    metrics: &Metrics,
    limits: &[(&str, u64)],
    room: Room,
    page: &mut Exposition,
) -> usize {
    // These were counted together in the first place.
    let all = metrics.all_listeners();
    let listeners: Vec<_> = all
        .iter()
        .map(|meters| Listener {
            flow: meters.traffic.flow(),
            by_protocol: meters.by_protocol(),
        })
        .collect();
    let named = all.iter().map(|meters| meters.name()).zip(&listeners);
    let rows = named.map(|(name, listener)| Row {
        labels: Labels::new(&[("listener", name)]),
        of: vec![listener],
    });
    column::write(COLUMNS, &rows.collect::<Vec<_>>(), page);

    let named = limits.iter().map(|(name, limit)| (*name, limit));
    let (rows, beyond) = column::rows("listener", named, room);
    column::write(&[LIMIT], &rows, page);
    beyond
}
