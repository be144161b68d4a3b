//! Listeners: where we accept, and what we let through.

use std::{net::SocketAddr, time::Duration};

use super::{address, network::networks, refuse_doubles, tls};
use crate::admit::Networks;
use crate::config::{
    decode::{Fields, text},
    model::{Limits, Listener, Name, Protocols, UnderscoreHeaders},
    nearest::nearest,
    problem::{Problem, Problems, Span, quoted},
    raw::{Entry, Value},
    table::{Key, Kind, Table},
    units::ByteSize,
};

const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];
const TEN_MILLION: u64 = 10_000_000;
const MILLISECOND: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(in crate::config) static TABLE: Table = Table {
    of: "a listener",
    keys: &[
        Key::required(
            "bind",
            Kind::OneOrMore("an address such as \":8080\" or 127.0.0.1:8080"),
            "the addresses to accept on, one or a list",
        ),
        Key::new(
            "redirect",
            Kind::Choice(&["https"]),
            "answer every request with a redirect to https, same host and path",
        ),
        Key::new(
            "tls",
            Kind::ChoiceOr(tls::PROFILES, &tls::TABLE),
            "speak TLS, with one of Mozilla's profiles",
        ),
        Key::new(
            "protocols",
            Kind::ListOfWords("h2, http/1.1 or both", &PROTOCOLS),
            "what is offered by ALPN; default both with tls, else http/1.1",
        ),
        Key::new(
            "underscore_headers",
            Kind::Choice(&["drop", "allow"]),
            "headers with _ in their names, which some servers read as -; default drop",
        ),
        Key::new("limits", Kind::Mapping(&LIMITS), "what is let through"),
        Key::new(
            "proxy_protocol",
            Kind::Mapping(&PROXY_PROTOCOL),
            "every connection begins with a PROXY header, version 1 or 2, that names the client",
        ),
    ],
};

static PROXY_PROTOCOL: Table = Table {
    of: "proxy_protocol",
    keys: &[Key::required(
        "from",
        Kind::OneOrMore("a network such as 10.0.0.0/8, or an address"),
        "the proxies that may connect, and whose headers are believed; nobody else is let in",
    )],
};

static LIMITS: Table = Table {
    of: "limits",
    keys: &[
        Key::new(
            "connections",
            Kind::Number(1..=TEN_MILLION),
            "open at a time",
        ),
        Key::new(
            "connections_per_client",
            Kind::Number(1..=TEN_MILLION),
            "open at a time from one address; IPv6 counts by /64",
        ),
        Key::new(
            "handshakes",
            Kind::Number(1..=TEN_MILLION),
            "of TLS, under way at a time; one client has an eighth of them at most",
        ),
        Key::new(
            "handshake_timeout",
            Kind::Duration(MILLISECOND..=HOUR),
            "of TLS; also of a PROXY header, which comes before it",
        ),
        Key::new(
            "header_timeout",
            Kind::Duration(MILLISECOND..=HOUR),
            "from the first byte of a request to the end of its header",
        ),
        Key::new(
            "header_size",
            Kind::Size(ByteSize::kib(1)..=ByteSize::kib(512)),
            "of a request, with its first line",
        ),
        Key::new("header_count", Kind::Number(1..=256), "of a request"),
        Key::new(
            "uri_size",
            Kind::Size(ByteSize::bytes(64)..=ByteSize::kib(63)), // `http::Uri` holds no more
            "of a request",
        ),
        Key::new(
            "body_size",
            Kind::Size(ByteSize::bytes(0)..=ByteSize::gib(1024)),
            "of a request; a larger one gets 413",
        ),
        Key::new(
            "body_idle_timeout",
            Kind::Duration(MILLISECOND..=DAY),
            "between two reads of a request's body",
        ),
        Key::new(
            "write_idle_timeout",
            Kind::Duration(MILLISECOND..=DAY),
            "between two writes of a response",
        ),
        Key::new(
            "min_rate",
            Kind::Size(ByteSize::bytes(0)..=ByteSize::mib(1)),
            "bytes a second of a body or a response that a client must keep up with",
        ),
        Key::new(
            "keepalive_timeout",
            Kind::Duration(MILLISECOND..=DAY),
            "between two requests of a connection",
        ),
        Key::new(
            "requests_per_connection",
            Kind::Number(1..=u32::MAX as u64),
            "after which it is closed",
        ),
        Key::new(
            "streams",
            Kind::Number(1..=10_000),
            "of one HTTP/2 connection at a time",
        ),
    ],
};

/// A listener, and where the parts stand that `resolve` may find fault with.
pub(in crate::config) struct ListenerDraft {
    pub(in crate::config) listener: Listener,
    /// Of each address in [`Listener::bind`].
    pub(in crate::config) bind_at: Vec<Span>,
    pub(in crate::config) tls_at: Option<Span>,
}

pub(super) fn read(name: Name, entry: &Entry, problems: &Problems) -> Option<ListenerDraft> {
    let fields = Fields::of(&entry.node, &entry.at, &TABLE, problems)?;
    let (bind, bind_at) = bind(&fields).into_iter().unzip();
    let tls_at = fields.node("tls").map(|node| node.span.clone());
    let redirect = fields.choice("redirect");
    if let (Some(_), Some(at)) = (&tls_at, redirect.as_ref().and_then(|r| r.span.as_ref())) {
        fields.error(
            at,
            "a listener with TLS cannot redirect to https",
            "it speaks https already; remove `redirect`, or `tls`",
        );
    }
    Some(ListenerDraft {
        listener: Listener {
            name,
            bind,
            redirect_to_https: redirect.is_some(),
            tls: tls::read(&fields),
            protocols: protocols(&fields, tls_at.is_some()),
            proxy_protocol: fields
                .fields("proxy_protocol")
                .and_then(|fields| proxies(&fields)),
            underscore_headers: match fields.choice("underscore_headers") {
                Some(choice) if choice.value == "allow" => UnderscoreHeaders::Allow,
                _ => UnderscoreHeaders::Drop,
            },
            limits: fields
                .fields("limits")
                .map_or_else(Limits::default, |f| limits(&f)),
        },
        bind_at,
        tls_at,
    })
}

fn bind(fields: &Fields<'_>) -> Vec<(SocketAddr, Span)> {
    let mut found = Vec::new();
    for node in fields.list("bind").unwrap_or_default() {
        // A port alone is the likeliest slip, and a number to YAML.
        let written = match &node.value {
            Value::Int(number) => Some(number.to_string()),
            _ => text(
                node,
                "bind",
                "an address such as \":8080\"",
                fields.problems,
            )
            .map(|text| text.value.to_owned()),
        };
        let Some(written) = written else { continue };
        match address::bind(&written) {
            Ok(addresses) => found.extend(addresses.into_iter().map(|a| (a, node.span.clone()))),
            Err((message, hint)) => {
                fields.error(&node.span, format!("{} {message}", quoted(&written)), hint);
            }
        }
    }
    found
}

fn protocols(fields: &Fields<'_>, has_tls: bool) -> Protocols {
    let Some(nodes) = fields.list("protocols") else {
        return Protocols {
            h2: has_tls,
            http1: true,
        };
    };
    let words: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let word = text(node, "protocols", "h2 or http/1.1", fields.problems)?.value;
            Some((word, &node.span))
        })
        .collect();
    for (word, at) in &words {
        if !PROTOCOLS.contains(word) {
            let meant = nearest(word, PROTOCOLS).map(|known| format!("did you mean \"{known}\"?"));
            let hint = meant.unwrap_or_else(|| "the protocols are h2 and http/1.1".to_owned());
            fields.error(at, format!("there is no protocol {}", quoted(word)), hint);
        } else if *word == "h2" && !has_tls {
            fields.problems.push(
                Problem::error("\"h2\" needs \"tls\" on this listener")
                    .at(at)
                    .hint("add `tls: intermediate`, or remove h2"),
            );
        }
    }
    refuse_doubles(
        words.iter().map(|(word, at)| (word, *at)),
        |word| quoted(word),
        fields.problems,
    );
    let has = |wanted: &str| words.iter().any(|(word, _)| *word == wanted);
    Protocols {
        h2: has("h2"),
        http1: has("http/1.1"),
    }
}

fn proxies(fields: &Fields<'_>) -> Option<Networks> {
    let from = networks(fields, "from");
    for (network, at) in &from {
        if network.prefix_len() == 0 {
            fields.problems.push(
                Problem::warning(format!("{network} lets anyone name any client"))
                    .at(at)
                    .hint("write the addresses of the proxies before this listener"),
            );
        }
    }
    let from: Networks = from.into_iter().map(|(network, _)| network).collect();
    // Without one it has been said what is wrong.
    (!from.is_empty()).then_some(from)
}

fn limits(fields: &Fields<'_>) -> Limits {
    let default = Limits::default();
    let count = |name, default| fields.count(name).unwrap_or(default);
    let time = |name, default| fields.duration(name).unwrap_or(default);
    let size = |name, default| fields.size(name).unwrap_or(default);
    Limits {
        connections: count("connections", default.connections),
        connections_per_client: count("connections_per_client", default.connections_per_client),
        handshakes: count("handshakes", default.handshakes),
        handshake_timeout: time("handshake_timeout", default.handshake_timeout),
        header_timeout: time("header_timeout", default.header_timeout),
        header_size: size("header_size", default.header_size),
        header_count: count("header_count", default.header_count),
        uri_size: size("uri_size", default.uri_size),
        body_size: size("body_size", default.body_size),
        body_idle_timeout: time("body_idle_timeout", default.body_idle_timeout),
        write_idle_timeout: time("write_idle_timeout", default.write_idle_timeout),
        min_rate: size("min_rate", default.min_rate),
        keepalive_timeout: time("keepalive_timeout", default.keepalive_timeout),
        requests_per_connection: fields
            .positive("requests_per_connection")
            .unwrap_or(default.requests_per_connection),
        streams: fields.positive("streams").unwrap_or(default.streams),
    }
}
