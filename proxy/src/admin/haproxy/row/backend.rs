//! An upstream as a whole: a `BACKEND`.

use super::{Object, Row};
use crate::{
    admin::{
        ProcessView,
        haproxy::{column::Column, state},
    },
    observe::{ServerView, UpstreamView},
};

impl<'a> Row<'a> {
    pub(in super::super) fn backend(
        upstream: &'a UpstreamView,
        process: &ProcessView,
        proxy: u32,
    ) -> Self {
        let mut row = Self::new(Object::Backend, (&upstream.name, "BACKEND"), (proxy, 0));
        row.flow(&upstream.flow, process.now);
        row.stages(&upstream.stages);
        row.rate((Column::Rate, Column::RateMax), upstream.flow.rate);
        row.text(Column::Algo, state::algorithm(&upstream.balance));
        row.servers(&upstream.servers);
        let requests = upstream.flow.requests();
        for (column, number) in [
            (Column::Qcur, upstream.queue.now),
            (Column::Qmax, upstream.queue.most),
            (Column::Scur, upstream.in_flight),
            (Column::Smax, upstream.most_in_flight),
            (Column::Stot, requests),
            (Column::Econ, upstream.flow.connect_errors),
            (
                Column::Eresp,
                upstream.flow.response_errors + upstream.flow.server_aborts,
            ),
            (Column::Wretr, upstream.retries),
            (Column::Wredis, upstream.retries),
            (Column::Chkdown, upstream.outages.count),
            (Column::Downtime, upstream.outages.seconds),
            (Column::Lastchg, upstream.outages.changed_seconds_ago),
            (Column::AggServerStatus, 0),
            (Column::AggServerCheckStatus, 0),
            (Column::AggCheckStatus, 0),
        ] {
            row.number(column, number);
        }
        row.some(Column::Qlimit, upstream.queue.limit);
        row
    }

    /// What its servers come to together. As with `HAProxy`, backups have weight only while no other server is left.
    fn servers(&mut self, servers: &[ServerView]) {
        let usable = |backup: bool| {
            let those = servers.iter();
            those.filter(move |server| server.usable && server.backup == backup)
        };
        let (active, backups) = (usable(false).count(), usable(true).count());
        let sum = |of: fn(&ServerView) -> u64| usable(active == 0).map(of).sum();
        let all = |of: fn(&ServerView) -> u64| servers.iter().map(of).sum();
        let is_up = active + backups > 0 || servers.is_empty();
        self.text(Column::Status, if is_up { "UP" } else { "DOWN" });
        for (column, number) in [
            (Column::Act, active as u64),
            (Column::Bck, backups as u64),
            (Column::Weight, sum(|server| u64::from(server.weight))),
            (
                Column::Uweight,
                sum(|server| u64::from(server.configured_weight)),
            ),
            (Column::Lbtot, all(|server| server.picks)),
            (Column::Connect, all(|server| server.connected)),
            (Column::Reuse, all(|server| server.reused)),
        ] {
            self.number(column, number);
        }
        // Without a limit at each there is none for all.
        let limits = servers.iter().map(|server| server.max_connections);
        let limits: Option<u64> = limits.map(|limit| limit.map(u64::from)).sum();
        if !servers.is_empty() {
            self.some(Column::Slim, limits);
        }
    }
}
