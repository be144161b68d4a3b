//! The top of the page: which process this is, how it does, and how to look at it.

use std::fmt::{Display, Result, Write};

use super::{
    super::html::{Age, Bytes, Count, Escaped, Millis},
    Look, export, form, link, plot,
    sheet::Sheet,
};
use crate::admin::{
    query::Format,
    view::{ProcessView, Reload},
};

pub(super) fn write(sheet: &mut Sheet, process: &ProcessView, look: &Look) -> Result {
    write!(
        sheet,
        "<header>\n<h1>Simplon <small>{}</small></h1>\n<p class=\"where\">{} · process {}</p>\n",
        Escaped(&process.version),
        Escaped(&process.node),
        process.pid,
    )?;
    if look.query.norefresh {
        sheet.add("<p id=\"state\" class=\"state\">stands still</p>\n");
    } else {
        sheet.add("<p id=\"state\" class=\"state\" role=\"status\">every 5 s</p>\n");
    }
    write_options(sheet, look)?;
    sheet.add("</header>\n");
    Ok(())
}

/// As `HAProxy`'s "Display option".
fn write_options(sheet: &mut Sheet, look: &Look) -> Result {
    let query = &look.query;
    sheet.add("<nav aria-label=\"Display options\"><ul>");
    for (is_on, on, off, address) in [
        (
            query.hide_down,
            "Show all servers",
            "Hide servers that are down",
            link(look, |query| query.hide_down ^= true),
        ),
        (
            query.no_maint,
            "Show servers in maintenance",
            "Hide servers in maintenance",
            link(look, |query| query.no_maint ^= true),
        ),
        (
            query.norefresh,
            "Resume updates",
            "Pause updates",
            link(look, |query| query.norefresh ^= true),
        ),
    ] {
        let words = if is_on { on } else { off };
        write!(sheet, "<li><a href=\"{}\">{words}</a>", Escaped(&address))?;
    }
    for (words, address) in [
        ("CSV", export(look, Format::Csv)),
        ("JSON", export(look, Format::Json)),
        ("Metrics", "/metrics".to_owned()),
    ] {
        write!(sheet, "<li><a href=\"{}\">{words}</a>", Escaped(&address))?;
    }
    sheet.add("</ul>\n");
    // A form of GET drops what its action says after the question mark, but not the suffixes before it.
    let action = link(look, |query| query.scope.clear());
    writeln!(
        sheet,
        "<form class=\"scope\" role=\"search\" action=\"{}\"><label>Scope <input type=\"search\" name=\"scope\" value=\"{}\" \
         maxlength=\"20\" placeholder=\"part of a name\"></label> <button>Filter</button></form></nav>",
        Escaped(&action),
        Escaped(&query.scope),
    )
}

/// The cards, and the plots of the process as a whole.
pub(super) fn write_process(sheet: &mut Sheet, process: &ProcessView, look: &Look) -> Result {
    sheet.add("<section aria-labelledby=\"process-title\"><h2 id=\"process-title\">Process</h2>\n");
    sheet.part("process", ("dl", "class=\"cards\""), |sheet| {
        write_cards(sheet, process)
    })?;
    sheet.part("reload", ("div", "class=\"reload\""), |sheet| {
        write_message(sheet, &process.reload)
    })?;
    if look.may_act {
        form::write_reload(sheet);
    }
    sheet.part("plots", ("div", "class=\"plots\""), |sheet| {
        plot::write(sheet, &process.points)
    })?;
    sheet.add("</section>\n");
    Ok(())
}

fn write_cards(sheet: &mut Sheet, process: &ProcessView) -> Result {
    let rate = |rate: crate::observe::RateView| {
        let (now, max) = (Count(rate.now), Count(rate.max));
        (format!("{now}/s"), format!("max {max}/s"))
    };
    let (requests, most_requests) = rate(process.request_rate);
    let (connecting, most_connecting) = rate(process.connection_rate);
    let (shaking, most_shaking) = rate(process.handshake_rate);
    let of = |limit: Option<u64>, shown: &dyn Fn(u64) -> String| {
        limit.map_or_else(String::new, |limit| format!("of {}", shown(limit)))
    };
    let bytes = |bytes| Bytes(bytes).to_string();
    let count = |count| Count(count).to_string();
    let unknown = |amount: Option<String>| amount.unwrap_or_else(|| "–".to_owned());
    let workers = if process.workers == 1 {
        "worker"
    } else {
        "workers"
    };
    let state = if process.draining {
        "draining"
    } else {
        "running"
    };
    card(sheet, "Uptime", Age(process.uptime_seconds), state)?;
    write_generation(sheet, process)?;
    card(sheet, "Requests", requests, &most_requests)?;
    let so_far = format!("{} connections", Count(process.connections_total));
    card(
        sheet,
        "Requests so far",
        Count(process.requests_total),
        &so_far,
    )?;
    let took = process.last_minute.or(process.since_start);
    card(
        sheet,
        "Latency p99",
        unknown(took.map(|took| Millis(took.p99).to_string())),
        &took.map_or_else(String::new, |took| {
            format!("p50 {} · p95 {}", Millis(took.p50), Millis(took.p95))
        }),
    )?;
    card(
        sheet,
        "Connections",
        Count(process.connections),
        &of(Some(process.connections_limit), &count),
    )?;
    card(sheet, "New connections", connecting, &most_connecting)?;
    card(sheet, "TLS handshakes", shaking, &most_shaking)?;
    card(
        sheet,
        "Idle",
        format_args!("{} %", process.idle_percent),
        &format!("of {} {workers}", process.workers),
    )?;
    card(
        sheet,
        "Memory",
        unknown(process.memory_bytes.map(bytes)),
        &of(process.memory_limit_bytes, &bytes),
    )?;
    card(
        sheet,
        "Descriptors",
        unknown(process.descriptors.map(count)),
        &of(process.descriptors_limit, &count),
    )?;
    card(
        sheet,
        "Bytes out",
        Bytes(process.bytes_out),
        &format!("in {}", Bytes(process.bytes_in)),
    )?;
    if process.log_lines_dropped > 0 {
        let lost = Count(process.log_lines_dropped);
        card(sheet, "Log lines lost", lost, "of the access log")?;
    }
    Ok(())
}

fn write_generation(sheet: &mut Sheet, process: &ProcessView) -> Result {
    let (class, result) = if process.reload.succeeded {
        ("good", "✓ loaded")
    } else {
        ("bad", "✕ failed")
    };
    write!(
        sheet,
        "<div><dt>Configuration</dt><dd>{} <small>reload <span class=\"{class}\">{result}</span> {} ago</small></dd></div>\n",
        process.generation,
        Age(process.reload.seconds_ago),
    )
}

/// The report of a reload that failed, or what changed.
fn write_message(sheet: &mut Sheet, reload: &Reload) -> Result {
    if reload.message.is_empty() {
        return Ok(());
    }
    let class = if reload.succeeded { "" } else { "bad" };
    write!(
        sheet,
        "<p class=\"message {class}\">{}</p>",
        Escaped(&reload.message)
    )
}

fn card(sheet: &mut Sheet, name: &str, value: impl Display, more: &str) -> Result {
    writeln!(
        sheet,
        "<div><dt>{name}</dt><dd>{value} <small>{more}</small></dd></div>"
    )
}
