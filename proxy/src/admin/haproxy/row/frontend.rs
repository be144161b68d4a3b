//! A listener as a `FRONTEND`.

use super::{Object, Row};
use crate::admin::{ListenerView, ProcessView, haproxy::column::Column};

impl<'a> Row<'a> {
    pub(in super::super) fn frontend(
        listener: &'a ListenerView,
        process: &ProcessView,
        proxy: u32,
    ) -> Self {
        let mut row = Self::new(Object::Frontend, (&listener.name, "FRONTEND"), (proxy, 0));
        row.flow(&listener.flow, process.now);
        let status = if process.draining { "STOP" } else { "OPEN" };
        row.text(Column::Status, status);
        row.rate((Column::Rate, Column::RateMax), listener.rate);
        row.rate((Column::ConnRate, Column::ConnRateMax), listener.rate);
        row.rate((Column::ReqRate, Column::ReqRateMax), listener.flow.rate);
        for (column, number) in [
            (Column::Scur, listener.current),
            (Column::Smax, listener.most),
            (Column::Slim, listener.limit),
            (Column::Stot, listener.total),
            (Column::ConnTot, listener.total),
            (Column::RateLim, 0),
            (Column::Dcon, listener.refused),
            (Column::Dses, 0),
            (Column::Ereq, listener.flow.request_errors),
            (Column::Intercepted, listener.flow.answered),
            (Column::H1req, listener.http1_requests),
            (Column::H2req, listener.http2_requests),
            (Column::H3req, 0),
            (Column::ReqOther, 0),
        ] {
            row.number(column, number);
        }
        row
    }
}
