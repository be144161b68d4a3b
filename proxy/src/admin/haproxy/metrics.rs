//! `HAProxy`'s metrics (`metrics: { haproxy: true }`): the names, types and labels of its exporter, with our numbers.
//!
//! Read from the same rows as the table. A family without a number is left out, as is one that `HAProxy` has and we have
//! nothing for.

mod families;

use self::families::{Metric, Unit};
use super::{
    column::Column,
    info::FACTS,
    proxy::{Part, Proxy},
    row::{Object, Row, Value},
    state::{self, CHECKS, State},
    wanted::{Scope, Wanted},
};
use crate::{
    admin::{Query, StatsView},
    observe::{Exposition, Family, Labels, UpstreamView},
};

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    fn family(self, name: &'static str, help: &'static str) -> Family {
        match self {
            Self::Counter => Family::counter(name, help),
            Self::Gauge => Family::gauge(name, help),
        }
    }
}

/// Labels of `code`, and the columns that they stand for.
const CODES: [(&str, Column); 6] = [
    ("1xx", Column::Hrsp1xx),
    ("2xx", Column::Hrsp2xx),
    ("3xx", Column::Hrsp3xx),
    ("4xx", Column::Hrsp4xx),
    ("5xx", Column::Hrsp5xx),
    ("other", Column::HrspOther),
];

/// Appends the families, with no more than so many listeners, upstreams or servers in each.
pub fn write(view: &StatsView, wanted: &Wanted, most: usize, page: &mut Exposition) {
    if wanted.has(Scope::Global) {
        process(view, page);
    }
    let query = Query {
        no_maint: wanted.no_maint,
        ..Query::default()
    };
    let mut frontends = Rows::new(families::FRONTEND, Names::FRONTEND, most);
    let mut servers = Rows::new(families::SERVER, Names::SERVER, most);
    let mut backends = Rows::new(families::BACKEND, Names::BACKEND, most);
    let mut together = Together::new(most);
    for proxy in Proxy::shown(view, &query) {
        for row in proxy.rows() {
            match row.object {
                Object::Frontend if wanted.has(Scope::Frontend) => frontends.add(&row),
                Object::Backend if wanted.has(Scope::Backend) => backends.add(&row),
                Object::Server if wanted.has(Scope::Server) => servers.add(&row),
                _ => {}
            }
        }
        if let (Part::Upstream(upstream), true) = (proxy.part, wanted.has(Scope::Backend)) {
            together.add(upstream);
        }
    }
    frontends.append_to(page);
    backends.append_to(page);
    together.append_to(page);
    servers.append_to(page);
}

fn process(view: &StatsView, page: &mut Exposition) {
    for fact in FACTS {
        let mut family = fact.kind.family(fact.name, fact.help);
        if let Some(value) = (fact.of)(view) {
            family.sample(&Labels::default(), value);
        }
        page.add(family);
    }
    let mut build = Family::gauge(
        "haproxy_process_build_info",
        "Which version this is; always 1.",
    );
    build.sample(&Labels::new(&[("version", &view.process.version)]), 1);
    page.add(build);
}

/// The names of those families of a kind of row that have a label of their own.
#[derive(Clone, Copy)]
struct Names {
    responses: &'static str,
    status: &'static str,
    /// How many of [`State::ALL`] there are.
    states: usize,
}

impl Names {
    const FRONTEND: Self = Self {
        responses: "haproxy_frontend_http_responses_total",
        status: "haproxy_frontend_status",
        states: 2,
    };
    const BACKEND: Self = Self {
        responses: "haproxy_backend_http_responses_total",
        status: "haproxy_backend_status",
        states: 2,
    };
    const SERVER: Self = Self {
        responses: "haproxy_server_http_responses_total",
        status: "haproxy_server_status",
        states: 5,
    };
}

/// The families of one kind of row.
struct Rows {
    metrics: &'static [Metric],
    families: Vec<Family>,
    responses: Family,
    status: Family,
    states: usize,
    checks: Family,
    /// How many more rows there may be.
    room: usize,
}

impl Rows {
    fn new(metrics: &'static [Metric], names: Names, most: usize) -> Self {
        let family = |metric: &Metric| metric.kind.family(metric.name, metric.column.help());
        Self {
            metrics,
            families: metrics.iter().map(family).collect(),
            responses: Family::counter(names.responses, Column::Hrsp1xx.help()),
            status: Family::gauge(names.status, Column::Status.help()),
            states: names.states,
            checks: Family::gauge("haproxy_server_check_status", Column::CheckStatus.help()),
            room: most,
        }
    }

    fn add(&mut self, row: &Row<'_>) {
        let Some(room) = self.room.checked_sub(1) else {
            return;
        };
        self.room = room;
        let labels = labels(row);
        for (metric, family) in self.metrics.iter().zip(&mut self.families) {
            let Some(Value::Number(number)) = row.value(metric.column) else {
                continue;
            };
            match metric.unit {
                Unit::One => family.sample(&labels, number),
                Unit::Millisecond => family.sample(&labels, seconds(number)),
            }
        }
        for (code, column) in CODES {
            if let Some(Value::Number(number)) = row.value(column) {
                self.responses.sample(&labels.and("code", code), number);
            }
        }
        if let Some(Value::Text(status)) = row.value(Column::Status) {
            let is = State::of(status);
            for (state, word) in State::ALL.iter().take(self.states) {
                let labels = labels.and("state", word);
                self.status.sample(&labels, u8::from(*state == is));
            }
        }
        if let Some(Value::Text(is)) = row.value(Column::CheckStatus) {
            for (code, _) in CHECKS {
                let labels = labels.and("state", code);
                self.checks.sample(&labels, u8::from(code == is));
            }
        }
    }

    fn append_to(self, page: &mut Exposition) {
        for family in self.families {
            page.add(family);
        }
        page.add(self.responses);
        page.add(self.status);
        page.add(self.checks);
    }
}

/// The servers of each upstream by their states.
struct Together {
    servers: [Family; 2],
    checks: Family,
    room: usize,
}

impl Together {
    fn new(most: usize) -> Self {
        let by_state = |(name, column): (_, Column)| Family::gauge(name, column.help());
        Self {
            servers: [
                ("haproxy_backend_agg_server_status", Column::AggServerStatus),
                (
                    "haproxy_backend_agg_server_check_status",
                    Column::AggServerCheckStatus,
                ),
            ]
            .map(by_state),
            checks: by_state(("haproxy_backend_agg_check_status", Column::AggCheckStatus)),
            room: most,
        }
    }

    fn add(&mut self, upstream: &UpstreamView) {
        let Some(room) = self.room.checked_sub(1) else {
            return;
        };
        self.room = room;
        let labels = Labels::new(&[("proxy", &upstream.name)]);
        for (state, word) in State::ALL {
            let servers = upstream.servers.iter();
            let count = servers
                .filter(|server| State::of(state::status(server)) == state)
                .count();
            let labels = labels.and("state", word);
            for family in &mut self.servers {
                family.sample(&labels, count);
            }
        }
        for (code, _) in CHECKS {
            let servers = upstream.servers.iter();
            let checks = servers.filter_map(|server| server.check.as_ref());
            let count = checks.filter(|check| check.code == code).count();
            self.checks.sample(&labels.and("state", code), count);
        }
    }

    fn append_to(self, page: &mut Exposition) {
        for family in self.servers {
            page.add(family);
        }
        page.add(self.checks);
    }
}

fn labels(row: &Row<'_>) -> Labels {
    let text = |column| match row.value(column) {
        Some(Value::Text(text)) => text,
        _ => "",
    };
    let labels = Labels::new(&[("proxy", text(Column::Pxname))]);
    match row.object {
        Object::Server => labels.and("server", text(Column::Svname)),
        Object::Frontend | Object::Backend => labels,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a metric's value is a float")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
