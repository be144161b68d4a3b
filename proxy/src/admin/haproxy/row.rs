//! One line of `HAProxy`'s table: a listener, a server, or an upstream as a whole.

mod backend;
mod frontend;
mod server;

use serde::Serialize;

use super::column::{Column, Kind};
use crate::observe::{Flow, RateView, StagesView};

/// What a row is about, as `HAProxy` calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Object {
    Frontend,
    Backend,
    Server,
}

/// Nothing stands where there is nothing to say.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) object: Object,
    /// Of the listener or upstream, and of the server within it or 0.
    pub(super) proxy: u32,
    pub(super) id: u32,
    values: [Option<Value<'a>>; Column::COUNT],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Number(i64),
    Text(&'a str),
}

/// The largest number that JSON keeps whole everywhere, and so `HAProxy`'s.
const LARGEST: u64 = (1 << 53) - 1;

impl<'a> Row<'a> {
    pub(super) fn value(&self, column: Column) -> Option<Value<'a>> {
        self.values.get(column.place()).copied().flatten()
    }

    /// Every column, in order.
    pub(super) fn values(&self) -> impl Iterator<Item = (Column, Option<Value<'a>>)> + '_ {
        Column::ALL.iter().copied().zip(self.values.iter().copied())
    }

    fn new(
        object: Object,
        (proxy_name, own_name): (&'a str, &'a str),
        (proxy, id): (u32, u32),
    ) -> Self {
        let mut row = Self {
            object,
            proxy,
            id,
            values: [const { None }; Column::COUNT],
        };
        row.text(Column::Pxname, proxy_name);
        row.text(Column::Svname, own_name);
        row.text(Column::Mode, "http");
        let kind = match object {
            Object::Frontend => 0,
            Object::Backend => 1,
            Object::Server => 2,
        };
        for (column, number) in [
            (Column::Pid, 1),
            (Column::Iid, proxy),
            (Column::Sid, id),
            (Column::Type, kind),
        ] {
            row.number(column, u64::from(number));
        }
        row
    }

    /// What is counted of requests wherever they pass. What `HAProxy` does not have of such an object stays empty.
    fn flow(&mut self, flow: &Flow, now: u64) {
        let is_server = self.object == Object::Server;
        let is_frontend = self.object == Object::Frontend;
        let [first, second, third, fourth, fifth, other] = flow.responses;
        for (column, number) in [
            (Column::Bin, flow.bytes_in),
            (Column::Bout, flow.bytes_out),
            (Column::Reqbin, flow.bytes_in),
            (Column::Resbout, flow.bytes_out),
            (Column::Dresp, 0),
            (Column::Hrsp1xx, first),
            (Column::Hrsp2xx, second),
            (Column::Hrsp3xx, third),
            (Column::Hrsp4xx, fourth),
            (Column::Hrsp5xx, fifth),
            (Column::HrspOther, other),
            (Column::ReqTot, flow.requests()),
            (Column::Wrew, 0),
            (Column::Eint, flow.internal_errors),
        ] {
            self.number(column, number);
        }
        if !is_server {
            for (column, number) in [
                (Column::Dreq, flow.denied),
                (Column::CompIn, flow.compressed_in),
                (Column::CompOut, flow.compressed_out),
                (Column::CompRsp, flow.compressed),
                (Column::CacheLookups, 0),
                (Column::CacheHits, 0),
                (Column::CacheHintHits, 0),
            ] {
                self.number(column, number);
            }
        }
        if !is_frontend {
            self.number(Column::CliAbrt, flow.client_aborts);
            self.number(Column::SrvAbrt, flow.server_aborts);
            self.put(Column::Lastsess, Value::Number(-1));
            if flow.last > 0 {
                self.number(Column::Lastsess, now.saturating_sub(flow.last));
            }
        }
    }

    fn stages(&mut self, stages: &StagesView) {
        for (average, longest, stage) in [
            (Column::Qtime, Column::QtimeMax, stages.queue),
            (Column::Ctime, Column::CtimeMax, stages.connect),
            (Column::Rtime, Column::RtimeMax, stages.first_byte),
            (Column::Ttime, Column::TtimeMax, stages.total),
        ] {
            self.number(average, stage.average);
            self.number(longest, stage.longest);
        }
    }

    fn rate(&mut self, (now, most): (Column, Column), rate: RateView) {
        self.number(now, rate.now);
        self.number(most, rate.max);
    }

    fn some(&mut self, column: Column, number: Option<impl Into<u64>>) {
        if let Some(number) = number {
            self.number(column, number.into());
        }
    }

    /// No more than the column's kind holds.
    fn number(&mut self, column: Column, number: u64) {
        let largest = match column.kind() {
            Kind::U32 => u64::from(u32::MAX),
            Kind::S32 => u64::from(u32::MAX >> 1),
            Kind::U64 | Kind::Text => LARGEST,
        };
        let number = i64::try_from(number.min(largest)).unwrap_or(i64::MAX);
        self.put(column, Value::Number(number));
    }

    fn text(&mut self, column: Column, text: &'a str) {
        self.put(column, Value::Text(text));
    }

    fn put(&mut self, column: Column, value: Value<'a>) {
        if let Some(place) = self.values.get_mut(column.place()) {
            *place = Some(value);
        }
    }
}
