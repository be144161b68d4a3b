//! The table of routes: how often they are asked for, how it ends, and how long it takes.

use std::{
    cmp::Reverse,
    fmt::{Result, Write},
};

use super::{
    super::html::{Count, Escaped, Millis},
    sheet::Sheet,
};
use crate::{
    admin::RouteView,
    observe::{Quantiles, meters::CLASSES},
};

/// Routes that are shown: those with the most requests.
const SHOWN: usize = 100;

pub(super) fn write(sheet: &mut Sheet, routes: &[RouteView]) -> Result {
    sheet.add("<section aria-labelledby=\"routes-title\"><h2 id=\"routes-title\">Routes</h2>\n");
    // They change places, so the table is one part.
    let attributes =
        "class=\"scroll\" tabindex=\"0\" role=\"group\" aria-labelledby=\"routes-title\"";
    sheet.part("routes", ("div", attributes), |sheet| {
        write_table(sheet, routes)
    })?;
    sheet.add("</section>\n");
    Ok(())
}

fn write_table(sheet: &mut Sheet, routes: &[RouteView]) -> Result {
    sheet.add(
        "<table class=\"routes\"><caption>Requests so far by class of status, and within which time they were answered</caption>\
         <colgroup span=\"2\"><colgroup span=\"6\"><colgroup span=\"3\"><colgroup span=\"3\">\
         <thead><tr><th rowspan=\"2\" scope=\"col\">Route</th><th rowspan=\"2\" scope=\"col\">Upstream</th>\
         <th colspan=\"6\" scope=\"colgroup\">Requests<th colspan=\"3\" scope=\"colgroup\">Last minute\
         <th colspan=\"3\" scope=\"colgroup\">Since start<tr><th scope=\"col\">All",
    );
    for class in CLASSES {
        write!(sheet, "<th scope=\"col\">{class}")?;
    }
    for name in ["p50", "p95", "p99", "p50", "p95", "p99"] {
        write!(sheet, "<th scope=\"col\">{name}")?;
    }
    sheet.add("<tbody>\n");
    let total = |route: &RouteView| route.requests.iter().sum::<u64>();
    let mut shown: Vec<_> = routes.iter().collect();
    shown.sort_by_key(|route| Reverse(total(route)));
    for route in shown.iter().take(SHOWN) {
        write!(
            sheet,
            "<tr><th scope=\"row\">{}</th><td class=\"word\">{}",
            Escaped(&route.route),
            Escaped(&route.upstream),
        )?;
        sheet.cell(Count(total(route)))?;
        for count in route.requests {
            sheet.cell(Count(count))?;
        }
        write_quantiles(sheet, route.last_minute)?;
        write_quantiles(sheet, route.since_start)?;
        sheet.add("\n");
    }
    sheet.add("</table>");
    match routes.len().checked_sub(SHOWN) {
        None | Some(0) => Ok(()),
        Some(more) => write!(
            sheet,
            "<p class=\"faint\">{more} more with fewer requests are in <a href=\"/metrics\">/metrics</a>.</p>"
        ),
    }
}

fn write_quantiles(sheet: &mut Sheet, quantiles: Option<Quantiles>) -> Result {
    let Some(took) = quantiles else {
        return sheet.blank(3);
    };
    for value in [took.p50, took.p95, took.p99] {
        sheet.cell(Millis(value))?;
    }
    Ok(())
}
