//! The cookie that keeps a client on its server.

use std::time::Duration;

use http::HeaderName;

use crate::config::{
    decode::Fields,
    model::{SameSite, Secure, Sticky},
    problem::{Located, Problem, quoted},
    table::{Key, Kind, Table},
};

/// Browsers keep no cookie for longer.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// Letters of a name, or of a path, at most.
const LONGEST_TEXT: usize = 256;

pub(super) static TABLE: Table = Table {
    of: "sticky",
    keys: &[
        Key::required(
            "cookie",
            Kind::Text("the name of a cookie"),
            "the name of the cookie; one that nothing else on the host sets, no other upstream either",
        ),
        Key::new(
            "max_age",
            Kind::Duration(Duration::from_secs(1)..=LONGEST),
            "how long a browser keeps it after the server was chosen; default until the browser ends",
        ),
        Key::new(
            "path",
            Kind::Text("a path such as /"),
            "below which a browser sends it; default /",
        ),
        Key::new(
            "same_site",
            Kind::Choice(&["lax", "strict", "none"]),
            "whether it is sent with requests of other sites; default lax; none is for HTTPS alone",
        ),
        Key::new(
            "secure",
            Kind::Choice(&["auto", "always", "never"]),
            "whether it is sent with HTTPS alone; default auto: if it was set by HTTPS",
        ),
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Option<Sticky> {
    // All are read, whatever the first gives, so that all problems are found.
    let (cookie, path) = (cookie(fields), path(fields));
    let same_site = match fields.choice("same_site").map(|choice| choice.value) {
        Some("strict") => SameSite::Strict,
        Some("none") => SameSite::None,
        _ => SameSite::Lax,
    };
    let secure = fields.choice("secure");
    if let (SameSite::None, Some(never)) = (
        same_site,
        secure.as_ref().filter(|said| said.value == "never"),
    ) {
        let problem = Problem::error("browsers take no cookie for other sites that is not secure");
        let hint = "remove `secure`, or write `same_site: lax`";
        fields.problems.push(problem.at_value(never).hint(hint));
    }
    Some(Sticky {
        cookie: cookie?,
        max_age: fields.duration("max_age"),
        path: path?,
        secure: match secure.map(|choice| choice.value) {
            Some("always") => Secure::Always,
            Some("never") => Secure::Never,
            _ => Secure::Auto,
        },
        same_site,
    })
}

/// A token, as the name of a header is, in which upper and lower case differ (RFC 6265 section 4.1.1).
fn cookie(fields: &Fields<'_>) -> Option<Box<str>> {
    let written = fields.text("cookie")?;
    let name = written.value;
    if name.len() <= LONGEST_TEXT && HeaderName::from_bytes(name.as_bytes()).is_ok() {
        return Some(name.into());
    }
    let message = format!("{} is no name of a cookie", quoted(name));
    refuse(
        fields,
        &written,
        message,
        "write letters, digits, - and _, such as simplon",
    )
}

fn path(fields: &Fields<'_>) -> Option<Box<str>> {
    let Some(written) = fields.text("path") else {
        return Some("/".into());
    };
    let path = written.value;
    let is_plain = path.bytes().all(|b| b.is_ascii_graphic() && b != b';');
    if path.starts_with('/') && is_plain && path.len() <= LONGEST_TEXT {
        return Some(path.into());
    }
    let message = format!("{} is no path of a cookie", quoted(path));
    let hint = "write a path that begins with / and has neither blanks nor semicolons";
    refuse(fields, &written, message, hint)
}

fn refuse(
    fields: &Fields<'_>,
    written: &Located<&str>,
    message: String,
    hint: &str,
) -> Option<Box<str>> {
    let problem = Problem::error(message).at_value(written);
    fields.problems.push(problem.hint(hint));
    None
}
