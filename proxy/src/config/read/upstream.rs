//! Upstreams: named sets of servers, and how they are used.

use std::time::Duration;

use http::StatusCode;

use super::{address, health, queue, refuse_doubles, server_tls, sticky};
use crate::config::{
    decode::{Fields, text},
    model::{
        Address, HealthCheck, Name, Passive, Probe, ProxyVersion, Retries, RetryOn, Server,
        ServerLimits, Timeouts, Upstream, UpstreamProtocol,
    },
    nearest::did_you_mean,
    problem::{Problem, Problems, Span, quoted},
    raw::{Entry, Node, Value},
    table::{Key, Kind, Table},
    units::ByteSize,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// What a set of servers holds; see `balance::ServerSet`.
const MOST_SERVERS: usize = 256;

const RETRY_ON: [&str; 5] = ["connect", "reset", "502", "503", "504"];

const BALANCE_LATER: [&str; 3] = ["least_requests", "two_choices", "hash"];

pub(in crate::config) static TABLE: Table = Table {
    of: "an upstream",
    keys: &[
        Key::required(
            "servers",
            Kind::ListOr(
                "addresses such as 10.0.0.1:8000 or unix:/run/app.sock",
                &SERVER,
            ),
            "a list of addresses, or of mappings with `address`, `weight`, `max_connections` and `backup`",
        ),
        Key::new(
            "balance",
            Kind::Choice(&["round_robin"]),
            "how a server is chosen; default round_robin, by weight",
        ),
        Key::new(
            "health",
            Kind::Mapping(&health::TABLE),
            "active checks; default none",
        ),
        Key::new(
            "passive",
            Kind::Mapping(&PASSIVE),
            "ejection of a server whose requests fail",
        ),
        Key::new(
            "timeouts",
            Kind::Mapping(&TIMEOUTS),
            "deadlines on the way to a server",
        ),
        Key::new(
            "retries",
            Kind::Mapping(&RETRIES),
            "when a request is sent to another server",
        ),
        Key::new(
            "limits",
            Kind::Mapping(&LIMITS),
            "what a response may be; beyond it the client gets 502",
        ),
        Key::new(
            "protocol",
            Kind::Choice(&["http/1.1", "h2", "h2c"]),
            "what the servers speak; default http/1.1; h2 needs tls, h2c is HTTP/2 without",
        ),
        Key::new(
            "tls",
            Kind::FlagOr(&server_tls::TABLE),
            "reach the servers with TLS; `true` for every default",
        ),
        Key::new(
            "proxy_protocol",
            Kind::Choice(&["v1", "v2"]),
            "begin each connection with a header that names the client; servers that expect none do not understand it",
        ),
        Key::new(
            "slow_start",
            Kind::Duration(MILLISECOND..=HOUR),
            "in which a server that comes back gets its share, from a tenth on; default all of it at once",
        ),
        Key::new(
            "sticky",
            Kind::Mapping(&sticky::TABLE),
            "keep a client on its server by a cookie; default none",
        ),
        Key::new(
            "queue",
            Kind::Mapping(&queue::TABLE),
            "let requests wait where every server is at its max_connections; default none: 503 at once",
        ),
    ],
};

static SERVER: Table = Table {
    of: "a server",
    keys: &[
        Key::required(
            "address",
            Kind::Text("an address such as 10.0.0.1:8000"),
            "host:port, [v6]:port or unix:/run/app.sock",
        ),
        Key::new("weight", Kind::Number(1..=256), "its share; default 1"),
        Key::new(
            "max_connections",
            Kind::Number(1..=1_000_000),
            "requests in flight at most; default no limit",
        ),
        Key::new(
            "backup",
            Kind::Flag,
            "use it only while no other server is healthy",
        ),
    ],
};

static PASSIVE: Table = Table {
    of: "passive",
    keys: &[
        Key::new(
            "failures",
            Kind::Number(1..=1_000),
            "that eject a server; default 5",
        ),
        Key::new(
            "window",
            Kind::Duration(MILLISECOND..=HOUR),
            "in which they are counted; default 10s",
        ),
        Key::new(
            "eject",
            Kind::Duration(MILLISECOND..=DAY),
            "how long the server stays out; default 30s",
        ),
    ],
};

static TIMEOUTS: Table = Table {
    of: "timeouts",
    keys: &[
        Key::new(
            "connect",
            Kind::Duration(MILLISECOND..=HOUR),
            "to a server; default 2s",
        ),
        Key::new(
            "first_byte",
            Kind::Duration(MILLISECOND..=DAY),
            "of the response; default 30s",
        ),
        Key::new(
            "idle",
            Kind::Duration(MILLISECOND..=DAY),
            "between two reads or writes; default 30s",
        ),
        Key::new(
            "keepalive",
            Kind::Duration(MILLISECOND..=DAY),
            "of an unused connection; default 55s",
        ),
        Key::new(
            "lifetime",
            Kind::Duration(MILLISECOND..=Duration::from_secs(30 * 86_400)),
            "of a connection that is used again and again; default 1h",
        ),
        Key::new(
            "tunnel",
            Kind::Duration(MILLISECOND..=Duration::from_secs(30 * 86_400)),
            "of an idle WebSocket; default 1h",
        ),
    ],
};

static LIMITS: Table = Table {
    of: "limits",
    keys: &[
        Key::new(
            "header_size",
            Kind::Size(ByteSize::kib(1)..=ByteSize::mib(1)),
            "of a response, with its first line; default 64KiB",
        ),
        Key::new(
            "header_count",
            Kind::Number(1..=256),
            "of a response; default 200",
        ),
    ],
};

static RETRIES: Table = Table {
    of: "retries",
    keys: &[
        Key::new(
            "attempts",
            Kind::Number(0..=10),
            "further servers tried; default 2, 0 for none",
        ),
        Key::new(
            "budget",
            Kind::Share,
            "of the requests of the last ten seconds; default 20%",
        ),
        Key::new(
            "on",
            Kind::OneOrMoreWords("connect, reset, 502, 503 or 504", &RETRY_ON),
            "what is tried again; default connect and reset",
        ),
    ],
};

pub(super) fn read(name: Name, entry: &Entry, problems: &Problems) -> Option<Upstream> {
    let fields = Fields::of(&entry.node, &entry.at, &TABLE, problems)?;
    let servers = servers(&fields);
    balance(&fields);
    let health = fields.fields("health").and_then(|f| health::read(&f));
    let protocol = protocol(&fields);
    refuse_http_checks_of_h2c(&fields, health.as_ref(), protocol);
    let tls = server_tls::read(&fields);
    server_tls::check(&fields, &servers, protocol, tls.as_ref());
    queue::check(&fields, &servers);
    Some(Upstream {
        name,
        servers: servers.into_iter().map(|(server, _)| server).collect(),
        health,
        passive: fields
            .fields("passive")
            .map_or_else(Passive::default, |f| passive(&f)),
        timeouts: fields
            .fields("timeouts")
            .map_or_else(Timeouts::default, |f| timeouts(&f, protocol)),
        retries: fields
            .fields("retries")
            .map_or_else(Retries::default, |f| retries(&f)),
        limits: fields
            .fields("limits")
            .map_or_else(ServerLimits::default, |f| limits(&f)),
        protocol,
        tls,
        proxy_protocol: fields
            .choice("proxy_protocol")
            .map(|version| match version.value {
                "v1" => ProxyVersion::V1,
                _ => ProxyVersion::V2,
            }),
        slow_start: fields.duration("slow_start"),
        queue: fields.fields("queue").map(|f| queue::read(&f)),
        sticky: fields.fields("sticky").and_then(|f| sticky::read(&f)),
    })
}

/// A check over HTTP asks in HTTP/1.1, which such a server does not speak: it would be down for ever.
fn refuse_http_checks_of_h2c(
    fields: &Fields<'_>,
    health: Option<&HealthCheck>,
    protocol: UpstreamProtocol,
) {
    let asks_http = health.is_some_and(|health| matches!(health.probe, Probe::Http { .. }));
    if let (UpstreamProtocol::H2c, true, Some(entry)) =
        (protocol, asks_http, fields.entry("health"))
    {
        fields.error(
            &entry.at,
            "servers that speak h2c cannot be checked by a path yet",
            "write `health: { tcp: true }`",
        );
    }
}

/// The servers, each with the place of its address.
fn servers(fields: &Fields<'_>) -> Vec<(Server, Span)> {
    let nodes = fields.list("servers").unwrap_or_default();
    if let Some(node) = nodes.get(MOST_SERVERS) {
        fields.error(
            &node.span,
            format!("an upstream has {MOST_SERVERS} servers at most"),
            format!("these are {}; make two upstreams of them", nodes.len()),
        );
    }
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| server(node, fields))
        .collect();
    refuse_doubles(
        found.iter().map(|(server, at)| (&server.address, at)),
        |address| format!("the server {address}"),
        fields.problems,
    );
    let all_are_backups = !found.is_empty() && found.iter().all(|(server, _)| server.backup);
    if let (true, Some(entry)) = (all_are_backups, fields.entry("servers")) {
        fields.error(
            &entry.at,
            "every server of this upstream is a backup",
            "remove `backup` from those that serve day by day",
        );
    }
    found
}

/// A server, and where its address stands.
fn server<'a>(node: &'a Node, upstream: &Fields<'a>) -> Option<(Server, Span)> {
    let problems = upstream.problems;
    let is_mapping = matches!(node.value, Value::Map(_));
    if !is_mapping {
        // A port alone is a number to YAML.
        let written = if let Value::Int(number) = &node.value {
            number.to_string()
        } else {
            let what = "an address such as 10.0.0.1:8000";
            text(node, "servers", what, problems)?.value.to_owned()
        };
        return Some((
            Server {
                address: address_of(&written, &node.span, problems)?,
                weight: 1,
                max_connections: None,
                backup: false,
            },
            node.span.clone(),
        ));
    }
    let fields = upstream.item("servers", node)?;
    let weight = fields.positive("weight").map_or(1, std::num::NonZero::get);
    let max_connections = fields.positive("max_connections");
    let backup = fields.flag("backup").unwrap_or(false);
    let (written, entry) = (fields.text("address")?, fields.entry("address")?);
    Some((
        Server {
            address: address_of(written.value, &entry.node.span, problems)?,
            weight,
            max_connections,
            backup,
        },
        entry.node.span.clone(),
    ))
}

fn address_of(written: &str, at: &Span, problems: &Problems) -> Option<Address> {
    address::server(written)
        .map_err(|(message, hint)| {
            let message = format!("{} {message}", quoted(written));
            problems.push(Problem::error(message).at(at).hint(hint));
        })
        .ok()
}

fn balance(fields: &Fields<'_>) {
    let Some(node) = fields.node("balance") else {
        return;
    };
    let later = match &node.value {
        Value::Text(word) => BALANCE_LATER
            .contains(&word.as_str())
            .then_some(word.as_str()),
        Value::Map(_) => Some("a mapping"),
        _ => None,
    };
    if let Some(later) = later {
        fields.error(
            &node.span,
            format!("{later} under \"balance\" is not available yet"),
            "write `balance: round_robin`",
        );
    } else {
        fields.choice("balance");
    }
}

fn protocol(fields: &Fields<'_>) -> UpstreamProtocol {
    match fields.choice("protocol").map(|choice| choice.value) {
        Some("h2") => UpstreamProtocol::H2,
        Some("h2c") => UpstreamProtocol::H2c,
        _ => UpstreamProtocol::Http1,
    }
}

fn passive(fields: &Fields<'_>) -> Passive {
    let default = Passive::default();
    Passive {
        failures: fields.positive("failures").unwrap_or(default.failures),
        window: fields.duration("window").unwrap_or(default.window),
        eject: fields.duration("eject").unwrap_or(default.eject),
    }
}

fn timeouts(fields: &Fields<'_>, protocol: UpstreamProtocol) -> Timeouts {
    refuse_lifetime_of_h2(fields, protocol);
    let default = Timeouts::default();
    let time = |name, default| fields.duration(name).unwrap_or(default);
    Timeouts {
        connect: time("connect", default.connect),
        first_byte: time("first_byte", default.first_byte),
        idle: time("idle", default.idle),
        keepalive: time("keepalive", default.keepalive),
        lifetime: time("lifetime", default.lifetime),
        tunnel: time("tunnel", default.tunnel),
    }
}

/// Connections of HTTP/2 carry many requests at once, so none ends with one of them.
fn refuse_lifetime_of_h2(timeouts: &Fields<'_>, protocol: UpstreamProtocol) {
    if let (UpstreamProtocol::H2 | UpstreamProtocol::H2c, Some(entry)) =
        (protocol, timeouts.entry("lifetime"))
    {
        timeouts.error(
            &entry.at,
            "connections to servers that speak HTTP/2 have no lifetime yet",
            "leave it out; they end when they are unused for `keepalive`",
        );
    }
}

fn limits(fields: &Fields<'_>) -> ServerLimits {
    let default = ServerLimits::default();
    ServerLimits {
        header_size: fields.size("header_size").unwrap_or(default.header_size),
        header_count: fields.count("header_count").unwrap_or(default.header_count),
    }
}

fn retries(fields: &Fields<'_>) -> Retries {
    let default = Retries::default();
    let attempts = fields
        .number("attempts")
        .and_then(|n| u32::try_from(n).ok());
    Retries {
        attempts: attempts.unwrap_or(default.attempts),
        budget: fields.share("budget").unwrap_or(default.budget),
        on: retry_on(fields).unwrap_or(default.on),
    }
}

fn retry_on(fields: &Fields<'_>) -> Option<RetryOn> {
    let mut words = Vec::new();
    for node in fields.list("on")? {
        let word = match &node.value {
            Value::Int(number) => Some(number.to_string()),
            _ => text(node, "on", "a reason to try again", fields.problems)
                .map(|text| text.value.to_owned()),
        };
        let Some(word) = word else { continue };
        if RETRY_ON.contains(&&*word) {
            words.push((word, &node.span));
        } else {
            let words = RETRY_ON.into_iter().take(2);
            let hint = did_you_mean(&word, words)
                .unwrap_or_else(|| "write connect, reset, 502, 503 or 504".to_owned());
            let message = format!("{} is no reason to try again", quoted(&word));
            fields.error(&node.span, message, hint);
        }
    }
    refuse_doubles(
        words.iter().map(|(word, at)| (word, *at)),
        |word| quoted(word),
        fields.problems,
    );
    let has = |wanted: &str| words.iter().any(|(word, _)| word == wanted);
    let statuses = [
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    Some(RetryOn {
        connect: has("connect"),
        reset: has("reset"),
        statuses: statuses
            .into_iter()
            .filter(|status| has(status.as_str()))
            .collect(),
    })
}
