//! The keys of a whole file, and those of them that stand alone.

use std::{collections::HashMap, num::NonZeroUsize, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{
    acme, admin, certificate, file_path, limits_store, listener, log,
    network::networks,
    policy::{self, PoliciesDraft},
    route, tracing, upstream,
};
use crate::config::{
    decode::{Fields, text},
    model::{Admin, Control, Drain, LimitsStore, Log, MemoryLimit, Metrics, Tracing},
    problem::{Located, Problem, Span, quoted},
    table::{Key, Kind, Table},
    units::{ByteSize, Malformed, size_pattern},
};

const DAY: Duration = Duration::from_secs(86_400);
const MEMORY: &str = "auto, off or a size such as 2GiB";
/// The process needs more than this by itself.
const LEAST_MEMORY: ByteSize = ByteSize::mib(1);

pub(in crate::config) static TABLE: Table = Table {
    of: "the configuration",
    keys: &[
        Key::new(
            "listeners",
            Kind::Named(&listener::TABLE),
            "where we accept, by name",
        ),
        Key::new(
            "admin",
            Kind::Mapping(&admin::TABLE),
            "the listener for operators and scrapers",
        ),
        Key::new(
            "trusted_proxies",
            Kind::AnyNumber("a network such as 10.0.0.0/8, or an address"),
            "whose X-Forwarded-For is believed; default none",
        ),
        Key::new(
            "country_database",
            Kind::Text("the path of a file"),
            "in MaxMind's format, for `countries` and the access log; default none",
        ),
        Key::new(
            "acme",
            Kind::Named(&acme::TABLE),
            "CAs that certificates are obtained from, by name",
        ),
        Key::new(
            "certificates",
            Kind::ListOf(&certificate::TABLE),
            "for the listeners with TLS",
        ),
        Key::new(
            "upstreams",
            Kind::Named(&upstream::TABLE),
            "sets of servers, by name",
        ),
        Key::new(
            "routes",
            Kind::ListOf(&route::TABLE),
            "which requests go where; the most specific wins",
        ),
        Key::new(
            "defaults",
            Kind::Mapping(&DEFAULTS),
            "policies of every route",
        ),
        Key::new("log", Kind::Mapping(&log::TABLE), "the access log"),
        Key::new(
            "state",
            Kind::Text("the path of a directory"),
            "where keys and live state are kept; default /var/lib/simplon",
        ),
        Key::new(
            "include",
            Kind::AnyNumber("a path or a pattern such as conf.d/*.yaml"),
            "files to read as part of this one",
        ),
        Key::new(
            "workers",
            Kind::Number(1..=1024),
            "threads; default one a core",
        ),
        Key::new(
            "memory_limit",
            Kind::Form(MEMORY, memory_pattern),
            "beyond it no new connection is let in; default auto, from the control group or the machine",
        ),
        Key::new(
            "drain_timeout",
            Kind::Duration(Duration::ZERO..=DAY),
            "how long work in flight may take when the proxy stops; default 60s",
        ),
        Key::new(
            "drain_delay",
            Kind::Duration(Duration::ZERO..=DAY),
            "how long /ready is red before listeners close; default 0s",
        ),
        Key::new(
            "control",
            Kind::Text("the path of a socket"),
            "where `simplon reload` finds this process; default /run/simplon/control.sock",
        ),
        Key::new(
            "metrics",
            Kind::Mapping(&METRICS),
            "how the proxy is counted",
        ),
        Key::new(
            "limits_store",
            Kind::TextOr(limits_store::URL, &limits_store::TABLE),
            "a Redis server by which nodes share rate limits; default each counts for itself",
        ),
        Key::new(
            "tracing",
            Kind::Mapping(&tracing::TABLE),
            "where traces of requests are sent to; default none are",
        ),
        Key::new(
            "express",
            Kind::Choice(&["on", "off"]),
            "whether what is common goes by the express lane, which costs less; off: everything goes by the full lane; default on",
        ),
        Key::later(
            "watch",
            "remove it, and roll back by hand until it works",
            "roll a change back by itself",
        ),
        Key::later(
            "tests",
            "remove it, and try requests out against a test instance until it works",
            "requests to try out before a configuration is used",
        ),
    ],
};

static DEFAULTS: Table = Table {
    of: "defaults",
    keys: &[
        policy::access::KEY,
        policy::countries::KEY,
        policy::block::KEY,
        policy::cors::KEY,
        policy::rate_limit::KEY,
        policy::max_in_flight::KEY,
        policy::maintenance::KEY,
        policy::basic_auth::KEY,
        policy::forward_auth::KEY,
        policy::rewrite::KEY,
        policy::headers::KEY,
        policy::security_headers::KEY,
        policy::hsts::KEY,
        policy::compress::KEY,
        policy::error_pages::KEY,
    ],
};

static METRICS: Table = Table {
    of: "metrics",
    keys: &[
        Key::new(
            "haproxy",
            Kind::Flag,
            "show them under the names of HAProxy's exporter as well; default false",
        ),
        Key::new(
            "max_series",
            Kind::Number(1..=1_000_000),
            "routes, servers and so on that have series of their own, of each kind; further ones are counted as overflow; default 20000",
        ),
    ],
};

/// What there is once in a whole configuration. `None` is the default.
#[derive(Default)]
pub(in crate::config) struct Settings {
    pub(in crate::config) admin: Option<Located<Admin>>,
    pub(in crate::config) trusted_proxies: Option<Vec<IpNet>>,
    pub(in crate::config) country_database: Option<Located<PathBuf>>,
    pub(in crate::config) defaults: PoliciesDraft,
    pub(in crate::config) log: Option<Log>,
    pub(in crate::config) metrics: Option<Metrics>,
    pub(in crate::config) limits_store: Option<LimitsStore>,
    pub(in crate::config) tracing: Option<Tracing>,
    pub(in crate::config) state: Option<PathBuf>,
    pub(in crate::config) workers: Option<NonZeroUsize>,
    pub(in crate::config) drain_timeout: Option<Duration>,
    pub(in crate::config) drain_delay: Option<Duration>,
    pub(in crate::config) memory_limit: Option<MemoryLimit>,
    pub(in crate::config) express: Option<bool>,
    pub(in crate::config) control: Option<Control>,
    /// Where each key was set.
    set_at: HashMap<&'static str, Span>,
}

impl Settings {
    const ONCE: &[&str] = &[
        "admin",
        "trusted_proxies",
        "country_database",
        "defaults",
        "log",
        "metrics",
        "limits_store",
        "tracing",
        "state",
        "workers",
        "memory_limit",
        "drain_timeout",
        "drain_delay",
        "control",
        "express",
    ];

    /// Takes what a file sets; what an earlier file has set is an error.
    pub(super) fn read(&mut self, fields: &Fields<'_>) {
        for &name in Self::ONCE {
            let Some(entry) = fields.entry(name) else {
                continue;
            };
            if let Some(first) = self.set_at.get(name) {
                fields.error(
                    &entry.at,
                    format!("{} is set in two files", quoted(name)),
                    format!("the first is at {first}"),
                );
                continue;
            }
            self.set_at.insert(name, entry.at.clone());
            self.set(name, fields);
        }
    }

    fn set(&mut self, name: &str, fields: &Fields<'_>) {
        match name {
            "admin" => {
                let fields = fields.fields("admin");
                self.admin = fields.and_then(|fields| admin::read(&fields));
            }
            "trusted_proxies" => {
                let networks = networks(fields, "trusted_proxies");
                let networks = networks.into_iter().map(|(network, _)| network);
                self.trusted_proxies = Some(networks.collect());
            }
            "country_database" => self.country_database = file_path(fields, "country_database"),
            "defaults" => {
                let defaults = fields.fields("defaults");
                self.defaults = defaults
                    .map(|fields| policy::read(&fields))
                    .unwrap_or_default();
            }
            "log" => self.log = log::read(fields),
            "metrics" => self.metrics = fields.fields("metrics").map(|fields| metrics(&fields)),
            "limits_store" => self.limits_store = limits_store::read(fields),
            "tracing" => self.tracing = tracing::read(fields),
            "state" => self.state = file_path(fields, "state").map(|path| path.value),
            "workers" => self.workers = fields.count("workers").and_then(NonZeroUsize::new),
            "memory_limit" => self.memory_limit = memory_limit(fields),
            "drain_timeout" => self.drain_timeout = fields.duration("drain_timeout"),
            "express" => self.express = fields.choice("express").map(|choice| choice.value == "on"),
            "drain_delay" => self.drain_delay = fields.duration("drain_delay"),
            _ => {
                self.control = file_path(fields, "control").map(|path| Control {
                    path: path.value,
                    required: true,
                });
            }
        }
    }

    /// Whether a file sets this, be it well or badly.
    pub(in crate::config) fn is_set(&self, name: &str) -> bool {
        self.set_at.contains_key(name)
    }

    pub(in crate::config) fn drain(&self) -> Drain {
        let default = Drain::default();
        Drain {
            timeout: self.drain_timeout.unwrap_or(default.timeout),
            delay: self.drain_delay.unwrap_or(default.delay),
        }
    }
}

/// The patterns under `include`.
pub(super) fn includes(fields: &Fields<'_>) -> Vec<Located<String>> {
    let nodes = fields.list("include").unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| {
            let pattern = text(node, "include", "a path or a pattern", fields.problems)?;
            Some(Located {
                value: pattern.value.to_owned(),
                span: pattern.span,
            })
        })
        .collect()
}

fn memory_pattern() -> String {
    format!("auto|off|{}", size_pattern())
}

fn metrics(fields: &Fields<'_>) -> Metrics {
    let max_series = fields.count("max_series");
    Metrics {
        haproxy: fields.flag("haproxy").unwrap_or_default(),
        max_series: max_series.unwrap_or(Metrics::MAX_SERIES),
    }
}

fn memory_limit(fields: &Fields<'_>) -> Option<MemoryLimit> {
    let written = fields.text("memory_limit")?;
    let (message, hint) = match written.value {
        "auto" => return Some(MemoryLimit::Auto),
        "off" => return Some(MemoryLimit::Off),
        size => match size.parse::<ByteSize>() {
            Ok(size) if size >= LEAST_MEMORY => return Some(MemoryLimit::Bytes(size)),
            Ok(_) => ("is too little", format!("write at least {LEAST_MEMORY}")),
            Err(Malformed { message, hint }) if size.starts_with(|c: char| c.is_ascii_digit()) => {
                (message, hint)
            }
            Err(_) => ("is no amount of memory", format!("write {MEMORY}")),
        },
    };
    fields.problems.push(
        Problem::error(format!("{} {message}", quoted(written.value)))
            .at_value(&written)
            .hint(hint),
    );
    None
}
