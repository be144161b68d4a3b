//! The table of listeners: a FRONTEND each, with `HAProxy`'s columns.

use std::fmt::{Result, Write};

use super::{Look, ROWS, cells::last, columns, left_out, sheet::Sheet, tips::Tip};
use crate::admin::{
    ListenerView,
    html::{Bytes, Count, Escaped},
    view::ProcessView,
};

pub(super) fn write(
    sheet: &mut Sheet,
    listeners: &[ListenerView],
    process: &ProcessView,
    look: &Look,
) -> Result {
    let shown = || {
        let all = listeners.iter().enumerate();
        all.filter(|(_, listener)| look.query.shows(&listener.name))
    };
    sheet.add(
        "<section aria-labelledby=\"listeners\"><h2 id=\"listeners\">Listeners</h2>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Table of listeners\"><table class=\"wide\">\
         <caption class=\"unseen\">What comes in, a FRONTEND each</caption>",
    );
    columns::write(sheet, "Listener")?;
    for (index, listener) in shown().take(ROWS) {
        sheet.part(
            format_args!("l{index}"),
            ("tr", "class=\"total\""),
            |sheet| write_row(sheet, listener, process),
        )?;
    }
    sheet.add("</table></div>\n");
    left_out(sheet, shown().count())?;
    sheet.add("</section>\n");
    Ok(())
}

fn write_row(sheet: &mut Sheet, listener: &ListenerView, process: &ProcessView) -> Result {
    let flow = &listener.flow;
    write!(
        sheet,
        "<th scope=\"row\">{}<small>FRONTEND · {} · {}</small></th>",
        Escaped(&listener.name),
        Escaped(&listener.addresses.join(", ")),
        Escaped(&listener.protocol),
    )?;
    sheet.blank(3)?;
    sheet.told(Count(listener.rate.now), &Tip::of_rates(listener))?;
    sheet.cell(Count(listener.rate.max))?;
    sheet.blank(1)?;
    for count in [listener.current, listener.most, listener.limit] {
        sheet.cell(Count(count))?;
    }
    sheet.told(Count(listener.total), &Tip::of_listener(listener))?;
    sheet.blank(1)?;
    last(sheet, flow, process.now)?;
    sheet.cell(Bytes(flow.bytes_in))?;
    sheet.told(Bytes(flow.bytes_out), &Tip::of_bytes(flow))?;
    sheet.cell(Count(flow.denied))?;
    sheet.blank(1)?;
    sheet.told(Count(flow.request_errors), &Tip::of_aborts(flow))?;
    sheet.blank(2)?;
    sheet.blank(2)?;
    let status = match (process.draining, listener.full) {
        (true, _) => "STOP",
        (false, true) => "FULL",
        (false, false) => "OPEN",
    };
    write!(sheet, "<td class=\"word status\">{status}")?;
    sheet.blank(8)
}
