//! Active health checks of an upstream.

use std::{num::NonZeroU32, ops::RangeInclusive, time::Duration};

use crate::config::{
    decode::Fields,
    model::{HealthCheck, Probe},
    problem::{Problem, quoted},
    raw::{Node, Value},
    shown::describe,
    table::{Key, Kind, Table},
};

/// A regular expression for one that begins or ends a range.
const STATUS: &str = "\\s*\\+?0*[1-5][0-9]{2}\\s*";

const HOUR: Duration = Duration::from_secs(3600);

pub(super) static TABLE: Table = Table {
    of: "a health check",
    keys: &[
        Key::new(
            "path",
            Kind::Text("a path such as /health"),
            "ask for this by GET",
        ),
        Key::new("tcp", Kind::Flag, "be content with a connection that opens"),
        Key::new(
            "interval",
            Kind::Duration(Duration::from_millis(50)..=HOUR),
            "between two checks of a server; default 2s",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::from_millis(1)..=HOUR),
            "of one check, connecting included; default 1s, or the interval if that is shorter",
        ),
        Key::new(
            "rise",
            Kind::Number(1..=1000),
            "good checks that bring a server back; default 2",
        ),
        Key::new(
            "fall",
            Kind::Number(1..=1000),
            "bad checks that take a server out; default 3",
        ),
        Key::new(
            "expect",
            Kind::Statuses("a status such as 200, or a range such as 200-399"),
            "the good statuses; default 200-399",
        ),
        Key::later(
            "grpc",
            "use `tcp: true` until it works",
            "ask by the gRPC health protocol",
        ),
    ],
};

/// The defaults are those of `HAProxy`: `inter 2s rise 2 fall 3`.
pub(super) fn read(fields: &Fields<'_>) -> Option<HealthCheck> {
    let interval = fields
        .duration("interval")
        .unwrap_or(Duration::from_secs(2));
    Some(HealthCheck {
        interval,
        timeout: fields
            .duration("timeout")
            .unwrap_or(Duration::from_secs(1).min(interval)),
        rise: fields.positive("rise").unwrap_or(times(2)),
        fall: fields.positive("fall").unwrap_or(times(3)),
        probe: probe(fields)?,
    })
}

fn times(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

fn probe(fields: &Fields<'_>) -> Option<Probe> {
    let tcp = fields.flag("tcp").unwrap_or(false);
    let expect = expect(fields);
    match (fields.entry("path"), tcp) {
        (Some(path), true) => {
            fields.error(
                &path.at,
                "a health check asks for a path or opens a connection, not both",
                "remove `path`, or `tcp`",
            );
            None
        }
        (None, true) => {
            if let Some(entry) = fields.entry("expect") {
                fields.error(
                    &entry.at,
                    "a connection that opens has no status",
                    "remove `expect`, or use `path` in the place of `tcp`",
                );
            }
            Some(Probe::Tcp)
        }
        (Some(_), false) => Some(Probe::Http {
            path: path(fields)?,
            expect,
        }),
        (None, false) => {
            if fields.is_sound {
                fields.error(
                    fields.at,
                    "a health check needs \"path\", or \"tcp: true\"",
                    "write `health: { path: /health }` or `health: { tcp: true }`",
                );
            }
            None
        }
    }
}

fn path(fields: &Fields<'_>) -> Option<String> {
    let path = fields.text("path")?;
    let is_sendable = path
        .value
        .bytes()
        .all(|b| b.is_ascii_graphic() && b != b'#');
    if path.value.starts_with('/') && is_sendable {
        return Some(path.value.to_owned());
    }
    let hint = if is_sendable && !path.value.starts_with('/') && !path.value.contains("://") {
        format!("write /{}", path.value)
    } else {
        "write a path that begins with /, and %XX for what is not ASCII".to_owned()
    };
    fields.problems.push(
        Problem::error(format!("{} is no path to ask for", quoted(path.value)))
            .at_value(&path)
            .hint(hint),
    );
    None
}

fn expect(fields: &Fields<'_>) -> Vec<RangeInclusive<u16>> {
    let Some(nodes) = fields.list("expect") else {
        return vec![200..=399];
    };
    let mut ranges = Vec::new();
    for node in nodes {
        let range = statuses(node);
        if range.is_none() && node.value != Value::Unreadable {
            fields.error(
                &node.span,
                format!("\"expect\" takes statuses, not {}", describe(&node.value)),
                "write 200, or a range such as 200-399; statuses are 100 to 599",
            );
        }
        ranges.extend(range);
    }
    ranges
}

/// The form of a range, as a regular expression for the whole of a text; a status alone is a number.
pub(in crate::config) fn range_pattern() -> String {
    format!("{STATUS}-{STATUS}")
}

/// `200` or `200-399`.
fn statuses(node: &Node) -> Option<RangeInclusive<u16>> {
    let status = |number: &str| {
        let number = number.trim().parse().ok()?;
        (100..=599).contains(&number).then_some(number)
    };
    let (first, last) = match &node.value {
        Value::Int(number) => {
            let only = status(&number.to_string())?;
            (only, only)
        }
        Value::Text(text) => {
            let (first, last) = text.split_once('-')?;
            (status(first)?, status(last)?)
        }
        _ => return None,
    };
    (first <= last).then_some(first..=last)
}
