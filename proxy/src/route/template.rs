//! Where a request is sent on to, as a text with placeholders: `https://example.ch/posts/{1}`.
//!
//! What is put in is made safe for its place, so that nobody who chooses a path can choose the host, end the path, or add
//! a parameter to the query.

use std::fmt::Write as _;

use super::{Asked, Pattern};
use crate::respond::Refusal;

/// The text in pieces, each with its place in the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Filled(What, Place),
}

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// `{1}`, or `{name}`: a group of the pattern.
    Group(usize),
    /// Without a port.
    Host,
    /// In normal form.
    Path,
    /// Without its `?`.
    Query,
    /// Path and query.
    Uri,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host,
    Path,
    /// Or the fragment behind it.
    Query,
}

/// What is wrong with a template, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadTemplate {
    pub message: String,
    pub hint: String,
}

impl Template {
    /// Bytes that a filled template may have; what is longer is refused.
    pub const LONGEST: usize = 16 << 10;

    /// Reads `{1}`, `{name}`, `{host}`, `{path}`, `{query}` and `{uri}`; `{{` and `}}` are braces.
    pub fn parse(text: &str, pattern: Option<&Pattern>) -> Result<Self, BadTemplate> {
        if let Some(number) = dollar(text) {
            let message = format!("has ${number}, which stands for nothing");
            return Err(bad(message, format!("write {{{number}}}")));
        }
        if text.contains('\\') {
            return Err(bad(
                "has a backslash, which browsers read as a slash",
                "write / or %5C",
            ));
        }
        let mut pieces = Pieces::default();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            pieces.text(before);
            if let Some((brace, after)) = double_brace(from) {
                pieces.text(brace);
                rest = after;
                continue;
            }
            let inner = from
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let Some((name, after)) = inner else {
                let hint = "write {{ or }} for a brace, or {1}, {path} or {host}";
                return Err(bad("has a brace without its other half", hint));
            };
            pieces.fill(name, what(name, pattern)?)?;
            rest = after;
        }
        pieces.text(rest);
        Ok(Self(pieces.done))
    }

    /// Whether it puts the query in where it wants it.
    pub fn has_query(&self) -> bool {
        let is_query = |piece: &Piece| matches!(piece, Piece::Filled(What::Query | What::Uri, _));
        self.0.iter().any(is_query)
    }

    /// The text for a request that plays no tricks.
    pub fn example(&self) -> Result<String, Refusal> {
        let asked = Asked {
            host: "host.test",
            path: "/path",
            query: "?query",
        };
        self.fill(&asked, |_| "group")
    }

    /// The text for this request; `group` gives what a group of the pattern has found.
    pub(super) fn fill<'g>(
        &self,
        asked: &Asked<'_>,
        group: impl Fn(usize) -> &'g str,
    ) -> Result<String, Refusal> {
        let mut filled = String::with_capacity(128);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Filled(What::Group(number), place) => {
                    put(&mut filled, group(*number), *place);
                }
                Piece::Filled(What::Host, place) => {
                    if asked.host.is_empty() && *place == Place::Host {
                        return Err(Refusal::Malformed("there is no host to redirect to"));
                    }
                    filled.push_str(asked.host);
                }
                Piece::Filled(What::Path, place) => put(&mut filled, asked.path, *place),
                Piece::Filled(What::Query, place) => put_query(&mut filled, asked.query(), *place),
                Piece::Filled(What::Uri, place) => put_uri(&mut filled, asked, *place),
            }
            if filled.len() > Self::LONGEST {
                return Err(Refusal::UriTooLong);
            }
        }
        Ok(filled)
    }
}

/// Pieces as they are read, and the place that the next of them is in.
struct Pieces {
    done: Vec<Piece>,
    place: Place,
}

impl Default for Pieces {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            place: Place::Path,
        }
    }
}

impl Pieces {
    fn text(&mut self, text: &str) {
        let mut rest = text;
        if self.done.is_empty() {
            let absolute = ["https://", "http://"];
            let after = absolute
                .into_iter()
                .find_map(|scheme| text.strip_prefix(scheme));
            if let Some(after) = after {
                self.place = Place::Host;
                rest = after;
            }
        }
        if self.place == Place::Host && rest.contains('/') {
            self.place = Place::Path;
        }
        if rest.contains(['?', '#']) {
            self.place = Place::Query;
        }
        match self.done.last_mut() {
            Some(Piece::Text(last)) => *last = [&**last, text].concat().into(),
            _ if text.is_empty() => {}
            _ => self.done.push(Piece::Text(text.into())),
        }
    }

    fn fill(&mut self, name: &str, what: What) -> Result<(), BadTemplate> {
        let place = match (self.place, what) {
            (Place::Host, What::Group(_) | What::Query) => {
                let message = format!("lets whoever asks choose the host, by {{{name}}}");
                let hint = "write the host out, or {host}, and a / behind it";
                return Err(bad(message, hint));
            }
            (Place::Host, What::Path | What::Uri) => Place::Path, // which begins with a slash
            (place, _) => place,
        };
        self.done.push(Piece::Filled(what, place));
        self.place = if what == What::Uri {
            Place::Query
        } else {
            place
        };
        Ok(())
    }
}

/// The digit behind a `$`, as others write a group.
fn dollar(text: &str) -> Option<char> {
    let mut after = text.split('$').skip(1);
    after.find_map(|after| after.chars().next().filter(char::is_ascii_digit))
}

fn double_brace(from: &str) -> Option<(&'static str, &str)> {
    let open = from.strip_prefix("{{").map(|after| ("{", after));
    open.or_else(|| from.strip_prefix("}}").map(|after| ("}", after)))
}

fn what(name: &str, pattern: Option<&Pattern>) -> Result<What, BadTemplate> {
    if let Some(group) = pattern.and_then(|pattern| pattern.group(name)) {
        return Ok(What::Group(group));
    }
    let groups = pattern.map_or(0, Pattern::groups);
    match name {
        "host" => return Ok(What::Host),
        "path" => return Ok(What::Path),
        "query" => return Ok(What::Query),
        "uri" => return Ok(What::Uri),
        _ => {}
    }
    let number = name.parse::<usize>().ok();
    if let Some(number) = number.filter(|number| (1..=groups).contains(number)) {
        return Ok(What::Group(number));
    }
    let hint = match (number, pattern, groups) {
        (Some(0), ..) => "groups count from {1}; the whole path is {path}".to_owned(),
        (Some(_), None, _) => "groups are of a pattern; add `match`".to_owned(),
        (Some(_), _, 0) => "`match` has no groups; put ( and ) around what is meant".to_owned(),
        (Some(_), _, groups) => format!("the last group of `match` is {{{groups}}}"),
        _ => "there are {1}, {2} and so on, {host}, {path}, {query}, {uri} and groups that `match` names; a brace is {{".to_owned(),
    };
    Err(bad(
        format!("has {{{name}}}, which stands for nothing"),
        hint,
    ))
}

fn bad(message: impl Into<String>, hint: impl Into<String>) -> BadTemplate {
    BadTemplate {
        message: message.into(),
        hint: hint.into(),
    }
}

/// Puts in what is in the normal form of a path, or a part of that. In a query, what separates its parameters is escaped
/// besides, as nginx does.
fn put(filled: &mut String, value: &str, place: Place) {
    for byte in value.bytes() {
        let separates = matches!(byte, b'&' | b'+' | b';');
        escape(
            filled,
            byte,
            byte == b'?' || (separates && place == Place::Query),
        );
    }
}

/// Puts a query in as it was sent, but for what would end the place it is in.
pub(super) fn put_whole_query(filled: &mut String, query: &str) {
    put_query(filled, query, Place::Query);
}

fn put_query(filled: &mut String, query: &str, place: Place) {
    for byte in query.bytes() {
        escape(filled, byte, byte == b'?' && place != Place::Query);
    }
}

fn put_uri(filled: &mut String, asked: &Asked<'_>, place: Place) {
    put(filled, asked.path, place);
    if !asked.query().is_empty() {
        escape(filled, b'?', place == Place::Query);
        put_query(filled, asked.query(), Place::Query);
    }
}

/// What some reader takes for the end of a URL, or for a slash, is never there as it is.
fn escape(filled: &mut String, byte: u8, as_well: bool) {
    let is_plain =
        byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`' | b'#');
    if is_plain && !as_well {
        filled.push(char::from(byte));
    } else {
        // Writing to a string does not fail.
        let _ = write!(filled, "%{byte:02X}");
    }
}
