//! An upstream as the last row of its table: its BACKEND, the sum of its servers.

use std::fmt::{Result, Write};

use super::{cells::last, sheet::Sheet, tips::Tip};
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
    // Without a limit at each there is none for all.
    let limits = upstream.servers.iter().map(|server| server.max_connections);
    match limits
        .map(|limit| limit.map(u64::from))
        .sum::<Option<u64>>()
    {
        Some(limit) if !upstream.servers.is_empty() => sheet.cell(Count(limit))?,
        _ => sheet.blank(1)?,
    }
    sheet.told(Count(flow.requests()), &Tip::of_upstream(upstream))?;
    let picks = upstream.servers.iter().map(|server| server.picks);
    sheet.cell(Count(picks.sum()))?;
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
    write_server_columns(sheet, upstream)
}

/// The columns of the group "Server". As with `HAProxy`, backups have weight only while no other server is left.
fn write_server_columns(sheet: &mut Sheet, upstream: &UpstreamView) -> Result {
    let servers = &upstream.servers;
    let usable = |backup: bool| {
        let those = servers.iter();
        those.filter(move |server| server.usable && server.backup == backup)
    };
    let (active, backups) = (usable(false).count(), usable(true).count());
    let outages = &upstream.outages;
    let (class, state) = if active + backups > 0 || servers.is_empty() {
        ("", "UP")
    } else {
        (" down", "DOWN")
    };
    let since = Age(outages.changed_seconds_ago);
    write!(sheet, "<td class=\"word status{class}\">{since} {state}")?;
    sheet.blank(1)?;
    let sum = |of: fn(&ServerView) -> u64| usable(active == 0).map(of).sum::<u64>();
    let in_force = sum(|server| server.weight.into());
    let configured = sum(|server| server.configured_weight.into());
    if in_force == configured {
        sheet.cell(in_force)?;
    } else {
        write!(sheet, "<td>{in_force}/{configured}")?;
    }
    sheet.cell(active)?;
    sheet.cell(backups)?;
    sheet.blank(1)?;
    sheet.cell(Count(outages.count))?;
    sheet.cell(Age(outages.seconds))?;
    sheet.blank(1)
}
