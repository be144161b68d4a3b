//! What is worth a look beside the tables: events, certificates, refusals, and whom limits stop.

use std::fmt::{Result, Write};

use super::{ROWS, left_out, open_panel, sheet::Sheet};
use crate::{
    admin::{
        StatsView,
        certificates::{CertificateRow, Health},
        html::{Count, Escaped},
        view::EventView,
    },
    limits::Limited,
};

pub(super) fn write(sheet: &mut Sheet, stats: &StatsView) -> Result {
    sheet.add("<div class=\"panels\">\n");
    open_panel(sheet, "events", "Recent events")?;
    let newest = stats.events.iter().map(|event| event.number).max();
    let attributes = format!(
        "class=\"inside events\" data-newest=\"{}\"",
        newest.unwrap_or(0)
    );
    boxed(sheet, "events", &attributes, |sheet| {
        write_events(sheet, &stats.events)
    })?;
    open_panel(sheet, "certificates", "Certificates")?;
    boxed(sheet, "certificates", INSIDE, |sheet| {
        write_certificates(sheet, &stats.certificates)
    })?;
    open_panel(sheet, "refusals", "Refusals")?;
    boxed(sheet, "refusals", INSIDE, |sheet| {
        write_refusals(sheet, &stats.refusals)
    })?;
    open_panel(sheet, "limited", "Most limited clients")?;
    boxed(sheet, "limited", INSIDE, |sheet| {
        write_limited(sheet, &stats.limited)
    })?;
    sheet.add("</div>\n");
    Ok(())
}

const INSIDE: &str = "class=\"inside\"";

/// The inside of a panel, which scrolls by itself, and its end.
fn boxed(
    sheet: &mut Sheet,
    id: &str,
    attributes: &str,
    write: impl FnOnce(&mut Sheet) -> Result,
) -> Result {
    let attributes =
        format!("{attributes} tabindex=\"0\" role=\"group\" aria-labelledby=\"{id}-title\"");
    sheet.part(id, ("div", &attributes), write)?;
    sheet.add("</section>\n");
    Ok(())
}

/// The newest first.
fn write_events(sheet: &mut Sheet, events: &[EventView]) -> Result {
    if events.is_empty() {
        sheet.add("<p class=\"faint\">Nothing so far.</p>");
        return Ok(());
    }
    sheet.add("<ol>");
    for event in events.iter().rev() {
        let second = event.at / 1000 % 86_400;
        let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            sheet,
            "<li data-number=\"{}\"><time>{hours:02}:{minutes:02}:{seconds:02}</time> <b class=\"level {}\">{}</b> <span>{}</span>",
            event.number,
            Escaped(&event.level),
            Escaped(&event.level),
            Escaped(&event.text),
        )?;
        if event.count > 1 {
            write!(sheet, " <small>× {}</small>", Count(event.count))?;
        }
    }
    sheet.add("</ol><p class=\"faint\">Times are UTC.</p>");
    Ok(())
}

fn write_certificates(sheet: &mut Sheet, certificates: &[CertificateRow]) -> Result {
    if certificates.is_empty() {
        sheet.add("<p class=\"faint\">None: no listener speaks TLS.</p>");
        return Ok(());
    }
    head(
        sheet,
        "What clients are shown",
        &["Hosts", "Expires", "Next"],
    )?;
    let mut shown: Vec<&CertificateRow> = certificates.iter().collect();
    // What is wrong is not to be among those that are left out.
    shown.sort_by_key(|row| std::cmp::Reverse(row.health));
    for row in shown.into_iter().take(ROWS) {
        let (class, sign) = match row.health {
            Health::Good => ("good", "●"),
            Health::Ageing => ("warn", "▼"),
            Health::Bad => ("bad", "✕"),
        };
        let default = if row.default {
            "<span class=\"badge\">default</span>"
        } else {
            ""
        };
        writeln!(
            sheet,
            "<tr><th scope=\"row\">{}{default}<small>{} · {} · {}</small></th>\
             <td class=\"{class}\"><span aria-hidden=\"true\">{sign}</span> {}<td>{}",
            Escaped(&row.hosts.join(", ")),
            Escaped(&row.from),
            Escaped(&row.issued_by),
            Escaped(&row.key),
            Escaped(&row.expires),
            Escaped(&row.next),
        )?;
        for note in &row.notes {
            writeln!(
                sheet,
                "<tr><td colspan=\"3\" class=\"note {class}\">{}",
                Escaped(note)
            )?;
        }
    }
    sheet.add("</table>");
    left_out(sheet, certificates.len())
}

fn write_refusals(sheet: &mut Sheet, refusals: &[(String, u64)]) -> Result {
    if refusals.is_empty() {
        sheet.add("<p class=\"faint\">None so far.</p>");
        return Ok(());
    }
    head(
        sheet,
        "What the proxy answered for itself",
        &["Why", "Times"],
    )?;
    let mut shown: Vec<_> = refusals.iter().collect();
    shown.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (label, count) in shown.into_iter().take(ROWS) {
        writeln!(
            sheet,
            "<tr><th scope=\"row\">{}</th><td class=\"number\">{}",
            Escaped(label),
            Count(*count)
        )?;
    }
    sheet.add("</table>");
    left_out(sheet, refusals.len())
}

fn write_limited(sheet: &mut Sheet, limited: &[Limited]) -> Result {
    if limited.is_empty() {
        sheet.add("<p class=\"faint\">Nobody in the last minutes.</p>");
        return Ok(());
    }
    head(
        sheet,
        "In the last minutes; headers and cookies by a hash",
        &["Who", "Limit", "Times"],
    )?;
    for row in limited {
        writeln!(
            sheet,
            "<tr><th scope=\"row\">{}</th><td>{} <small>{}</small><td class=\"number\">{}",
            Escaped(&row.subject),
            Escaped(&row.limit),
            row.policy.as_str(),
            Count(row.count),
        )?;
    }
    sheet.add("</table>");
    Ok(())
}

fn head(sheet: &mut Sheet, caption: &str, columns: &[&str]) -> Result {
    write!(sheet, "<table><caption>{caption}</caption><thead><tr>")?;
    for column in columns {
        let class = if *column == "Times" {
            " class=\"number\""
        } else {
            ""
        };
        write!(sheet, "<th scope=\"col\"{class}>{column}</th>")?;
    }
    sheet.add("<tbody>\n");
    Ok(())
}
