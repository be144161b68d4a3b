//! An upstream as the last row of its table: its BACKEND, the sum of its servers.

use std::fmt::{Result, Write};

use super::{cells::last, sheet::Sheet, tips::Tip};
use crate::{
    admin::html::{Age, Bytes, Count},
    observe::{Total, UpstreamView},
};

/// What went to all of them, and what came back.
pub(super) fn write_row(sheet: &mut Sheet, upstream: &UpstreamView, now: u64) -> Result {
    let (flow, queue) = (&upstream.flow, &upstream.queue);
    sheet.add("<th scope=\"row\">BACKEND</th>");
    sheet.cell(Count(queue.now))?;
    sheet.cell(Count(queue.most))?;
    match queue.limit {
        Some(limit) => sheet.cell(Count(limit))?,
        None => sheet.blank(1)?,
    }
    sheet.cell(Count(flow.rate.now))?;
    sheet.cell(Count(flow.rate.max))?;
    sheet.blank(1)?;
    sheet.cell(Count(upstream.in_flight))?;
    sheet.cell(Count(upstream.most_in_flight))?;
    let total = upstream.total();
    match total.max_connections {
        Some(limit) => sheet.cell(Count(limit))?,
        None => sheet.blank(1)?,
    }
    sheet.told(Count(flow.requests()), &Tip::of_upstream(upstream))?;
    sheet.cell(Count(total.picks))?;
    last(sheet, flow, now)?;
    sheet.cell(Bytes(flow.bytes_in))?;
    sheet.told(Bytes(flow.bytes_out), &Tip::of_bytes(flow))?;
    sheet.cell(Count(flow.denied))?;
    sheet.blank(1)?;
    sheet.blank(1)?;
    sheet.cell(Count(flow.connect_errors))?;
    let broken = flow.response_errors.saturating_add(flow.server_aborts);
    sheet.told(Count(broken), &Tip::of_aborts(flow))?;
    sheet.cell(Count(upstream.retries))?;
    sheet.cell(Count(upstream.retries))?;
    write_server_columns(sheet, upstream, &total)
}

/// The columns of the group "Server".
fn write_server_columns(sheet: &mut Sheet, upstream: &UpstreamView, total: &Total) -> Result {
    let outages = &upstream.outages;
    let (class, state) = if total.is_up {
        ("", "UP")
    } else {
        (" down", "DOWN")
    };
    let since = Age(outages.changed_seconds_ago);
    write!(sheet, "<td class=\"word status{class}\">{since} {state}")?;
    sheet.blank(1)?;
    if total.weight == total.configured_weight {
        sheet.cell(total.weight)?;
    } else {
        write!(sheet, "<td>{}/{}", total.weight, total.configured_weight)?;
    }
    sheet.cell(total.active)?;
    sheet.cell(total.backups)?;
    sheet.blank(1)?;
    sheet.cell(Count(outages.count))?;
    sheet.cell(Age(outages.seconds))?;
    sheet.blank(1)
}
