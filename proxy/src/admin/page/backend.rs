//! An upstream as the last row of its table: its BACKEND, the sum of its servers.

use std::fmt::{Result, Write};

use super::{
    cells::{flow_errors, last},
    sheet::Sheet,
    tips::Tip,
};
use crate::{
    admin::html::{Age, Bytes, Count},
    observe::{ServerView, UpstreamView},
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
    sheet.blank(1)?;
    sheet.told(Count(flow.requests()), &Tip::of_upstream(upstream))?;
    let picks = upstream.servers.iter().map(|server| server.picks);
    sheet.cell(Count(picks.sum()))?;
    last(sheet, flow, now)?;
    sheet.cell(Bytes(flow.bytes_in))?;
    sheet.told(Bytes(flow.bytes_out), &Tip::of_bytes(flow))?;
    sheet.cell(Count(flow.denied))?;
    sheet.blank(1)?;
    flow_errors(sheet, flow, false)?;
    sheet.cell(Count(upstream.retries))?;
    sheet.blank(1)?;
    write_server_columns(sheet, upstream)
}

/// The columns of the group "Server", summed up.
fn write_server_columns(sheet: &mut Sheet, upstream: &UpstreamView) -> Result {
    let up = || upstream.servers.iter().filter(|server| server.usable);
    let is_up = upstream.panic || up().next().is_some();
    if is_up {
        sheet.add("<td class=\"word status\">UP");
    } else {
        sheet.add("<td class=\"word status none\">DOWN");
    }
    sheet.blank(1)?;
    let in_force: u32 = up().map(|server| server.weight).sum();
    let configured: u32 = upstream
        .servers
        .iter()
        .map(|server| server.configured_weight)
        .sum();
    write!(sheet, "<td>{in_force}/{configured}")?;
    let backups = up().filter(|server| server.backup).count();
    sheet.cell(up().count() - backups)?;
    sheet.cell(backups)?;
    let sum = |of: fn(&ServerView) -> u64| upstream.servers.iter().map(of).sum();
    let (failed, ejections) = (
        sum(|server| server.checks_failed),
        sum(|server| server.ejections),
    );
    write!(sheet, "<td>{}/{}", Count(failed), Count(ejections))?;
    sheet.cell(Count(sum(|server| server.downs)))?;
    sheet.cell(Age(sum(|server| server.downtime_seconds)))?;
    sheet.blank(1)
}
