//! The stats page: plain HTML, rendered here, without a script or anything from elsewhere.

use std::{
    fmt::{Result, Write},
    time::Duration,
};

use super::{
    certificates::{CertificateRow, Health},
    html::{Escaped, Span},
    view::{ListenerView, ProcessView, RouteView, StatsView},
};
use crate::{
    limits::Limited,
    observe::{ServerView, UpstreamView, meters::CLASSES, servers::FAILURES},
};

/// The page's style sheet, served beside it.
pub(super) const STYLE: &str = include_str!("page.css");

/// Rows of one table; a page is for eyes, `/metrics` has the rest.
const ROWS: usize = 500;

/// The whole page. All text that is not ours is escaped.
pub(super) fn render(stats: &StatsView) -> String {
    let mut page = String::with_capacity(16 << 10);
    // Writing to memory cannot fail.
    let _ = write_page(&mut page, stats);
    page
}

fn write_page(page: &mut String, stats: &StatsView) -> Result {
    let StatsView {
        process,
        listeners,
        certificates,
        upstreams,
        limited,
        refusals: _,
        routes,
    } = stats;
    let servers = upstreams.iter().flat_map(|upstream| &upstream.servers);
    let (up, all) = servers.fold((0, 0), |(up, all), server| {
        (up + usize::from(server.up && !server.ejected), all + 1)
    });
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"5\">\n\
         <title>Simplon: {up} of {all} servers up</title>\n\
         <link rel=\"stylesheet\" href=\"/stats.css\">\n</head>\n<body>\n"
    )?;
    write_process(page, process)?;
    page.push_str("<main>\n<h2>Upstreams</h2>\n");
    for upstream in upstreams {
        write_upstream(page, upstream)?;
    }
    page.push_str("<h2>Listeners</h2>\n");
    write_listeners(page, listeners)?;
    if !certificates.is_empty() {
        page.push_str("<h2>Certificates</h2>\n");
        write_certificates(page, certificates)?;
    }
    if !limited.is_empty() {
        page.push_str("<h2>Limits</h2>\n");
        write_limited(page, limited)?;
    }
    page.push_str("<h2>Routes</h2>\n");
    write_routes(page, routes)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(())
}

fn write_process(page: &mut String, process: &ProcessView) -> Result {
    let ProcessView {
        version,
        pid,
        uptime_seconds,
        generation,
        reload,
        connections,
        ..
    } = process;
    let (class, result) = if reload.succeeded {
        ("up", "✓ loaded")
    } else {
        ("down", "✕ failed")
    };
    write!(
        page,
        "<header>\n<h1>Simplon</h1>\n<dl>\n\
         <div><dt>Version</dt><dd>{}</dd></div>\n\
         <div><dt>Process</dt><dd>{pid}</dd></div>\n\
         <div><dt>Running for</dt><dd>{}</dd></div>\n\
         <div><dt>Connections</dt><dd>{connections}</dd></div>\n\
         <div><dt>Configuration in use</dt><dd>{generation}</dd></div>\n\
         <div><dt>Last reload</dt><dd><span class=\"{class}\">{result}</span> {} ago</dd></div>\n\
         </dl>\n",
        Escaped(version),
        Span(Duration::from_secs(*uptime_seconds)),
        Span(Duration::from_secs(reload.seconds_ago)),
    )?;
    if !reload.message.is_empty() {
        let message = Escaped(&reload.message);
        writeln!(page, "<p class=\"message {class}\">{message}</p>")?;
    }
    page.push_str("</header>\n");
    Ok(())
}

fn write_upstream(page: &mut String, upstream: &UpstreamView) -> Result {
    let name = Escaped(&upstream.name);
    let panic = if upstream.panic {
        "<span class=\"badge down\">fewer than half are healthy, all are used</span>"
    } else {
        ""
    };
    open_table(
        page,
        &format!("{name} {panic}"),
        &["Server", "State"],
        &["Weight", "In flight", "Limit", "Picks", "Successes"],
    )?;
    // The kinds of failure share the meaning of their first column.
    for kind in FAILURES {
        write!(
            page,
            "<th scope=\"col\" class=\"number\">Failed: {kind}</th>"
        )?;
    }
    page.push_str("<th scope=\"col\">Last check</th><th scope=\"col\">Changed</th>");
    open_body(page);
    for server in upstream.servers.iter().take(ROWS) {
        write_server(page, server)?;
    }
    close_table(page, upstream.servers.len())
}

fn write_server(page: &mut String, server: &ServerView) -> Result {
    let (class, sign) = appearance(server);
    write!(
        page,
        "<tr><th scope=\"row\">{}</th><td class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {}",
        Escaped(&server.name),
        Escaped(&server.state),
    )?;
    if server.ejected {
        page.push_str("<span class=\"badge\">ejected</span>");
    }
    if server.backup {
        page.push_str("<span class=\"badge\">backup</span>");
    }
    page.push_str("</td>");
    number(page, server.weight)?;
    number(page, server.in_flight)?;
    match server.max_connections {
        Some(limit) => number(page, limit)?,
        None => page.push_str("<td class=\"number faint\">none</td>"),
    }
    number(page, server.picks)?;
    number(page, server.successes)?;
    for failures in server.failures {
        number(page, failures)?;
    }
    writeln!(
        page,
        "<td>{}</td><td>{} ago</td></tr>",
        Escaped(server.check.as_ref().map_or("", |check| &check.text)),
        Span(Duration::from_secs(server.changed_seconds_ago)),
    )
}

/// Class and sign of a server's state. The sign differs by shape, so that colour is never needed.
fn appearance(server: &ServerView) -> (&'static str, &'static str) {
    let is_changing = server.state.contains('/');
    match (server.ejected, is_changing, server.up) {
        (true, _, _) => ("ejected", "⏏"),
        (false, true, true) => ("changing", "▼"),
        (false, true, false) => ("changing", "▲"),
        (false, false, true) if server.check.is_none() => ("unchecked", "○"),
        (false, false, true) => ("up", "●"),
        (false, false, false) => ("down", "✕"),
    }
}

fn write_listeners(page: &mut String, listeners: &[ListenerView]) -> Result {
    open_table(
        page,
        "Connections of clients",
        &["Listener", "Addresses", "Speaks"],
        &["Now", "Let in", "Turned away"],
    )?;
    open_body(page);
    for listener in listeners.iter().take(ROWS) {
        write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
            Escaped(&listener.name),
            Escaped(&listener.addresses.join(", ")),
            Escaped(&listener.protocol),
        )?;
        for count in [listener.current, listener.total, listener.refused] {
            number(page, count)?;
        }
        page.push_str("</tr>\n");
    }
    close_table(page, listeners.len())
}

fn write_certificates(page: &mut String, certificates: &[CertificateRow]) -> Result {
    open_table(
        page,
        "What clients are shown",
        &["Hosts", "From", "Issued by", "Key", "Expires", "Next"],
        &[],
    )?;
    open_body(page);
    let mut shown: Vec<&CertificateRow> = certificates.iter().collect();
    if shown.len() > ROWS {
        // What is wrong is not to be among those that are left out.
        shown.sort_by_key(|row| std::cmp::Reverse(row.health));
    }
    for row in shown.into_iter().take(ROWS) {
        let (class, sign) = match row.health {
            Health::Good => ("up", "●"),
            Health::Ageing => ("changing", "▼"),
            Health::Bad => ("down", "✕"),
        };
        let default = if row.default {
            "<span class=\"badge\">default</span>"
        } else {
            ""
        };
        writeln!(
            page,
            "<tr><th scope=\"row\" class=\"wrap\">{}{default}</th><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {}</td><td>{}</td></tr>",
            Escaped(&row.hosts.join(", ")),
            Escaped(&row.from),
            Escaped(&row.issued_by),
            Escaped(&row.key),
            Escaped(&row.expires),
            Escaped(&row.next),
        )?;
        for note in &row.notes {
            writeln!(
                page,
                "<tr><td colspan=\"6\"><p class=\"note {class}\">{}</p></td></tr>",
                Escaped(note)
            )?;
        }
    }
    close_table(page, certificates.len())
}

fn write_limited(page: &mut String, limited: &[Limited]) -> Result {
    open_table(
        page,
        "Most limited in the last minutes; of headers and cookies a hash is shown",
        &["Who", "Policy", "Limit"],
        &["Times"],
    )?;
    open_body(page);
    for row in limited {
        write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>",
            Escaped(&row.subject),
            row.policy.as_str(),
            Escaped(&row.limit),
        )?;
        number(page, row.count)?;
        page.push_str("</tr>\n");
    }
    close_table(page, limited.len())
}

fn write_routes(page: &mut String, routes: &[RouteView]) -> Result {
    open_table(
        page,
        "Requests so far, by class of status",
        &["Route", "Upstream"],
        &["All"],
    )?;
    for class in CLASSES {
        write!(page, "<th scope=\"col\" class=\"number\">{class}</th>")?;
    }
    open_body(page);
    for row in routes.iter().take(ROWS) {
        write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td>",
            Escaped(&row.route),
            Escaped(&row.upstream),
        )?;
        number(page, row.requests.iter().sum::<u64>())?;
        for count in row.requests {
            number(page, count)?;
        }
        page.push_str("</tr>\n");
    }
    close_table(page, routes.len())
}

/// A table up to the end of its first headings; more may follow before [`open_body`]. The caption is
/// HTML. The table scrolls sideways in its own box, which the keyboard can reach.
fn open_table(page: &mut String, caption: &str, words: &[&str], numbers: &[&str]) -> Result {
    write!(
        page,
        "<div class=\"scroll\" tabindex=\"0\"><table>\n<caption>{caption}</caption>\n<thead><tr>"
    )?;
    for heading in words {
        write!(page, "<th scope=\"col\">{heading}</th>")?;
    }
    for heading in numbers {
        write!(page, "<th scope=\"col\" class=\"number\">{heading}</th>")?;
    }
    Ok(())
}

fn open_body(page: &mut String) {
    page.push_str("</tr></thead>\n<tbody>\n");
}

fn close_table(page: &mut String, rows: usize) -> Result {
    page.push_str("</tbody>\n</table></div>\n");
    if let Some(left_out) = rows.checked_sub(ROWS + 1) {
        let left_out = left_out + 1;
        writeln!(
            page,
            "<p class=\"faint\">{left_out} more are in <a href=\"/metrics\">/metrics</a>.</p>"
        )?;
    }
    Ok(())
}

fn number(page: &mut String, value: impl Into<u64>) -> Result {
    write!(page, "<td class=\"number\">{}</td>", value.into())
}
