//! Where rate limits are shared over nodes: a URL alone, or a mapping.

use std::time::Duration;

use super::{
    address, file_path, server_tls,
    url::{self, Wrong, wrong},
};
use crate::config::{
    decode::Fields,
    model::{Address, LimitsStore, OnFailure, ServerTls},
    nearest::did_you_mean,
    problem::{Located, Problem, Span},
    raw::Value,
    table::{Key, Kind, Table},
};

pub(super) const URL: &str = "a URL such as redis://10.0.0.5:6379/0";
/// Redis' own, with TLS or without.
const PORT: u16 = 6379;
const TIMEOUT: Duration = Duration::from_millis(20);

pub(in crate::config) static TABLE: Table = Table {
    of: "limits_store",
    keys: &[
        Key::required(
            "url",
            Kind::Text(URL),
            "redis:// or rediss://, which is with TLS",
        ),
        Key::new(
            "user",
            Kind::Text("the name of a user"),
            "who we are to it; default its default user",
        ),
        Key::new(
            "password_file",
            Kind::Text("the path of a file"),
            "a file that holds the password alone",
        ),
        Key::new(
            "tls",
            Kind::FlagOr(&server_tls::TABLE),
            "with rediss://, whom to trust; `true` for every default",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::from_millis(1)..=Duration::from_secs(5)),
            "how long a request may wait for it; default 20ms",
        ),
        Key::new(
            "on_failure",
            Kind::Choice(&["local", "allow", "refuse"]),
            "while it does not answer: this node's own count, no limits, or 503; default local",
        ),
    ],
};

pub(super) fn read(top: &Fields<'_>) -> Option<LimitsStore> {
    let entry = top.entry("limits_store")?;
    let at = Located::new((), &entry.at);
    if !matches!(entry.node.value, Value::Map(_)) {
        let written = top.text("limits_store")?;
        let Place {
            address,
            database,
            tls,
        } = place(top, &written)?;
        let tls = tls.then(|| server_tls::trusting_the_system(at.clone()));
        refuse_nameless(top, tls.as_ref(), &address, &entry.node.span);
        return Some(LimitsStore {
            at,
            address,
            database,
            tls,
            user: None,
            password_file: None,
            timeout: TIMEOUT,
            on_failure: OnFailure::default(),
        });
    }
    mapping(&top.fields("limits_store")?, at)
}

fn mapping(fields: &Fields<'_>, at: Located<()>) -> Option<LimitsStore> {
    let url = fields.text("url");
    let place = url.as_ref().and_then(|url| place(fields, url));
    let tls = tls(fields, place.as_ref(), &at);
    let (user, password_file) = (user(fields), file_path(fields, "password_file"));
    if let (Some(entry), None) = (fields.entry("user"), fields.entry("password_file")) {
        fields.error(
            &entry.at,
            "\"user\" needs \"password_file\" beside it",
            "add the file with this user's password: `password_file: conf/redis.password`",
        );
    }
    let (timeout, on_failure) = (
        fields.duration("timeout"),
        fields.choice("on_failure").map(|word| word.value),
    );
    let Place {
        address, database, ..
    } = place?;
    if let Some(span) = url.and_then(|url| url.span) {
        refuse_nameless(fields, tls.as_ref(), &address, &span);
    }
    Some(LimitsStore {
        at,
        address,
        database,
        tls,
        user,
        password_file,
        timeout: timeout.unwrap_or(TIMEOUT),
        on_failure: match on_failure {
            Some("allow") => OnFailure::Allow,
            Some("refuse") => OnFailure::Refuse,
            _ => OnFailure::Local,
        },
    })
}

fn user(fields: &Fields<'_>) -> Option<String> {
    let user = fields.text("user")?;
    if user.value.is_empty() {
        let hint = "write its name, or remove the key for the default user";
        fields.problems.push(
            Problem::error("\"user\" has no name")
                .at_value(&user)
                .hint(hint),
        );
        return None;
    }
    Some(user.value.to_owned())
}

/// The settings of TLS, which the URL asks for.
fn tls(fields: &Fields<'_>, place: Option<&Place>, at: &Located<()>) -> Option<ServerTls> {
    let said = server_tls::read(fields);
    match (fields.entry("tls"), place) {
        (None, Some(Place { tls: true, .. })) => Some(server_tls::trusting_the_system(at.clone())),
        (Some(entry), Some(Place { tls: false, .. })) if said.is_some() => {
            fields.error(
                &entry.at,
                "\"tls\" needs a \"url\" that begins with rediss://",
                "write the URL with rediss://, or remove `tls`",
            );
            None
        }
        (Some(entry), Some(Place { tls: true, .. })) if entry.node.value == Value::Bool(false) => {
            fields.error(
                &entry.at,
                "\"rediss\" in the \"url\" is with TLS",
                "write the URL with redis://, or remove `tls`",
            );
            None
        }
        _ => said,
    }
}

/// What a URL says.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    address: Address,
    database: u16,
    tls: bool,
}

fn place(fields: &Fields<'_>, written: &Located<&str>) -> Option<Place> {
    parse(written.value)
        .map_err(|wrong| wrong.tell(fields, written, &without_credentials(written.value)))
        .ok()
}

/// Reads `redis://host:port/database`, the same with `rediss`, or `redis+unix:///run/redis.sock?db=database`.
fn parse(written: &str) -> Result<Place, Wrong> {
    refuse_credentials(written)?;
    let (scheme, rest) = url::split(written, "redis", |meant| parse(meant).is_ok(), URL)?;
    let tls = match scheme {
        "redis" => false,
        "rediss" => true,
        "redis+unix" | "unix" => return socket(rest),
        _ => {
            let hint = did_you_mean(scheme, ["redis", "rediss", "redis+unix"]);
            let hint =
                hint.unwrap_or_else(|| "write redis://, rediss:// or redis+unix://".to_owned());
            return Err(wrong("is not the URL of a Redis server", hint));
        }
    };
    if rest.contains(['?', '#']) {
        return Err(wrong(
            "says more than an address and a database",
            format!("write {URL}"),
        ));
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = url::place(authority, PORT)?;
    Ok(Place {
        address,
        database: database(path)?,
        tls,
    })
}

/// `/run/redis.sock`, and perhaps `?db=1`.
fn socket(rest: &str) -> Result<Place, Wrong> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let address = address::server(&format!("unix:{path}"));
    let address = address.map_err(|(message, _)| {
        wrong(
            message,
            "write a whole path, as in redis+unix:///run/redis.sock",
        )
    })?;
    let number = match query {
        "" => "",
        _ => query.strip_prefix("db=").ok_or_else(|| {
            wrong(
                "says more than a socket and a database",
                "write redis+unix:///run/redis.sock?db=1",
            )
        })?,
    };
    Ok(Place {
        address,
        database: database(number)?,
        tls: false,
    })
}

/// Nothing is number 0.
fn database(written: &str) -> Result<u16, Wrong> {
    if written.is_empty() {
        return Ok(0);
    }
    let number = written.parse().ok();
    number
        .filter(|_| written.bytes().all(|b| b.is_ascii_digit()))
        .ok_or_else(|| {
            wrong(
                "does not end with the number of a database",
                "write a number from 0 to 65535 there, or nothing for database 0",
            )
        })
}

fn refuse_credentials(written: &str) -> Result<(), Wrong> {
    let credentials = written.rsplit_once('@').map(|(before, _)| before);
    let credentials = credentials.map(|it| it.split_once("://").map_or(it, |(_, after)| after));
    let has_password = credentials.is_some_and(|it| it.contains(':')) || written.contains("pass=");
    match credentials {
        _ if has_password => Err(Wrong {
            message: "holds a password",
            hint: "a secret is always a file: `limits_store: { url: …, password_file: conf/redis.password }`".to_owned(),
            is_secret: true,
        }),
        Some(_) => Err(wrong(
            "names a user",
            "write `user` and `password_file` beside `url`",
        )),
        None => Ok(()),
    }
}

/// A URL as it may be shown.
fn without_credentials(written: &str) -> String {
    let (scheme, rest) = match written.find("://") {
        Some(at) => written.split_at(at + 3),
        None => ("", written),
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, place)) => format!("…@{place}"),
        None => rest.to_owned(),
    };
    let shown = rest.split("pass=").next().unwrap_or_default();
    format!("{scheme}{shown}")
}

/// With TLS a socket needs a name that its certificate is for.
fn refuse_nameless(fields: &Fields<'_>, tls: Option<&ServerTls>, address: &Address, at: &Span) {
    if let (
        Some(ServerTls {
            server_name: None, ..
        }),
        Address::Unix(_),
    ) = (tls, address)
    {
        fields.error(
            at,
            "a socket has no name that a certificate could be for",
            "add `server_name` under `tls`",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_which_database_and_whether_with_tls() {
        for (written, address, database, tls) in [
            ("redis://10.0.0.5", "10.0.0.5:6379", 0, false),
            ("redis://10.0.0.5/", "10.0.0.5:6379", 0, false),
            ("redis://10.0.0.5:6380/3", "10.0.0.5:6380", 3, false),
            ("redis://[::1]", "[::1]:6379", 0, false),
            ("redis://[::1]:7000/15", "[::1]:7000", 15, false),
            ("rediss://Redis.lan/1", "redis.lan:6379", 1, true),
            (
                "redis+unix:///run/redis.sock",
                "unix:/run/redis.sock",
                0,
                false,
            ),
            (
                "unix:///run/redis.sock?db=2",
                "unix:/run/redis.sock",
                2,
                false,
            ),
        ] {
            let place = parse(written).unwrap();
            assert_eq!(place.address.to_string(), address, "{written}");
            assert_eq!((place.database, place.tls), (database, tls), "{written}");
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_what_to_write() {
        for (written, message, hint) in [
            ("10.0.0.5", "is not a URL", "write redis://10.0.0.5"),
            (
                "10.0.0.5:6379",
                "is not a URL",
                "write redis://10.0.0.5:6379",
            ),
            (
                "",
                "is not a URL",
                "write a URL such as redis://10.0.0.5:6379/0",
            ),
            (
                "http://10.0.0.5",
                "is not the URL of a Redis server",
                "write redis://, rediss:// or redis+unix://",
            ),
            (
                "redi://10.0.0.5",
                "is not the URL of a Redis server",
                "did you mean \"redis\"?",
            ),
            ("redis://", "has no host", "write 127.0.0.1:6379"),
            ("redis://a:0", "has port 0", "write a port from 1 to 65535"),
            (
                "redis://a:x",
                "has no port",
                "a port is a number from 1 to 65535",
            ),
            (
                "redis://10.0.0.300",
                "is not an IP address",
                "write four numbers of 0 to 255",
            ),
            (
                "redis://a/b",
                "does not end with the number of a database",
                "write a number from 0 to 65535 there, or nothing for database 0",
            ),
            (
                "redis://a/+1",
                "does not end with the number of a database",
                "write a number from 0 to 65535 there, or nothing for database 0",
            ),
            (
                "redis://a/1?protocol=resp3",
                "says more than an address and a database",
                "write a URL such as redis://10.0.0.5:6379/0",
            ),
            (
                "redis+unix://redis.sock",
                "is not the path of a socket",
                "write a whole path, as in redis+unix:///run/redis.sock",
            ),
            (
                "redis://edge@a",
                "names a user",
                "write `user` and `password_file` beside `url`",
            ),
        ] {
            let wrong = parse(written).unwrap_err();
            assert_eq!(
                (wrong.message, wrong.hint.as_str()),
                (message, hint),
                "{written}"
            );
            assert!(!wrong.is_secret, "{written}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown_again() {
        for written in [
            "redis://:sesame@10.0.0.5",
            "redis://edge:sesame@10.0.0.5/1",
            "redis://edge:ses/ame@10.0.0.5",
            "redis://edge:ses@ame@10.0.0.5",
            "edge:sesame@10.0.0.5",
            "http://edge:sesame@10.0.0.5",
            "unix:///run/redis.sock?db=1&pass=sesame",
        ] {
            let wrong = parse(written).unwrap_err();
            assert_eq!(
                (wrong.message, wrong.is_secret),
                ("holds a password", true),
                "{written}"
            );
            let shown = without_credentials(written);
            assert!(!shown.contains("ses") && !shown.contains("ame"), "{shown}");
        }
    }
}
