//! The access log.

use std::time::Duration;

use super::beside;
use crate::config::{
    decode::Fields,
    model::{AccessLog, Log, LogFormat},
    nearest::did_you_mean,
    problem::{Problem, quoted},
    raw::Value,
    table::{Key, Kind, Table},
};

const DAY: Duration = Duration::from_secs(86_400);

pub(super) static TABLE: Table = Table {
    of: "log",
    keys: &[
        Key::new(
            "access",
            Kind::Text("off, stdout, stderr, or a file as in \"file /var/log/simplon.log\""),
            "where it goes; default stdout",
        ),
        Key::new(
            "format",
            Kind::Choice(&["json", "combined"]),
            "one JSON object a line, or as Apache and nginx write it; default json",
        ),
        Key::new(
            "sample",
            Kind::Share,
            "of how many requests there is a line, errors and slow ones aside; default 100%",
        ),
        Key::new(
            "slow",
            Kind::Duration(Duration::from_millis(1)..=DAY),
            "a request that takes longer is always logged; default none is slow",
        ),
    ],
};

pub(super) fn read(top: &Fields<'_>) -> Option<Log> {
    let fields = top.fields("log")?;
    let default = Log::default();
    let format = match fields.choice("format").map(|format| format.value) {
        Some("combined") => LogFormat::Combined,
        _ => LogFormat::Json,
    };
    Some(Log {
        access: access(&fields).unwrap_or(default.access),
        format,
        sample: fields.share("sample").unwrap_or(default.sample),
        slow: fields.duration("slow"),
    })
}

fn access(fields: &Fields<'_>) -> Option<AccessLog> {
    if let Some(node) = fields.node("access")
        && node.value == Value::Bool(false)
    {
        return fields.wrong("access", "off, stdout, stderr or a file", node, "write off");
    }
    let access = fields.text("access")?;
    match access.value.split_once(' ') {
        None if access.value == "off" => Some(AccessLog::Off),
        None if access.value == "stdout" => Some(AccessLog::Stdout),
        None if access.value == "stderr" => Some(AccessLog::Stderr),
        Some(("file", path)) => {
            let path = beside(fields, "access", &access, path.trim())?;
            Some(AccessLog::File(path.value))
        }
        _ => {
            let written = access.value;
            let hint = if written.contains('/') {
                Some(format!("if it is a file, write \"file {written}\""))
            } else {
                did_you_mean(written, ["off", "stdout", "stderr"])
            };
            fields.problems.push(
                Problem::error(format!("{} is no place for a log", quoted(written)))
                    .at_value(&access)
                    .hint(hint.unwrap_or_else(|| {
                        "write off, stdout, stderr, or \"file /var/log/simplon.log\"".to_owned()
                    })),
            );
            None
        }
    }
}
