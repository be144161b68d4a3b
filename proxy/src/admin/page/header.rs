//! The top of the page: which process this is, and how to look at it.

use std::fmt::{Result, Write};

use super::{
    super::{html::Escaped, query::Format, view::ProcessView},
    Look, export, link,
    sheet::Sheet,
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
