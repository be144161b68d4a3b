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
    observe::{Family, Labels, UpstreamView},
};

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
}

impl Kind {
    fn family(self, name: &'static str, help: &str) -> Family {
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

/// Appends the families.
pub fn write(view: &StatsView, wanted: &Wanted, text: &mut String) {
    if wanted.has(Scope::Global) {
        process(view, text);
    }
    let query = Query {
        no_maint: wanted.no_maint,
        ..Query::default()
    };
    let mut frontends = Rows::new(families::FRONTEND, Names::FRONTEND);
    let mut servers = Rows::new(families::SERVER, Names::SERVER);
    let mut backends = Rows::new(families::BACKEND, Names::BACKEND);
    let mut checks = Checks::new();
    let mut together = Together::new();
    for proxy in Proxy::shown(view, &query) {
        for row in proxy.rows() {
            match row.object {
                Object::Frontend if wanted.has(Scope::Frontend) => frontends.add(&row),
                Object::Backend if wanted.has(Scope::Backend) => backends.add(&row),
                Object::Server if wanted.has(Scope::Server) => {
                    servers.add(&row);
                    checks.add(&row);
                }
                _ => {}
            }
        }
        if let (Part::Upstream(upstream), true) = (proxy.part, wanted.has(Scope::Backend)) {
            together.add(upstream);
        }
    }
    frontends.append_to(text);
    backends.append_to(text);
    together.append_to(text);
    servers.append_to(text);
    checks.append_to(text);
}

fn process(view: &StatsView, text: &mut String) {
    for fact in FACTS {
        let mut family = fact.kind.family(fact.name, fact.help);
        if let Some(value) = (fact.of)(view) {
            family.sample(&Labels::default(), value);
        }
        family.append_to(text);
    }
    let mut build = Family::gauge(
        "haproxy_process_build_info",
        "Which version this is; always 1.",
    );
    build.sample(&Labels::new(&[("version", &view.process.version)]), 1);
    build.append_to(text);
}

/// The names of those families of a kind of row that have a label of their own.
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
}

impl Rows {
    fn new(metrics: &'static [Metric], names: Names) -> Self {
        let family = |metric: &Metric| metric.kind.family(metric.name, metric.column.help());
        Self {
            metrics,
            families: metrics.iter().map(family).collect(),
            responses: Family::counter(names.responses, Column::Hrsp1xx.help()),
            status: Family::gauge(names.status, Column::Status.help()),
            states: names.states,
        }
    }

    fn add(&mut self, row: &Row<'_>) {
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
    }

    fn append_to(self, text: &mut String) {
        for family in self.families {
            family.append_to(text);
        }
        self.responses.append_to(text);
        self.status.append_to(text);
    }
}

/// What the last check of each server found, one series for each code.
struct Checks(Family);

impl Checks {
    fn new() -> Self {
        Self(Family::gauge(
            "haproxy_server_check_status",
            Column::CheckStatus.help(),
        ))
    }

    fn add(&mut self, row: &Row<'_>) {
        let Some(Value::Text(is)) = row.value(Column::CheckStatus) else {
            return;
        };
        let labels = labels(row);
        for (code, _) in CHECKS {
            let labels = labels.and("state", code);
            self.0.sample(&labels, u8::from(code == is));
        }
    }

    fn append_to(self, text: &mut String) {
        self.0.append_to(text);
    }
}

/// The servers of each upstream by their states.
struct Together {
    servers: [Family; 2],
    checks: Family,
}

impl Together {
    fn new() -> Self {
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
        }
    }

    fn add(&mut self, upstream: &UpstreamView) {
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

    fn append_to(self, text: &mut String) {
        for family in self.servers {
            family.append_to(text);
        }
        self.checks.append_to(text);
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
