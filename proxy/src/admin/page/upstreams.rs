//! One section an upstream: its plots, and the table of its servers with `HAProxy`'s columns.

use std::{
    cmp::Reverse,
    collections::HashSet,
    fmt::{Result, Write},
};

use super::{Look, ROWS, backend, columns, form, left_out, plot, servers, sheet::Sheet};
use crate::{admin::html::Escaped, observe::UpstreamView};

/// Upstreams with plots at most: those with the most requests of late.
const PLOTS: usize = 50;

pub(super) fn write(
    sheet: &mut Sheet,
    upstreams: &[UpstreamView],
    look: &Look,
    now: u64,
) -> Result {
    let shown: Vec<_> = upstreams
        .iter()
        .enumerate()
        .filter(|(_, upstream)| look.query.shows(&upstream.name))
        .collect();
    let plotted = busiest(&shown);
    sheet.add("<h2 id=\"upstreams\">Upstreams</h2>\n");
    if shown.is_empty() {
        sheet.add("<p class=\"faint\">None.</p>\n");
    }
    let far = if shown.len() > PLOTS { " far" } else { "" };
    for (index, upstream) in shown {
        write!(
            sheet,
            "<section class=\"upstream{far}\" aria-labelledby=\"u{index}\"><h3 id=\"u{index}\">{}</h3>",
            Escaped(&upstream.name)
        )?;
        sheet.part(
            format_args!("f{index}"),
            ("p", "class=\"facts\""),
            |sheet| write_facts(sheet, upstream),
        )?;
        sheet.part(
            format_args!("p{index}"),
            ("div", "class=\"plots\""),
            |sheet| {
                if plotted.contains(&index) {
                    plot::write(sheet, &upstream.points)?;
                }
                Ok(())
            },
        )?;
        write_table(sheet, (index, upstream), look, now)?;
        sheet.add("</section>\n");
    }
    Ok(())
}

/// Those to plot: what has had no request is not among them.
fn busiest(shown: &[(usize, &UpstreamView)]) -> HashSet<usize> {
    let requests = |upstream: &UpstreamView| -> u64 {
        let points = upstream.points.iter();
        points.map(|point| u64::from(point.requests)).sum()
    };
    let mut by_requests: Vec<_> = shown
        .iter()
        .map(|(index, upstream)| (requests(upstream), *index))
        .filter(|(requests, _)| *requests > 0)
        .collect();
    by_requests.sort_unstable_by_key(|(requests, _)| Reverse(*requests));
    by_requests
        .into_iter()
        .take(PLOTS)
        .map(|(_, index)| index)
        .collect()
}

fn write_facts(sheet: &mut Sheet, upstream: &UpstreamView) -> Result {
    let usable = upstream
        .servers
        .iter()
        .filter(|server| server.usable)
        .count();
    let all = upstream.servers.len();
    let s = if all == 1 { "" } else { "s" };
    write!(
        sheet,
        "{usable} of {all} server{s} usable · {}",
        Escaped(&upstream.balance)
    )?;
    if upstream.panic {
        sheet.add(" <span class=\"badge down\">fewer than half are healthy, all are used</span>");
    }
    Ok(())
}

fn write_table(
    sheet: &mut Sheet,
    (index, upstream): (usize, &UpstreamView),
    look: &Look,
    now: u64,
) -> Result {
    let shown = || {
        let all = upstream.servers.iter().enumerate();
        all.filter(|(_, server)| look.query.shows_server(server))
    };
    if look.may_act {
        form::open(sheet, &upstream.name)?;
    }
    write!(
        sheet,
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"u{index}\"><table class=\"wide\">\
         <caption class=\"unseen\">Servers, and their BACKEND</caption>"
    )?;
    let all = if look.may_act { form::ALL } else { "Server" };
    columns::write(sheet, all)?;
    for (nth, server) in shown().take(ROWS) {
        let attributes = format!("class=\"{}\"", servers::class(server));
        sheet.part(
            format_args!("s{index}-{nth}"),
            ("tr", &attributes),
            |sheet| servers::write_row(sheet, server, look.may_act, now),
        )?;
    }
    sheet.part(
        format_args!("b{index}"),
        ("tr", "class=\"total\""),
        |sheet| backend::write_row(sheet, upstream, now),
    )?;
    sheet.add("</table></div>\n");
    if look.may_act {
        form::close(sheet);
    }
    left_out(sheet, shown().count())
}
