//! Where traces are sent to, and of which requests.

use std::time::Duration;

use http::Uri;

use super::{
    file_path, server_tls,
    url::{self, Wrong, wrong},
};
use crate::config::{
    decode::Fields,
    model::{Follow, ServerTls, Tracing},
    nearest::did_you_mean,
    problem::{Located, Problem},
    table::{Key, Kind, Table},
    units::Percent,
};

const URL: &str = "a URL such as http://127.0.0.1:4318";
/// Where a collector takes spans, unless the URL says otherwise.
const PATH: &str = "/v1/traces";
/// By which collectors take gRPC, as a rule.
const GRPC: u16 = 4317;
const SERVICE: &str = "simplon";
const TIMEOUT: Duration = Duration::from_secs(5);
const QUEUE: usize = 2048;

pub(in crate::config) static TABLE: Table = Table {
    of: "tracing",
    keys: &[
        Key::required(
            "otlp",
            Kind::Text(URL),
            "a collector that takes OTLP by HTTP; spans go to /v1/traces unless it has a path",
        ),
        Key::new(
            "service",
            Kind::Text("a name"),
            "what this node is called there (service.name); default simplon",
        ),
        Key::new(
            "sample",
            Kind::Share,
            "of how many requests spans are sent, if no trusted proxy has decided it; default 100%",
        ),
        Key::new(
            "follow",
            Kind::Choice(&["any", "trusted", "none"]),
            "whose traces are gone on with: everybody's, those of trusted proxies, nobody's; default any",
        ),
        Key::new(
            "timeout",
            Kind::Duration(Duration::from_millis(100)..=Duration::from_secs(60)),
            "how long one request to the collector may take; default 5s",
        ),
        Key::new(
            "queue",
            Kind::Number(16..=65_536),
            "spans that may wait; what is beyond is dropped and counted; default 2048",
        ),
        Key::new(
            "ca",
            Kind::Text("the path of a PEM file"),
            "with https, a PEM file with the authorities to trust; default those of the system",
        ),
    ],
};

pub(super) fn read(top: &Fields<'_>) -> Option<Tracing> {
    let at = Located::new((), &top.entry("tracing")?.at);
    let fields = top.fields("tracing")?;
    let otlp = fields.text("otlp");
    let otlp = otlp.and_then(|written| endpoint(&fields, &written));
    let tls = otlp
        .as_ref()
        .map(|otlp| tls(&fields, otlp, &at))
        .unwrap_or_default();
    let (service, sample) = (service(&fields), fields.share("sample"));
    let follow = fields.choice("follow").map(|word| word.value);
    let (timeout, queue) = (fields.duration("timeout"), fields.count("queue"));
    Some(Tracing {
        at,
        otlp: otlp?,
        tls,
        service: service.unwrap_or_else(|| SERVICE.to_owned()),
        sample: sample.unwrap_or(Percent::new(100)),
        follow: match follow {
            Some("trusted") => Follow::Trusted,
            Some("none") => Follow::None,
            _ => Follow::Any,
        },
        timeout: timeout.unwrap_or(TIMEOUT),
        queue: queue.unwrap_or(QUEUE),
    })
}

fn service(fields: &Fields<'_>) -> Option<String> {
    let service = fields.text("service")?;
    if service.value.is_empty() {
        let hint = format!("write a name, or remove the key for {SERVICE}");
        let problem = Problem::error("\"service\" has no name").at_value(&service);
        fields.problems.push(problem.hint(hint));
        return None;
    }
    Some(service.value.to_owned())
}

/// Whom to trust where the URL asks for TLS.
fn tls(fields: &Fields<'_>, otlp: &Uri, at: &Located<()>) -> Option<ServerTls> {
    let ca = file_path(fields, "ca");
    if otlp.scheme_str() == Some("https") {
        let system = server_tls::trusting_the_system(at.clone());
        return Some(ServerTls { ca, ..system });
    }
    if let Some(entry) = fields.entry("ca") {
        fields.error(
            &entry.at,
            "\"ca\" needs an \"otlp\" that begins with https://",
            "write the URL with https://, or remove `ca`",
        );
    }
    None
}

fn endpoint(fields: &Fields<'_>, written: &Located<&str>) -> Option<Uri> {
    match parse(written.value) {
        Ok(uri) => {
            if uri.port_u16() == Some(GRPC) {
                let hint = "port 4318 is the one for HTTP, as a rule";
                let message = "at port 4317 collectors take OTLP by gRPC, and this is by HTTP";
                let warning = Problem::warning(message).at_value(written);
                fields.problems.push(warning.hint(hint));
            }
            Some(uri)
        }
        Err(wrong) => {
            let shown = match written.value.rsplit_once('@') {
                Some((_, place)) if wrong.is_secret => &format!("…@{place}"),
                _ => written.value,
            };
            wrong.tell(fields, written, shown);
            None
        }
    }
}

/// Reads `http://host:port/path` or the same with `https`; what is left out of port and path is the usual.
fn parse(written: &str) -> Result<Uri, Wrong> {
    if written.contains('@') {
        return Err(Wrong {
            is_secret: true,
            ..wrong(
                "holds credentials",
                "write the URL without them; a collector on this network can pass spans on with credentials of its own",
            )
        });
    }
    let (scheme, rest) = url::split(written, "http", |meant| parse(meant).is_ok(), URL)?;
    let usual = match scheme {
        "http" => 80,
        "https" => 443,
        _ => {
            let hint = did_you_mean(scheme, ["http", "https"]);
            let hint = hint.unwrap_or_else(|| "write http:// or https://".to_owned());
            return Err(wrong("is not the URL of a collector", hint));
        }
    };
    if rest.contains(['?', '#']) {
        return Err(wrong(
            "says more than an address and a path",
            format!("write {URL}"),
        ));
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    url::place(authority, usual)?;
    let path = if matches!(path, "" | "/") { PATH } else { path };
    let uri = format!("{scheme}://{authority}{path}").parse().ok();
    uri.ok_or_else(|| wrong("has no sound path", format!("write {URL}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_spans_are_posted() {
        for (written, posted) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/traces"),
            ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
            ("https://Otel.lan", "https://Otel.lan/v1/traces"),
            ("http://[::1]", "http://[::1]/v1/traces"),
            ("https://a.ch/api/otlp", "https://a.ch/api/otlp"),
            ("https://a.ch/otlp/", "https://a.ch/otlp/"),
        ] {
            assert_eq!(parse(written).unwrap().to_string(), posted, "{written}");
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused_with_what_to_write() {
        for (written, message, hint) in [
            (
                "127.0.0.1:4318",
                "is not a URL",
                "write http://127.0.0.1:4318",
            ),
            ("collector", "is not a URL", "write http://collector"),
            (
                "",
                "is not a URL",
                "write a URL such as http://127.0.0.1:4318",
            ),
            (
                "grpc://a:4317",
                "is not the URL of a collector",
                "write http:// or https://",
            ),
            (
                "htps://a",
                "is not the URL of a collector",
                "did you mean \"https\"?",
            ),
            ("http://", "has no host", "write 127.0.0.1:80"),
            ("http://a:0", "has port 0", "write a port from 1 to 65535"),
            (
                "http://a:x",
                "has no port",
                "a port is a number from 1 to 65535",
            ),
            (
                "http://10.0.0.300",
                "is not an IP address",
                "write four numbers of 0 to 255",
            ),
            (
                "http://a/b?key=1",
                "says more than an address and a path",
                "write a URL such as http://127.0.0.1:4318",
            ),
            (
                "http://a/#b",
                "says more than an address and a path",
                "write a URL such as http://127.0.0.1:4318",
            ),
            (
                "http://a/ b",
                "has no sound path",
                "write a URL such as http://127.0.0.1:4318",
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
    fn credentials_in_a_url_are_refused_and_their_line_is_not_shown() {
        for written in ["http://edge:sesame@a", "https://token@a/x", "edge:ses@me@a"] {
            let wrong = parse(written).unwrap_err();
            assert_eq!(
                (wrong.message, wrong.is_secret),
                ("holds credentials", true),
                "{written}"
            );
        }
    }
}
