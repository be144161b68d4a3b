//! What limits of rates and of concurrency have in common: names, what they count by, how many keys they know.

use std::sync::Arc;

use http::{HeaderName, header::HOST};

use super::Said;
use crate::config::{
    decode::Fields,
    model::{By, LimitList, MOST_KEYS, Mode},
    nearest::did_you_mean,
    problem::{Located, Problem, quoted},
    read::refuse_doubles,
    table::{Key, Kind},
};

const BY: &str = "client_ip, route, header:NAME or cookie:NAME";
/// Letters of a name at most: it is sent with each response.
const LONGEST_NAME: usize = 64;

pub(super) const NAME: Key = Key::new(
    "name",
    Kind::Text("a name such as default"),
    "what tells it from others, also in the fields that clients are sent; default `default`, or its place in the list",
);

pub(super) const BY_KEY: Key = Key::new(
    "by",
    Kind::Form(BY, by_pattern),
    "client_ip (IPv6 by /64), route, header:NAME or cookie:NAME; default client_ip",
);

pub(super) const MODE: Key = Key::new(
    "mode",
    Kind::Choice(&["enforce", "observe"]),
    "observe lets pass and tells of it; default enforce",
);

pub(super) const MAX_KEYS: Key = Key::new(
    "max_keys",
    Kind::Number(1..=16_000_000),
    "clients, values or routes that are known at a time; default 1000000",
);

/// The limits under `name`, each read by `read`, which is given the name it has if it says none.
pub(super) fn read<T>(
    fields: &Fields<'_>,
    name: &str,
    read: impl Fn(&Fields<'_>, Arc<str>) -> Option<T>,
    name_of: impl Fn(&T) -> &Arc<str>,
) -> Said<LimitList<T>> {
    let entry = fields.entry(name)?;
    let several = fields.several(name)?;
    let (count, mut limits) = (several.len(), Vec::new());
    for (at, one) in several.iter().enumerate() {
        let default = if count == 1 {
            "default".into()
        } else {
            (at + 1).to_string().into()
        };
        let limit = one.is_sound.then(|| read(one, default));
        limits.extend(limit.flatten().map(|limit| (limit, one.at)));
    }
    refuse_doubles(
        limits.iter().map(|(limit, at)| (name_of(limit), *at)),
        |name| format!("the name {}", quoted(name)),
        fields.problems,
    );
    let limits: Vec<T> = limits.into_iter().map(|(limit, _)| limit).collect();
    let of_defaults = fields.is_of("defaults");
    let said = (!limits.is_empty()).then(|| LimitList {
        of_defaults,
        limits,
    });
    Some(Located::new(said.map(Arc::new), &entry.at))
}

pub(super) fn name(fields: &Fields<'_>, default: Arc<str>) -> Option<Arc<str>> {
    if fields.node("name").is_none() {
        return Some(default);
    }
    let name = fields.text("name")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.value.is_empty()
        && name.value.len() <= LONGEST_NAME
        && name.value.chars().all(is_plain)
    {
        return Some(name.value.into());
    }
    fields.problems.push(
        Problem::error(format!("{} is no name for a limit", quoted(name.value)))
            .at_value(&name)
            .hint("use at most 64 letters, digits, - _ and ."),
    );
    None
}

/// A token is a name of RFC 9110 section 5.6.2.
fn by_pattern() -> String {
    "client_ip|route|(?:header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+".to_owned()
}

pub(super) fn by(fields: &Fields<'_>) -> Option<By> {
    if fields.node("by").is_none() {
        return Some(By::default());
    }
    let written = fields.text("by")?;
    let found = match written.value.split_once(':') {
        None if written.value == "client_ip" => Some(By::Client),
        None if written.value == "route" => Some(By::Route),
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes()).ok().map(By::Header),
        // A cookie's name is a token, as a header's is (RFC 6265 section 4.1.1), but upper and lower case differ.
        Some(("cookie", name)) if HeaderName::from_bytes(name.as_bytes()).is_ok() => {
            Some(By::Cookie(name.into()))
        }
        _ => None,
    };
    if let Some(By::Header(HOST)) = found {
        let written_out = quoted(written.value);
        let message = format!("\"by\" cannot be {written_out}, which HTTP/2 does not send");
        let problem = Problem::error(message).at_value(&written);
        fields.problems.push(problem.hint("a route has `host`"));
        return None;
    }
    if found.is_none() {
        let hint = did_you_mean(written.value, ["client_ip", "route"]);
        fields.problems.push(
            Problem::error(format!("\"by\" cannot be {}", quoted(written.value)))
                .at_value(&written)
                .hint(hint.unwrap_or_else(|| format!("write {BY}"))),
        );
    }
    found
}

pub(super) fn mode(fields: &Fields<'_>) -> Mode {
    match fields.choice("mode") {
        Some(mode) if mode.value == "observe" => Mode::Observe,
        _ => Mode::Enforce,
    }
}

pub(super) fn max_keys(fields: &Fields<'_>) -> usize {
    fields.count("max_keys").unwrap_or(MOST_KEYS)
}
