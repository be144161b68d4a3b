//! A server of an upstream.

use super::{Object, Row};
use crate::{
    admin::{
        ProcessView,
        haproxy::{column::Column, state},
    },
    observe::ServerView,
};

impl<'a> Row<'a> {
    pub(in super::super) fn server(
        (upstream, server): (&'a str, &'a ServerView),
        process: &ProcessView,
        (proxy, id): (u32, u32),
    ) -> Self {
        let mut row = Self::new(Object::Server, (upstream, &server.name), (proxy, id));
        let [connect, reset, timeout, malformed, status] = server.failures;
        row.flow(&server.flow, process.now);
        row.stages(&server.stages);
        row.rate((Column::Rate, Column::RateMax), server.flow.rate);
        row.text(Column::Status, state::status(server));
        row.text(Column::Addr, &server.name);
        let in_flight = u64::from(server.in_flight);
        for (column, number) in [
            (Column::Qcur, 0),
            (Column::Qmax, 0),
            (Column::Scur, in_flight),
            (Column::UsedConnCur, in_flight),
            (Column::NeedConnEst, in_flight),
            (Column::Smax, server.most_in_flight),
            (Column::Stot, server.picks),
            (Column::Lbtot, server.picks),
            (Column::Econ, connect),
            (Column::Eresp, reset + timeout + malformed),
            (
                Column::Hanafail,
                connect + reset + timeout + malformed + status,
            ),
            (Column::Wretr, server.retries),
            (Column::Wredis, server.retries),
            (Column::Weight, u64::from(server.weight)),
            (Column::Uweight, u64::from(server.configured_weight)),
            (Column::Act, u64::from(!server.backup)),
            (Column::Bck, u64::from(server.backup)),
            (Column::Lastchg, server.changed_seconds_ago),
            (Column::Downtime, server.downtime_seconds),
            (Column::Connect, server.connected),
            (Column::Reuse, server.reused),
            (Column::SrvIcur, u64::from(server.idle_connections)),
            (Column::SafeConnCur, u64::from(server.idle_connections)),
            (Column::IdleConnCur, 0),
        ] {
            row.number(column, number);
        }
        row.some(Column::Slim, server.max_connections);
        row.some(Column::Throttle, server.throttle);
        row.check(server);
        row
    }

    /// Of a server that is checked; before its first check there is nothing to tell but the counts.
    fn check(&mut self, server: &'a ServerView) {
        if server.state == "no check" {
            return;
        }
        self.number(Column::Chkfail, server.checks_failed);
        self.number(Column::Chkdown, server.downs);
        let Some(check) = &server.check else {
            return;
        };
        self.text(Column::CheckStatus, &check.code);
        self.text(Column::LastChk, &check.text);
        if let Some(meaning) = state::meaning(check) {
            self.text(Column::CheckDesc, meaning);
        }
        self.some(Column::CheckCode, check.status);
        for (column, number) in [
            (Column::CheckDuration, check.took_ms),
            (Column::CheckRise, u64::from(check.rise)),
            (Column::CheckFall, u64::from(check.fall)),
            (Column::CheckHealth, u64::from(state::health(server, check))),
        ] {
            self.number(column, number);
        }
    }
}
