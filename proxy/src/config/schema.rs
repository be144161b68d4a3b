//! The configuration as a JSON Schema (2020-12), for editors: the tables that read it, written in another way.
//!
//! It says the shape of each value, and takes whatever the reader takes. What concerns several values together, and what
//! names mean, is left to `simplon check`.

use std::ptr;

use serde_json::{Map, Value, json};

use super::{
    read::{self, Names},
    table::{Key, Kind, Table},
    units::{
        ByteSize, Percent, duration, duration_pattern, quota, quota_pattern, share_pattern,
        show_duration, size_pattern,
    },
    variables,
};

/// The schema of a configuration file. It is also that of a file which another one includes.
pub fn schema() -> Value {
    let tables = Tables::under(&read::WHOLE);
    let Value::Object(mut whole) = tables.mapping(&read::WHOLE) else {
        return Value::Null;
    };
    let mut definitions: Map<_, _> = tables
        .0
        .iter()
        .map(|found| (tables.name(found.table), tables.mapping(found.table)))
        .collect();
    definitions.insert(
        VARIABLE.to_owned(),
        json!({
            "description": "the value of a variable of the environment, as in ${NAME} or ${NAME:-default}",
            "type": "string",
            "pattern": variables::PATTERN,
        }),
    );
    let version = env!("CARGO_PKG_VERSION");
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": format!("written by `simplon schema` of version {version}"),
        "title": "Simplon",
        "$defs": definitions,
    });
    if let Value::Object(head) = head {
        whole.extend(head);
    }
    Value::Object(whole)
}

/// The name of the definition for what stands in the place of any value. That of a table has no `$`.
const VARIABLE: &str = "$variable";

/// Every table but the whole one, once, in the order in which a reader of the tables meets them.
struct Tables(Vec<Found>);

struct Found {
    table: &'static Table,
    /// The table of the first key that leads to it.
    within: &'static Table,
}

impl Tables {
    fn under(table: &'static Table) -> Self {
        let mut tables = Self(Vec::new());
        tables.collect(table);
        tables
    }

    fn collect(&mut self, within: &'static Table) {
        for table in within.keys.iter().filter_map(|key| key.kind.table()) {
            if !self.0.iter().any(|found| ptr::eq(found.table, table)) {
                self.0.push(Found { table, within });
                self.collect(table);
            }
        }
    }

    /// What the table is called in messages; if several are called so, also where it stands.
    fn name(&self, table: &'static Table) -> String {
        let mut namesakes = self.0.iter().filter(|found| found.table.of == table.of);
        let is_alone = namesakes.clone().count() == 1;
        match namesakes.find(|found| ptr::eq(found.table, table)) {
            Some(found) if !is_alone => format!("{}-{}", slug(found.within), slug(table)),
            _ => slug(table),
        }
    }

    fn mapping(&self, table: &'static Table) -> Value {
        let works = |key: &&Key| !matches!(key.kind, Kind::Later(_));
        let keys = || table.keys.iter().filter(works);
        let properties: Map<_, _> = keys()
            .map(|key| (key.name.to_owned(), self.property(key)))
            .collect();
        let required: Vec<_> = keys()
            .filter(|key| key.is_required)
            .map(|key| key.name)
            .collect();
        json!({
            "title": table.of,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        })
    }

    fn property(&self, key: &Key) -> Value {
        let mut property = self.kind(&key.kind);
        property["description"] = match takes(&key.kind) {
            Some(takes) => format!("{}\n\nTakes {takes}.", key.doc),
            None => key.doc.to_owned(),
        }
        .into();
        if let Some(default) = default(key) {
            property["default"] = default;
        }
        property
    }

    fn kind(&self, kind: &Kind) -> Value {
        let reference = |table| json!({ "$ref": format!("#/$defs/{}", self.name(table)) });
        match kind {
            Kind::Text(_) => text(),
            Kind::Form(_, pattern) => form(&pattern()),
            Kind::TextOr(_, table) => any_of([text(), reference(table)]),
            Kind::TextOrOff(_) => any_of([text(), json!({ "const": false })]),
            Kind::Flag => flag(),
            Kind::FlagOr(table) => any_of([flag(), reference(table)]),
            Kind::OffOr(table) => any_of([off(), reference(table)]),
            Kind::Number(range) => or_variable(
                json!({ "type": "integer", "minimum": range.start(), "maximum": range.end() }),
            ),
            Kind::Duration(_) => form(&duration_pattern()),
            Kind::Size(range) => {
                let (least, most) = (range.start().get(), range.end().get());
                let bytes = json!({ "type": "integer", "minimum": least, "maximum": most });
                any_of([form(&size_pattern()), bytes])
            }
            Kind::Share => form(&share_pattern()),
            Kind::Quota(_) => form(&quota_pattern()),
            Kind::Choice(choices) => words(choices),
            Kind::ChoiceOr(choices, table) => any_of([words(choices), reference(table)]),
            Kind::ChoiceOrOff(choices) => any_of([words(choices), json!({ "const": false })]),
            Kind::List(_) => list(&text()),
            Kind::ListOr(_, table) => list(&any_of([text(), reference(table)])),
            Kind::ListOfWords(_, known) => list(&words(known)),
            Kind::OneOrMore(_) => one_or_more(text()),
            Kind::OneOrMoreOr(_, known, table) => {
                one_or_more(any_of([words(known), reference(table)]))
            }
            Kind::OneOrMoreWords(_, known) => one_or_more(words(known)),
            Kind::Statuses(_) => one_or_more(status()),
            Kind::AnyNumber(_) => any_number(text()),
            Kind::AnyNumberOr(_, known, table) => {
                let items = any_number(any_of([words(known), reference(table)]));
                any_of([off(), items])
            }
            Kind::ListOf(table) => {
                json!({ "type": ["array", "null"], "items": reference(table) })
            }
            Kind::SeveralOf(table) => any_of([off(), reference(table), array(&reference(table))]),
            Kind::Mapping(table) => maybe_empty(table, reference(table)),
            Kind::Named(table) => json!({
                "type": ["object", "null"],
                "propertyNames": { "pattern": format!("^(?:{})$", Names::pattern()) },
                "additionalProperties": maybe_empty(table, reference(table)),
            }),
            Kind::Pairs(_) => json!({ "type": "object", "additionalProperties": text() }),
            Kind::PairsOrLists(_) => {
                let value = any_of([text(), array(&text())]);
                json!({ "type": "object", "additionalProperties": value })
            }
            Kind::Later(_) => json!(false),
        }
    }
}

/// As in a name: `a health check` is `health-check`.
fn slug(table: &Table) -> String {
    let of = table.of;
    let bare = ["a ", "an ", "the "]
        .into_iter()
        .find_map(|article| of.strip_prefix(article));
    bare.unwrap_or(of).replace(' ', "-")
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn null() -> Value {
    json!({ "type": "null" })
}

fn flag() -> Value {
    or_variable(json!({ "type": "boolean" }))
}

fn off() -> Value {
    or_variable(json!({ "const": false }))
}

/// What is written without quotes may be a variable, whatever it has to become.
fn or_variable(schema: Value) -> Value {
    any_of([schema, json!({ "$ref": format!("#/$defs/{VARIABLE}") })])
}

/// A text of this form, or one with a variable in it, which is seen only as it is read.
fn form(pattern: &str) -> Value {
    let pattern = format!("^(?:{pattern})$|{}", variables::PATTERN);
    json!({ "type": "string", "pattern": pattern })
}

/// One of these. To YAML one such as 502 or 1.2 is a number, unless it stands in quotes.
fn words(words: &[&str]) -> Value {
    let numbers = words.iter().filter_map(|word| {
        let whole = word.parse::<u64>().ok().map(Value::from);
        whole.or_else(|| word.parse::<f64>().ok().map(Value::from))
    });
    let words = words.iter().map(|word| Value::from(*word));
    let all: Vec<_> = words.chain(numbers).collect();
    or_variable(json!({ "enum": all }))
}

fn status() -> Value {
    let one = json!({ "type": "integer", "minimum": 100, "maximum": 599 });
    any_of([one, form(&read::range_pattern())])
}

fn array(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1 })
}

fn one_or_more(item: Value) -> Value {
    let list = list(&item);
    any_of([item, list])
}

fn any_number(item: Value) -> Value {
    let array = array(&item);
    any_of([item, array, null()])
}

/// A mapping in which nothing is required may be left empty.
fn maybe_empty(table: &Table, mapping: Value) -> Value {
    if table.keys.iter().any(|key| key.is_required) {
        mapping
    } else {
        any_of([mapping, null()])
    }
}

/// Without one alternative inside another, which editors would show.
fn any_of<const N: usize>(alternatives: [Value; N]) -> Value {
    let mut flat: Vec<Value> = Vec::new();
    for mut alternative in alternatives {
        match alternative.get_mut("anyOf").map(Value::take) {
            Some(Value::Array(inner)) => flat.extend(inner),
            _ => flat.push(alternative),
        }
    }
    json!({ "anyOf": flat })
}

/// What an editor shows beside what a key is for.
fn takes(kind: &Kind) -> Option<String> {
    Some(match kind {
        Kind::Text(what)
        | Kind::Form(what, _)
        | Kind::TextOrOff(what)
        | Kind::List(what)
        | Kind::ListOr(what, _)
        | Kind::ListOfWords(what, _)
        | Kind::OneOrMore(what)
        | Kind::OneOrMoreOr(what, ..)
        | Kind::OneOrMoreWords(what, _)
        | Kind::Statuses(what)
        | Kind::AnyNumber(what)
        | Kind::AnyNumberOr(what, ..) => (*what).to_owned(),
        Kind::TextOr(what, table) => format!("{what}, or a mapping: {}", table.names()),
        Kind::Number(range) => format!("a number from {} to {}", range.start(), range.end()),
        Kind::Duration(range) => {
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            format!("a duration from {least} to {most}")
        }
        Kind::Size(range) => format!("a size from {} to {}", range.start(), range.end()),
        Kind::Share => "a share such as 20%".to_owned(),
        Kind::Quota(range) => {
            let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
            format!("a number and a time from {least} to {most}, such as 50/s or 300/3h")
        }
        Kind::Pairs(what) | Kind::PairsOrLists(what) => format!("names, and for each {what}"),
        Kind::Flag
        | Kind::FlagOr(_)
        | Kind::OffOr(_)
        | Kind::Choice(_)
        | Kind::ChoiceOr(..)
        | Kind::ChoiceOrOff(_)
        | Kind::ListOf(_)
        | Kind::SeveralOf(_)
        | Kind::Mapping(_)
        | Kind::Named(_)
        | Kind::Later(_) => return None,
    })
}

/// The default, where the line about the key says one that could be written as it stands.
fn default(key: &Key) -> Option<Value> {
    let mut clauses = key.doc.split("; ");
    let said = clauses.find_map(|clause| clause.strip_prefix("default "))?;
    match &key.kind {
        Kind::Flag | Kind::FlagOr(_) | Kind::OffOr(_) | Kind::SeveralOf(_) => {
            said.parse::<bool>().ok().map(Value::from)
        }
        Kind::Number(_) => said.parse::<u64>().ok().map(Value::from),
        Kind::Duration(_) => duration(said).is_ok().then(|| said.into()),
        Kind::Size(_) => said.parse::<ByteSize>().is_ok().then(|| said.into()),
        Kind::Share => said.parse::<Percent>().is_ok().then(|| said.into()),
        Kind::Quota(_) => quota(said).is_ok().then(|| said.into()),
        Kind::Choice(words) | Kind::ChoiceOr(words, _) | Kind::ChoiceOrOff(words) => {
            words.contains(&said).then(|| said.into())
        }
        _ => None,
    }
}
