//! An upstream as a whole: a `BACKEND`.

use super::{Object, Row};
use crate::{
    admin::{
        ProcessView,
        haproxy::{column::Column, state},
    },
    observe::{Total, UpstreamView},
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
        row.total(&upstream.total());
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

    /// What its servers come to together.
    fn total(&mut self, total: &Total) {
        self.text(Column::Status, if total.is_up { "UP" } else { "DOWN" });
        for (column, number) in [
            (Column::Act, total.active),
            (Column::Bck, total.backups),
            (Column::Weight, total.weight),
            (Column::Uweight, total.configured_weight),
            (Column::Lbtot, total.picks),
            (Column::Connect, total.connected),
            (Column::Reuse, total.reused),
        ] {
            self.number(column, number);
        }
        self.some(Column::Slim, total.max_connections);
    }
}
