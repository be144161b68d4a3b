//! Servers as they are just now.

use super::{
    Room,
    column::{self, Column, Row, Several, Values},
};
use crate::observe::{
    Exposition, ServerView, UpstreamView,
    exposition::{Family, Labels},
    servers::FAILURES,
    shelf::OVERFLOW,
    traffic::CLASSES,
};

/// A server is in one of these at a time.
const STATES: [&str; 7] = [
    "up",
    "down",
    "drain",
    "maint",
    "ejected",
    "unresolved",
    "no_check",
];

const COLUMNS: &[Column<ServerView>] = &[
    Column {
        family: Family::gauge,
        name: "simplon_server_up",
        help: "Whether the server is healthy by its checks, or has none.",
        values: Values::One(|server| server.up.into()),
    },
    Column {
        family: Family::gauge,
        name: "simplon_server_ejected",
        help: "Whether the server is left out because its requests failed.",
        values: Values::One(|server| server.ejected.into()),
    },
    Column {
        family: Family::gauge,
        name: "simplon_server_state",
        help: "1 for the state that the server is in, 0 for the others.",
        values: Values::Each("state", &STATES, in_states),
    },
    Column {
        family: Family::gauge,
        name: "simplon_server_weight",
        help: "The server's share of requests beside the others' of its upstream, as it is in force.",
        values: Values::One(|server| server.weight.into()),
    },
    Column {
        family: Family::gauge,
        name: "simplon_server_in_flight",
        help: "Requests at the server just now.",
        values: Values::One(|server| server.in_flight.into()),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_picks_total",
        help: "Times the server was chosen, retries included.",
        values: Values::One(|server| server.picks),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_responses_total",
        help: "Finished requests that were sent to the server last, by class of the status that the client got.",
        values: Values::Each("class", &CLASSES, |server| server.flow.responses.into()),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_bytes_total",
        help: "Bytes of bodies of the server's requests (in) and responses (out), counted as requests end.",
        values: Values::Each("direction", &["in", "out"], |server| {
            [server.flow.bytes_in, server.flow.bytes_out].into()
        }),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_failures_total",
        help: "Requests that failed at the server, by kind.",
        values: Values::Each("kind", &FAILURES, |server| server.failures.into()),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_connections_total",
        help: "Requests by the connection that they were sent on: one that was kept (reused), or one made for them (new).",
        values: Values::Each("kind", &["new", "reused"], |server| {
            [server.connected, server.reused].into()
        }),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_surplus_total",
        help: "Connections given up because the server said more than it was asked for.",
        values: Values::One(|server| server.surplus),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_checks_total",
        help: "Health checks made.",
        values: Values::One(|server| server.checks),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_checks_failed_total",
        help: "Health checks that failed.",
        values: Values::One(|server| server.checks_failed),
    },
    Column {
        family: Family::gauge,
        name: "simplon_server_check_duration_seconds",
        help: "How long the last health check took.",
        values: Values::Millis(|server| server.check.as_ref().map(|check| check.took_ms)),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_downs_total",
        help: "Times that health checks took the server down.",
        values: Values::One(|server| server.downs),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_downtime_seconds_total",
        help: "How long the server was down by its health checks, all times together.",
        values: Values::One(|server| server.downtime_seconds),
    },
    Column {
        family: Family::counter,
        name: "simplon_server_ejections_total",
        help: "Times that the server was left out because its requests failed.",
        values: Values::One(|server| server.ejections),
    },
];

/// Appends the families of servers. Says how many there are beyond the room.
pub(super) fn write(upstreams: &[UpstreamView], room: Room, page: &mut Exposition) -> usize {
    let (mut rows, mut rest, mut shown, mut beyond) = (Vec::new(), Vec::new(), 0, 0);
    for (at, upstream) in upstreams.iter().enumerate() {
        if !room.has(at, &upstream.name) {
            rest.extend(&upstream.servers);
            continue;
        }
        let mut more = Vec::new();
        for server in &upstream.servers {
            if room.has(shown, &server.name) {
                rows.push(row(&upstream.name, &server.name, vec![server]));
                shown += 1;
            } else {
                more.push(server);
            }
        }
        if !more.is_empty() {
            beyond += more.len();
            rows.push(row(&upstream.name, OVERFLOW, more));
        }
    }
    if !rest.is_empty() {
        beyond += rest.len();
        rows.push(row(OVERFLOW, OVERFLOW, rest));
    }
    column::write(COLUMNS, &rows, page);
    beyond
}

fn row<'a>(upstream: &str, server: &str, of: Vec<&'a ServerView>) -> Row<'a, ServerView> {
    Row {
        labels: Labels::new(&[("upstream", upstream), ("server", server)]),
        of,
    }
}

/// In the order of [`STATES`]. The text may say more, as in `UP 2/3`.
fn in_states(server: &ServerView) -> Several {
    let is = |state: &str| u64::from(server.state.starts_with(state));
    [
        is("UP"),
        is("DOWN"),
        is("DRAIN"),
        is("MAINT"),
        is("EJECTED"),
        is("UNRESOLVED"),
        is("no check"),
    ]
    .into()
}
