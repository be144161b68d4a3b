//! Challenges: how we show a CA that a host is ours.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::refuse_doubles;
use crate::config::{
    decode::{Fields, text},
    model::{Challenge, DnsHook, Propagation},
    nearest::nearest,
    problem::{Located, Problem, quoted},
    raw::{Node, Value},
    table::{Key, Kind, Table},
};

/// Those that can stand alone.
pub(super) const WORDS: [&str; 2] = ["http-01", "tls-alpn-01"];
const ALL: [&str; 3] = ["http-01", "tls-alpn-01", "dns-01"];
const EXAMPLE: &str = "write `challenge: { dns-01: { command: [./dns-hook] } }`";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

pub(super) static TABLE: Table = Table {
    of: "a challenge",
    keys: &[Key::required(
        "dns-01",
        Kind::Mapping(&DNS),
        "by a record in the DNS, the only one for wildcards",
    )],
};

static DNS: Table = Table {
    of: "dns-01",
    keys: &[
        Key::required(
            "command",
            Kind::OneOrMore("a program and its arguments, as in [./dns-hook, --zone, example.ch]"),
            "what sets and clears a record: called with `present NAME VALUE` and `cleanup NAME VALUE`",
        ),
        Key::new(
            "timeout",
            Kind::Duration(SECOND..=HOUR),
            "of one call; default 2m",
        ),
        Key::new(
            "propagation",
            Kind::Mapping(&PROPAGATION),
            "how we make sure that the CA will see a record",
        ),
    ],
};

static PROPAGATION: Table = Table {
    of: "propagation",
    keys: &[
        Key::new(
            "servers",
            Kind::AnyNumber("an address such as \"127.0.0.1:53\""),
            "name servers to ask; default those of the zone",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::ZERO..=HOUR),
            "how long it may take, 0s does not look; default 5m",
        ),
        Key::new(
            "delay",
            Kind::Duration(Duration::ZERO..=HOUR),
            "a rest after the record was seen; default 0s",
        ),
    ],
};

/// What stands under `challenge`, in its order; nothing if the key is left out.
pub(super) fn read(fields: &Fields<'_>) -> Vec<Located<Challenge>> {
    let nodes = fields.list("challenge").unwrap_or_default();
    let found: Vec<_> = nodes
        .iter()
        .filter_map(|node| Some((challenge(node, fields)?, &node.span)))
        .collect();
    let words: Vec<_> = found
        .iter()
        .map(|(challenge, at)| (word(challenge), *at))
        .collect();
    refuse_doubles(
        words.iter().map(|(word, at)| (word, *at)),
        |word| quoted(word),
        fields.problems,
    );
    found
        .into_iter()
        .map(|(challenge, at)| Located::new(challenge, at))
        .collect()
}

/// As it is written.
pub(in crate::config) fn word(challenge: &Challenge) -> &'static str {
    match challenge {
        Challenge::Http01 => "http-01",
        Challenge::TlsAlpn01 => "tls-alpn-01",
        Challenge::Dns01(_) => "dns-01",
    }
}

fn challenge<'a>(node: &'a Node, issuer: &Fields<'a>) -> Option<Challenge> {
    let problems = issuer.problems;
    if let Value::Map(_) = node.value {
        let fields = issuer.item("challenge", node)?;
        return hook(&fields.fields("dns-01")?).map(Challenge::Dns01);
    }
    let written = text(node, "challenge", &ALL.join(", "), problems)?;
    let (message, hint) = match written.value {
        "http-01" => return Some(Challenge::Http01),
        "tls-alpn-01" => return Some(Challenge::TlsAlpn01),
        "dns-01" => ("\"dns-01\" needs a command".to_owned(), EXAMPLE.to_owned()),
        other => (
            format!("there is no challenge {}", quoted(other)),
            nearest(other, ALL).map_or_else(
                || format!("the challenges are {}", ALL.join(", ")),
                |known| format!("did you mean {}?", quoted(known)),
            ),
        ),
    };
    problems.push(Problem::error(message).at(&node.span).hint(hint));
    None
}

fn hook(fields: &Fields<'_>) -> Option<DnsHook> {
    let timeout = fields.duration("timeout").unwrap_or(2 * MINUTE);
    let none = || Propagation {
        servers: Vec::new(),
        timeout: 5 * MINUTE,
        delay: Duration::ZERO,
    };
    let propagation = fields
        .fields("propagation")
        .map_or_else(none, |fields| Propagation {
            servers: servers(&fields),
            timeout: fields.duration("timeout").unwrap_or(none().timeout),
            delay: fields.duration("delay").unwrap_or(none().delay),
        });
    let (command, directory) = command(fields)?;
    Some(DnsHook {
        command,
        directory,
        timeout,
        propagation,
    })
}

/// The command, and the directory of the file that names it.
fn command(fields: &Fields<'_>) -> Option<(Vec<String>, PathBuf)> {
    let nodes = fields.list("command")?;
    let words: Vec<_> = nodes
        .iter()
        .map(|node| text(node, "command", "a program or an argument", fields.problems))
        .collect::<Option<_>>()?;
    let program = words.first()?;
    let fault = if words.iter().any(|word| word.value.contains('\0')) {
        "an argument cannot hold a zero byte"
    } else if program.value.trim().is_empty() {
        "\"command\" begins with nothing"
    } else {
        ""
    };
    if !fault.is_empty() {
        fields.problems.push(
            Problem::error(fault)
                .at_value(program)
                .hint("write a program and its arguments, as in [./dns-hook, --zone, example.ch]"),
        );
        return None;
    }
    if let (1, Some((head, _))) = (words.len(), program.value.split_once(' ')) {
        fields.problems.push(
            Problem::warning(format!(
                "{} is taken for the name of one program",
                quoted(program.value)
            ))
            .at_value(program)
            .hint(format!("write its arguments apart: [{head}, …]")),
        );
    }
    // The parent of a bare file name is the empty path, which no process can be started in.
    let parent = program.span.as_ref().and_then(|span| span.file.parent());
    let directory = parent.filter(|parent| !parent.as_os_str().is_empty());
    let words = words.iter().map(|word| word.value.to_owned()).collect();
    Some((words, directory.unwrap_or(Path::new(".")).to_owned()))
}

fn servers(fields: &Fields<'_>) -> Vec<SocketAddr> {
    const DNS_PORT: u16 = 53;
    let nodes = fields.list("servers").unwrap_or_default();
    nodes
        .iter()
        .filter_map(|node| {
            let what = "an address such as \"127.0.0.1:53\"";
            let written = text(node, "servers", what, fields.problems)?;
            let alone = written.value.parse::<IpAddr>();
            let address = alone
                .map(|ip| SocketAddr::new(ip, DNS_PORT))
                .or_else(|_| written.value.parse());
            match address {
                Ok(address) if address.port() != 0 => Some(address),
                _ => {
                    fields.error(
                        &node.span,
                        format!(
                            "{} is not the address of a name server",
                            quoted(written.value)
                        ),
                        "write 127.0.0.1:53, \"[::1]:53\", or an IP address alone",
                    );
                    None
                }
            }
        })
        .collect()
}
