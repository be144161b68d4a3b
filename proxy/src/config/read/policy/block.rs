//! Block, as a route or `defaults` says it.

use std::sync::Arc;

use http::{HeaderName, header::HOST};

use super::{Said, mode};
use crate::{
    config::{
        decode::{Fields, text},
        model::{Block, BlockRule, Conditions, HeaderCondition, Mode, Preset, Refused},
        nearest::did_you_mean,
        problem::{Located, Problem, Problems, quoted},
        raw::{Node, Value},
        read::{path, route::methods},
        table::{Key, Kind, Table},
    },
    policy::{BadPattern, Pattern, Writing},
    route::Methods,
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "block",
    Kind::AnyNumberOr(
        "common_probes, bots, or conditions such as { path: /admin, method: [POST] }",
        &PRESETS,
        &RULE,
    ),
    "requests to refuse, a list of presets and rules, or false; default none",
);

const PRESETS: [&str; 2] = [Preset::ALL[0].name(), Preset::ALL[1].name()];

static RULE: Table = Table {
    of: "a rule of block",
    keys: &[
        Key::new(
            "preset",
            Kind::Choice(&PRESETS),
            "common_probes: paths and queries that look for a way in; bots: scanners, and who has no user agent",
        ),
        Key::new(
            "path",
            Kind::Text("a path such as /admin, *.php, or \"~ ^/v[0-9]+/\""),
            "this path and all below it; with *, the whole path; after ~, a regular expression",
        ),
        Key::new(
            "query",
            Kind::Text("what a query holds, such as debug="),
            "what stands anywhere in the query as it was sent; with *, all of it; after ~, a regular expression",
        ),
        Key::new(
            "method",
            Kind::OneOrMoreWords("methods such as POST", &Methods::NAMES),
            "any of these; GET is HEAD too",
        ),
        Key::new(
            "header",
            Kind::TextOr("the name of a header", &HEADER),
            "it is there; or { name, value }",
        ),
        Key::new(
            "user_agent",
            Kind::Text("what a user agent holds, such as sqlmap"),
            "what stands anywhere in it, in capitals or not; with *, all of it; after ~, a regular expression",
        ),
        mode::KEY,
    ],
};

/// Of a rule's keys, those that a request is held to.
const CONDITIONS: [&str; 5] = ["path", "query", "method", "header", "user_agent"];

static HEADER: Table = Table {
    of: "header",
    keys: &[
        Key::required(
            "name",
            Kind::Text("the name of a header"),
            "in capitals or not",
        ),
        Key::required(
            "value",
            Kind::Text("a value"),
            "all of a value; * stands for anything; after ~, a regular expression",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<Block> {
    let entry = fields.entry("block")?;
    let nodes = match entry.node.value {
        Value::Bool(false) => &[],
        _ => fields.list("block").unwrap_or_default(),
    };
    if nodes.len() > Block::MOST_RULES {
        let hint = "join some by a regular expression, or give some to a route of their own";
        fields.error(&entry.at, "\"block\" has more than 64 rules", hint);
        return None;
    }
    let rules: Vec<_> = nodes.iter().filter_map(|node| rule(node, fields)).collect();
    let block = (!rules.is_empty()).then(|| Arc::new(Block { rules }));
    Some(Located::new(block, &entry.at))
}

fn rule<'a>(node: &'a Node, block: &Fields<'a>) -> Option<BlockRule> {
    if let Value::Bool(true) = node.value {
        let hint = "write `block: [common_probes, bots]`, or rules of your own";
        let what = "presets and rules, or false";
        return block.wrong("block", what, node, hint);
    }
    if !matches!(node.value, Value::Map(_)) {
        let what = "a preset or a mapping of conditions";
        let written = text(node, "block", what, block.problems)?;
        return Some(BlockRule {
            refuses: Refused::Preset(preset(&written, block.problems)?),
            mode: Mode::Enforce,
        });
    }
    let fields = block.item("block", node)?;
    // All are read, whatever the first gives, so that all problems are found.
    let (preset, conditions, mode) = (
        fields.choice("preset"),
        conditions(&fields),
        mode::read(&fields),
    );
    let has_conditions = CONDITIONS.iter().any(|name| fields.entry(name).is_some());
    let refuses = match (fields.entry("preset"), has_conditions) {
        (Some(_), false) => Refused::Preset(named(preset?.value)?),
        (None, true) => Refused::Requests(conditions.ok()?),
        (Some(entry), true) => {
            let hint = "make two rules of it, or remove `preset`";
            fields.error(&entry.at, "a preset has no conditions beside it", hint);
            return None;
        }
        (None, false) => {
            if fields.is_sound {
                let message = "this rule has no condition, and so would block everything";
                let keys = CONDITIONS.join(", ");
                let hint = format!("write what a request has that is refused: {keys}");
                fields.error(&node.span, message, hint);
            }
            return None;
        }
    };
    Some(BlockRule { refuses, mode })
}

fn named(name: &str) -> Option<Preset> {
    Preset::ALL.into_iter().find(|preset| preset.name() == name)
}

fn preset(written: &Located<&str>, problems: &Problems) -> Option<Preset> {
    let preset = named(written.value);
    if preset.is_none() {
        let hint = if written.value.contains('/') {
            format!("if it is a path, write {{ path: {} }}", written.value)
        } else {
            did_you_mean(written.value, Preset::ALL.map(Preset::name))
                .unwrap_or_else(|| "the presets are common_probes and bots".to_owned())
        };
        let message = format!("\"block\" has no preset {}", quoted(written.value));
        problems.push(Problem::error(message).at_value(written).hint(hint));
    }
    preset
}

/// It is wrong, and a problem says so.
struct Reported;

fn conditions(fields: &Fields<'_>) -> Result<Conditions, Reported> {
    let path = optional(fields, "path", |fields| {
        pattern(fields, "path", path_pattern)
    });
    let query = optional(fields, "query", |fields| {
        pattern(fields, "query", Pattern::part)
    });
    let methods = optional(fields, "method", |fields| {
        methods(fields, "method", "no rule can name the method")
    });
    let header = optional(fields, "header", header);
    let user_agent = optional(fields, "user_agent", |fields| {
        pattern(fields, "user_agent", Pattern::part)
    });
    Ok(Conditions {
        path: path?,
        query: query?,
        methods: methods?,
        header: header?,
        user_agent: user_agent?,
    })
}

/// What is read under `name`, if there is something.
fn optional<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl FnOnce(&Fields<'_>) -> Option<T>,
) -> Result<Option<T>, Reported> {
    match fields.entry(name) {
        Some(_) => read(fields).map(Some).ok_or(Reported),
        None => Ok(None),
    }
}

type Make = fn(&str) -> Result<Pattern, BadPattern>;

fn pattern(fields: &Fields<'_>, name: &str, make: Make) -> Option<Pattern> {
    let written = fields.text(name)?;
    make(written.value)
        .map_err(|BadPattern { message, hint }| {
            let message = format!("{} {message}", quoted(name));
            let problem = Problem::error(message).at_value(&written).hint(hint);
            fields.problems.push(problem);
        })
        .ok()
}

/// Of a plain path, what could never match is told as that of a route is.
fn path_pattern(written: &str) -> Result<Pattern, BadPattern> {
    let fault = match Writing::of(written)? {
        Writing::Plain => path::normal(written).err(),
        Writing::Stars if !written.starts_with(['/', '*']) => {
            Some(("begins with neither / nor *", format!("write /{written}")))
        }
        Writing::Stars | Writing::Expression(_) => None,
    };
    match fault {
        None => Pattern::path(written),
        Some((message, hint)) => Err(BadPattern {
            message: message.to_owned(),
            hint,
        }),
    }
}

fn header(fields: &Fields<'_>) -> Option<HeaderCondition> {
    let entry = fields.entry("header")?;
    if !matches!(entry.node.value, Value::Map(_)) {
        let name = fields.text("header")?;
        return Some(HeaderCondition {
            name: header_name(&name, fields.problems)?,
            value: None,
        });
    }
    let fields = fields.fields("header")?;
    let (name, value) = (
        fields
            .text("name")
            .and_then(|name| header_name(&name, fields.problems)),
        pattern(&fields, "value", Pattern::whole),
    );
    Some(HeaderCondition {
        name: name?,
        value: Some(value?),
    })
}

fn header_name(written: &Located<&str>, problems: &Problems) -> Option<HeaderName> {
    let name = HeaderName::try_from(written.value).ok();
    if name.is_none() {
        let message = format!("{} is no name of a header", quoted(written.value));
        let hint = "write a name such as x-scanner, without a colon; a value goes into { name: x-scanner, value: on }";
        problems.push(Problem::error(message).at_value(written).hint(hint));
    }
    if name == Some(HOST) {
        let message = "HTTP/2 sends no header \"host\", and a rule would miss it";
        let hint = "a route has `host`";
        problems.push(Problem::error(message).at_value(written).hint(hint));
        return None;
    }
    name
}
