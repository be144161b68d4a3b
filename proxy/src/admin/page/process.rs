//! How the process as a whole does: cards with its figures, the last reload, and plots.

use std::fmt::{Display, Result, Write};

use super::{Look, form, plot, sheet::Sheet};
use crate::{
    admin::{
        html::{Age, Bytes, Count, Escaped, Millis},
        view::{ProcessView, Reload},
    },
    observe::RateView,
};

/// The cards, and the plots of the process as a whole.
pub(super) fn write(sheet: &mut Sheet, process: &ProcessView, look: &Look) -> Result {
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
    let state = if process.draining {
        "draining"
    } else {
        "running"
    };
    card(sheet, "Uptime", Age(process.uptime_seconds), state)?;
    write_generation(sheet, process)?;
    rate_card(sheet, "Requests", process.request_rate)?;
    let s = if process.connections_total == 1 {
        ""
    } else {
        "s"
    };
    let connections = format!("{} connection{s}", Count(process.connections_total));
    let requests = Count(process.requests_total);
    card(sheet, "Requests so far", requests, &connections)?;
    let took = process.last_minute.or(process.since_start);
    let (p99, others) = took.map_or_else(Default::default, |took| {
        let (p50, p95, p99) = (Millis(took.p50), Millis(took.p95), Millis(took.p99));
        (p99.to_string(), format!("p50 {p50} · p95 {p95}"))
    });
    card(sheet, "Latency p99", known(p99), &others)?;
    let limit = format!("of {}", Count(process.connections_limit));
    card(sheet, "Connections", Count(process.connections), &limit)?;
    rate_card(sheet, "New connections", process.connection_rate)?;
    rate_card(sheet, "TLS handshakes", process.handshake_rate)?;
    write_means(sheet, process)
}

/// What the process lives on.
fn write_means(sheet: &mut Sheet, process: &ProcessView) -> Result {
    let s = if process.workers == 1 { "" } else { "s" };
    let workers = format!("of {} worker{s}", process.workers);
    let idle = format!("{} %", process.idle_percent);
    card(sheet, "Idle", idle, &workers)?;
    let bytes = |bytes: Option<u64>| bytes.map(|bytes| Bytes(bytes).to_string());
    let count = |count: Option<u64>| count.map(|count| Count(count).to_string());
    for (name, now, limit) in [
        (
            "Memory",
            bytes(process.memory_bytes),
            bytes(process.memory_limit_bytes),
        ),
        (
            "Descriptors",
            count(process.descriptors),
            count(process.descriptors_limit),
        ),
    ] {
        let limit = limit.map_or_else(String::new, |limit| format!("of {limit}"));
        card(sheet, name, known(now.unwrap_or_default()), &limit)?;
    }
    let taken = format!("in {}", Bytes(process.bytes_in));
    card(sheet, "Bytes out", Bytes(process.bytes_out), &taken)?;
    if process.log_lines_dropped > 0 {
        let lost = Count(process.log_lines_dropped);
        card(sheet, "Log lines lost", lost, "of the access log")?;
    }
    Ok(())
}

fn known(value: String) -> String {
    if value.is_empty() {
        "–".to_owned()
    } else {
        value
    }
}

fn rate_card(sheet: &mut Sheet, name: &str, rate: RateView) -> Result {
    let most = format!("max {}/s", Count(rate.max));
    card(sheet, name, format!("{}/s", Count(rate.now)), &most)
}

fn write_generation(sheet: &mut Sheet, process: &ProcessView) -> Result {
    let (class, result) = if process.reload.succeeded {
        ("good", "✓ loaded")
    } else {
        ("bad", "✕ failed")
    };
    writeln!(
        sheet,
        "<div><dt>Configuration</dt><dd>{} <small>reload <span class=\"{class}\">{result}</span> {} ago</small></dd></div>",
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
