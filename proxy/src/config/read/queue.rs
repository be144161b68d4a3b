//! Requests that wait for a server.

use std::time::Duration;

use crate::config::{
    decode::Fields,
    model::{Queue, Server},
    problem::{Problem, Span},
    table::{Key, Kind, Table},
};

pub(super) static TABLE: Table = Table {
    of: "queue",
    keys: &[
        Key::new(
            "size",
            Kind::Number(1..=100_000),
            "requests that wait at most; the next gets 503; default 1000",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::from_millis(1)..=Duration::from_secs(3600)),
            "how long one waits at most; then it gets 503; default 5s",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Queue {
    let default = Queue::default();
    Queue {
        size: fields.positive("size").unwrap_or(default.size),
        timeout: fields.duration("timeout").unwrap_or(default.timeout),
    }
}

/// `fields` are those of the upstream. Servers without a limit are never full.
pub(super) fn check(fields: &Fields<'_>, servers: &[(Server, Span)]) {
    let mut servers = servers.iter();
    let Some(entry) = fields.entry("queue") else {
        return;
    };
    if servers.all(|(server, _)| server.max_connections.is_none()) {
        let problem = Problem::warning("nothing ever waits in this queue: no server has a limit");
        let hint = "give the servers `max_connections`, or remove `queue`";
        fields.problems.push(problem.at(&entry.at).hint(hint));
    }
}
