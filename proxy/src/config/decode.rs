//! Reads a mapping through the table of its keys, and says everything that is wrong with it.

use std::{num::NonZeroU32, time::Duration};

use super::{
    model::Quota,
    nearest::{did_you_mean, nearest},
    problem::{Located, Problem, Problems, Span, quoted},
    raw::{Entry, Node, Value},
    shown::{as_yaml, describe},
    table::{Key, Kind, Table},
    units::{ByteSize, Malformed, Percent, duration, quota, show_duration},
};

/// The values of one mapping by their keys. Made by [`Self::of`], which has reported whatever is wrong with the keys
/// themselves. A method that reads a value reports what is wrong with it and gives `None`, as for an absent one:
/// whoever reads goes on with the default, to find what else is wrong.
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    table: &'static Table,
    /// What to show when something is missing.
    pub(super) at: &'a Span,
    pub(super) problems: &'a Problems,
    /// Whether every key is known, works already, and none that is required is missing.
    pub(super) is_sound: bool,
}

impl<'a> Fields<'a> {
    /// `at` is what names the mapping, for what is missing in it. Nothing at all counts as an empty mapping.
    pub(super) fn of(
        node: &'a Node,
        at: &'a Span,
        table: &'static Table,
        problems: &'a Problems,
    ) -> Option<Self> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            Value::Unreadable => return None,
            other => {
                let of = table.of;
                problems.push(
                    Problem::error(format!("{of} is a mapping, not {}", describe(other)))
                        .at(&node.span)
                        .hint(as_mapping(other, table)),
                );
                return None;
            }
        };
        let mut fields = Self {
            entries,
            table,
            at,
            problems,
            is_sound: true,
        };
        for entry in entries {
            fields.is_sound &= fields.is_usable(entry);
        }
        // A key that is not known is probably the missing one, misspelt.
        if fields.is_sound {
            for key in table.keys.iter().filter(|key| key.is_required) {
                if fields.node(key.name).is_none() {
                    fields.missing(key);
                }
            }
        }
        Some(fields)
    }

    fn is_usable(&self, entry: &Entry) -> bool {
        let Table { of, keys } = self.table;
        let name = quoted(&entry.key);
        let problem = match keys.iter().find(|key| key.name == entry.key) {
            Some(Key {
                kind: Kind::Later(hint),
                ..
            }) => Problem::error(format!("{name} is not available yet")).hint(*hint),
            Some(_) => return true,
            None => Problem::error(format!("{of} has no key {name}")).hint(
                did_you_mean(&entry.key, keys.iter().map(|key| key.name))
                    .unwrap_or_else(|| format!("its keys are {}", self.table.names())),
            ),
        };
        let problem = problem.at(&entry.at);
        // Who writes a key by this name has written the password behind it.
        let is_secret = entry.key.ends_with("password");
        self.problems
            .push(if is_secret { problem.secret() } else { problem });
        false
    }

    fn missing(&mut self, key: &Key) {
        let Table { of, .. } = self.table;
        self.problems.push(
            Problem::error(format!("{of} needs {}", quoted(key.name)))
                .at(self.at)
                .hint(format!("`{}`: {}", key.name, key.doc)),
        );
        self.is_sound = false;
    }

    /// Absent keys, and those that are not known, have none.
    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        self.entry(name).map(|entry| &entry.node)
    }

    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry> {
        debug_assert!(
            self.table.keys.iter().any(|key| key.name == name),
            "{name} is in the table"
        );
        self.entries.iter().find(|entry| entry.key == name)
    }

    pub(super) fn error(&self, span: &Span, message: impl Into<String>, hint: impl Into<String>) {
        self.problems
            .push(Problem::error(message).at(span).hint(hint));
    }

    pub(super) fn text(&self, name: &str) -> Option<Located<&'a str>> {
        let (node, kind) = self.get(name)?;
        let what = match kind {
            Kind::Text(what)
            | Kind::Form(what, _)
            | Kind::TextOr(what, _)
            | Kind::TextOrOff(what) => what,
            _ => "text",
        };
        text(node, name, what, self.problems)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let (node, kind) = self.get(name)?;
        let word = match &node.value {
            Value::Bool(flag) => return Some(*flag),
            Value::Text(word) => word.to_lowercase(),
            _ => String::new(),
        };
        let hint = match (word.as_str(), kind) {
            ("yes" | "on" | "y" | "true" | "1", _) => "write true".to_owned(),
            ("no" | "off" | "n" | "false" | "0", _) => "write false".to_owned(),
            (_, Kind::FlagOr(table)) => {
                format!("write true, or a mapping; its keys are {}", table.names())
            }
            ("", _) => "write true or false".to_owned(),
            _ => "write true or false, without quotes".to_owned(),
        };
        let expected = match kind {
            Kind::FlagOr(_) => "true, false or a mapping",
            _ => "true or false",
        };
        self.wrong(name, expected, node, hint)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let (node, kind) = self.get(name)?;
        let Kind::Number(range) = kind else {
            return None;
        };
        let (min, max) = (range.start(), range.end());
        let number = match &node.value {
            Value::Int(number) => u64::try_from(*number).ok(),
            Value::Text(text) if text.parse::<u64>().is_ok() => {
                let hint = format!("write {} without quotes", text.trim_start_matches('0'));
                return self.wrong(name, "a whole number", node, hint);
            }
            _ => {
                let hint = format!("write a number from {min} to {max}");
                return self.wrong(name, "a whole number", node, hint);
            }
        };
        let within = number.filter(|number| range.contains(number));
        if within.is_none() {
            self.out_of_range::<()>(name, node, &format!("a number from {min} to {max}"));
        }
        within
    }

    pub(super) fn count(&self, name: &str) -> Option<usize> {
        usize::try_from(self.number(name)?).ok()
    }

    pub(super) fn positive(&self, name: &str) -> Option<NonZeroU32> {
        NonZeroU32::new(u32::try_from(self.number(name)?).ok()?)
    }

    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        let (node, kind) = self.get(name)?;
        let read = self.quantity(name, node, "a duration", "2s", duration)?;
        let Kind::Duration(range) = kind else {
            return None;
        };
        if range.contains(&read) {
            return Some(read);
        }
        let (min, max) = (show_duration(*range.start()), show_duration(*range.end()));
        self.out_of_range(name, node, &format!("a duration from {min} to {max}"))
    }

    pub(super) fn size(&self, name: &str) -> Option<ByteSize> {
        let (node, kind) = self.get(name)?;
        let read = self.quantity(name, node, "a size", "64KiB", str::parse)?;
        let Kind::Size(range) = kind else {
            return None;
        };
        if range.contains(&read) {
            return Some(read);
        }
        let (min, max) = (range.start(), range.end());
        self.out_of_range(name, node, &format!("a size from {min} to {max}"))
    }

    pub(super) fn share(&self, name: &str) -> Option<Percent> {
        let (node, _) = self.get(name)?;
        self.quantity(name, node, "a share", "20%", str::parse)
    }

    pub(super) fn quota(&self, name: &str) -> Option<Quota> {
        let (node, kind) = self.get(name)?;
        let (count, within) = self.quantity(name, node, "a quota", "300/3h", quota)?;
        let Kind::Quota(range) = kind else {
            return None;
        };
        if range.contains(&within) {
            return Some(Quota { count, within });
        }
        let (min, max) = (show_duration(*range.start()), show_duration(*range.end()));
        self.out_of_range(name, node, &format!("a time from {min} to {max}"))
    }

    pub(super) fn choice(&self, name: &str) -> Option<Located<&'static str>> {
        let (node, kind) = self.get(name)?;
        let (Kind::Choice(words) | Kind::ChoiceOr(words, _) | Kind::ChoiceOrOff(words)) = kind
        else {
            return None;
        };
        let one_of = || format!("write {}", words.join(" or "));
        let Value::Text(word) = &node.value else {
            return self.wrong(name, &words.join(" or "), node, one_of());
        };
        let known = words.iter().find(|known| *known == word);
        if known.is_none() {
            let hint = nearest(word, words.iter().copied())
                .map_or_else(one_of, |known| format!("did you mean \"{known}\"?"));
            self.error(
                &node.span,
                format!("{} cannot be {}", quoted(name), quoted(word)),
                hint,
            );
        }
        known.map(|word| Located::new(*word, &node.span))
    }

    /// The mapping under `name`, read through the table its key has.
    pub(super) fn fields(&self, name: &str) -> Option<Fields<'a>> {
        let entry = self.entry(name)?;
        match self.get(name)?.1 {
            Kind::OffOr(table) if !matches!(entry.node.value, Value::Map(_)) => {
                let hint = format!("write false, or a mapping; its keys are {}", table.names());
                self.wrong(name, "false or a mapping", &entry.node, hint)
            }
            Kind::Mapping(table)
            | Kind::ChoiceOr(_, table)
            | Kind::FlagOr(table)
            | Kind::OffOr(table)
            | Kind::TextOr(_, table) => Self::of(&entry.node, &entry.at, table, self.problems),
            _ => None,
        }
    }

    /// Whether `false` turns off what could stand under `name`.
    pub(super) fn is_off(&self, name: &str) -> bool {
        self.node(name)
            .is_some_and(|node| node.value == Value::Bool(false))
    }

    /// What stands under names that the operator chose; nothing if there is no such key.
    pub(super) fn pairs(&self, name: &str) -> &'a [Entry] {
        let Some((node, Kind::Pairs(what) | Kind::PairsOrLists(what))) = self.get(name) else {
            return &[];
        };
        if let Value::Map(entries) = &node.value {
            return entries;
        }
        let hint = format!("write a name, a colon, and {what}");
        self.wrong::<()>(name, "a mapping from names", node, hint);
        &[]
    }

    /// The mappings under `name`, one or a list; none for `false` and for an empty list.
    pub(super) fn several(&self, name: &str) -> Option<Vec<Fields<'a>>> {
        let entry = self.entry(name)?;
        let (node, Kind::SeveralOf(table)) = self.get(name)? else {
            return None;
        };
        match &node.value {
            Value::Map(_) => Some(vec![Self::of(node, &entry.at, table, self.problems)?]),
            Value::List(items) => {
                let read = |item: &'a Node| Self::of(item, &item.span, table, self.problems);
                Some(items.iter().filter_map(read).collect())
            }
            Value::Bool(false) => Some(Vec::new()),
            _ => {
                let hint = as_mapping(&node.value, table);
                self.wrong(name, "a mapping, a list of them, or false", node, hint)
            }
        }
    }

    /// Whether this is the mapping that the table calls `of`.
    pub(super) fn is_of(&self, of: &str) -> bool {
        self.table.of == of
    }

    /// The mapping under `name`, whose keys are names that the operator chose; none if there is no such key.
    pub(super) fn named(&self, name: &str) -> &'a [Entry] {
        let Some((node, Kind::Named(table))) = self.get(name) else {
            return &[];
        };
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let hint = format!(
                    "write a name, a colon, and below it the keys of {}",
                    table.of
                );
                self.wrong::<()>(name, "a mapping from names", node, hint);
                &[]
            }
        }
    }

    /// The values of a list; of [`Kind::OneOrMore`] and its like, also one alone.
    pub(super) fn list(&self, name: &str) -> Option<&'a [Node]> {
        let (node, kind) = self.get(name)?;
        let (of, one_will_do) = match kind {
            Kind::OneOrMore(of)
            | Kind::OneOrMoreOr(of, ..)
            | Kind::OneOrMoreWords(of, _)
            | Kind::Statuses(of)
            | Kind::AnyNumber(of)
            | Kind::AnyNumberOr(of, ..) => (*of, true),
            Kind::List(of) | Kind::ListOr(of, _) | Kind::ListOfWords(of, _) => (*of, false),
            Kind::ListOf(table) => (table.of, false),
            _ => return None,
        };
        let may_be_empty = matches!(
            kind,
            Kind::ListOf(_) | Kind::AnyNumber(_) | Kind::AnyNumberOr(..)
        );
        match &node.value {
            Value::Null if may_be_empty => None,
            Value::List(items) if may_be_empty => Some(items),
            Value::List(items) if items.is_empty() => {
                self.error(
                    &node.span,
                    format!("{} is an empty list", quoted(name)),
                    format!("write {of}"),
                );
                None
            }
            Value::List(items) => Some(items),
            Value::Null => self.wrong(name, "a list", node, format!("write {of}")),
            _ if one_will_do => Some(std::slice::from_ref(node)),
            alone => {
                let hint = match as_yaml(alone) {
                    Some(text) => format!("write [{text}]"),
                    None => "begin each entry with a dash, on a line of its own".to_owned(),
                };
                self.wrong(name, "a list", node, hint)
            }
        }
    }

    /// A mapping in the list under `name`, read through the table its key has.
    pub(super) fn item(&self, name: &str, item: &'a Node) -> Option<Fields<'a>> {
        match self.get(name)?.1 {
            Kind::ListOr(_, table)
            | Kind::OneOrMoreOr(_, _, table)
            | Kind::AnyNumberOr(_, _, table) => Self::of(item, &item.span, table, self.problems),
            _ => None,
        }
    }

    fn get(&self, name: &str) -> Option<(&'a Node, &'static Kind)> {
        let node = self.node(name)?;
        let key = self.table.keys.iter().find(|key| key.name == name)?;
        let is_readable = node.value != Value::Unreadable && !matches!(key.kind, Kind::Later(_));
        is_readable.then_some((node, &key.kind))
    }

    fn quantity<T>(
        &self,
        name: &str,
        node: &Node,
        what: &str,
        example: &str,
        read: impl Fn(&str) -> Result<T, Malformed>,
    ) -> Option<T> {
        let written = match &node.value {
            Value::Text(text) => text.clone(),
            // Without a unit YAML takes it for a number; a size may be one.
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            _ => {
                let hint = format!("write a number and a unit, such as {example}");
                return self.wrong(name, what, node, hint);
            }
        };
        read(&written)
            .map_err(|Malformed { message, hint }| {
                let message = format!("{} {message}", quoted(name));
                self.error(&node.span, message, hint);
            })
            .ok()
    }

    fn out_of_range<T>(&self, name: &str, node: &Node, range: &str) -> Option<T> {
        let found = as_yaml(&node.value).unwrap_or_default();
        let message = format!("{} cannot be {found}", quoted(name));
        self.error(&node.span, message, format!("write {range}"));
        None
    }

    /// Says that the value of `name` is of the wrong kind.
    pub(super) fn wrong<T>(
        &self,
        name: &str,
        expected: &str,
        node: &Node,
        hint: impl Into<String>,
    ) -> Option<T> {
        let name = quoted(name);
        let message = match &node.value {
            Value::Unreadable => return None,
            Value::Null => format!("{name} has no value"),
            other => format!("{name} takes {expected}, not {}", describe(other)),
        };
        self.error(&node.span, message, hint);
        None
    }
}

/// A text, or one of a list of texts; `what` it says, with its article.
pub(super) fn text<'a>(
    node: &'a Node,
    name: &str,
    what: &str,
    problems: &Problems,
) -> Option<Located<&'a str>> {
    let hint = match &node.value {
        Value::Text(text) => return Some(Located::new(text, &node.span)),
        Value::Unreadable => return None,
        Value::Int(number) => format!("if you mean the text, write \"{number}\" in quotes"),
        Value::Float(number) => format!("if you mean the text, write \"{number}\" in quotes"),
        Value::Bool(flag) => format!("if you mean the text, write \"{flag}\" in quotes"),
        Value::Null => {
            let message = format!("{} has no value", quoted(name));
            let hint = format!("write {what}");
            problems.push(Problem::error(message).at(&node.span).hint(hint));
            return None;
        }
        Value::List(_) | Value::Map(_) => "a value that begins with { or [ needs quotes".to_owned(),
    };
    let found = describe(&node.value);
    problems.push(
        Problem::error(format!("{} takes {what}, not {found}", quoted(name)))
            .at(&node.span)
            .hint(hint),
    );
    None
}

/// A mapping that says what someone meant who wrote its most important value alone.
fn as_mapping(value: &Value, table: &Table) -> String {
    if let (Some(value), Some(Key { name, kind, .. })) = (as_yaml(value), table.keys.first()) {
        let needs_it = table.keys.iter().any(|key| key.is_required);
        match kind {
            Kind::Text(_) | Kind::Quota(_) => return format!("write {{ {name}: {value} }}"),
            Kind::Number(_) if needs_it && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                return format!("write {{ {name}: {value} }}");
            }
            Kind::OneOrMore(_) | Kind::List(_) if needs_it => {
                return format!("write {{ {name}: [{value}] }}");
            }
            _ => {}
        }
    }
    format!("its keys are {}", table.names())
}
