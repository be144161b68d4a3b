//! One server as a row of its upstream's table.

use std::fmt::{Result, Write};

use super::{cells::last, form, sheet::Sheet, state::State, tips::Tip};
use crate::{
    admin::html::{Age, Bytes, Count, Escaped},
    observe::ServerView,
};

pub(super) fn class(server: &ServerView) -> &'static str {
    State::of(server).class()
}

pub(super) fn write_row(sheet: &mut Sheet, server: &ServerView, may_act: bool, now: u64) -> Result {
    let flow = &server.flow;
    sheet.add("<th scope=\"row\">");
    if may_act {
        form::write_box(sheet, &server.name)?;
    } else {
        write!(sheet, "{}", Escaped(&server.name))?;
    }
    sheet.add("</th>");
    sheet.blank(3)?;
    sheet.cell(Count(flow.rate.now))?;
    sheet.cell(Count(flow.rate.max))?;
    sheet.blank(1)?;
    sheet.cell(server.in_flight)?;
    sheet.cell(Count(server.most_in_flight))?;
    match server.max_connections {
        Some(limit) => sheet.cell(limit)?,
        None => sheet.blank(1)?,
    }
    sheet.told(Count(server.picks), &Tip::of_server(server))?;
    sheet.cell(Count(server.picks))?;
    last(sheet, flow, now)?;
    sheet.cell(Bytes(flow.bytes_in))?;
    sheet.told(Bytes(flow.bytes_out), &Tip::of_bytes(flow))?;
    sheet.blank(2)?;
    let [connect, reset, timeout, malformed, _] = server.failures;
    sheet.blank(1)?;
    sheet.cell(Count(connect))?;
    sheet.told(Count(reset + timeout + malformed), &Tip::of_aborts(flow))?;
    sheet.cell(Count(server.retries))?;
    sheet.cell(Count(server.retries))?;
    write_standing(sheet, server)
}

/// The columns of the group "Server".
fn write_standing(sheet: &mut Sheet, server: &ServerView) -> Result {
    write!(
        sheet,
        "<td class=\"word status\">{} {}{}",
        Age(server.changed_seconds_ago),
        Escaped(&server.state),
        State::of(server).arrow(),
    )?;
    if server.ejected {
        sheet.add("<span class=\"badge\">ejected</span>");
    }
    if server.backup {
        sheet.add("<span class=\"badge\">backup</span>");
    }
    write_check(sheet, server)?;
    if server.weight == server.configured_weight {
        sheet.cell(server.weight)?;
    } else {
        write!(sheet, "<td>{}/{}", server.weight, server.configured_weight)?;
    }
    let (active, backup) = if server.backup {
        ("-", "Y")
    } else {
        ("Y", "-")
    };
    sheet.cell(active)?;
    sheet.cell(backup)?;
    let failures = Count(server.failures.iter().sum());
    write!(sheet, "<td>{}/{failures}", Count(server.checks_failed))?;
    if server.checks == 0 {
        sheet.blank(2)?;
    } else {
        sheet.cell(Count(server.downs))?;
        sheet.cell(Age(server.downtime_seconds))?;
    }
    match server.throttle {
        Some(percent) => write!(sheet, "<td>{percent} %"),
        None => sheet.cell("-"),
    }
}

/// `L7OK/200 in 3ms`, and the words for it.
fn write_check(sheet: &mut Sheet, server: &ServerView) -> Result {
    let Some(check) = &server.check else {
        return sheet.blank(1);
    };
    sheet.add("<td class=\"word\">");
    let more = format!(
        "{}\nUp after {} good, down after {} failed in a row\n{} checks",
        check.text,
        check.rise,
        check.fall,
        Count(server.checks),
    );
    write!(
        sheet,
        "<abbr tabindex=\"0\" title=\"{}\">{}",
        Escaped(&more),
        Escaped(&check.code)
    )?;
    if let Some(status) = check.status {
        write!(sheet, "/{status}")?;
    }
    write!(sheet, " in {}ms</abbr>", check.took_ms)
}
