//! The stats page: HTML that is whole without a script, and parts of it sent anew while somebody looks.
//!
//! One function draws it. What is sent to pages that are open (`live.rs`) are pieces of the same drawing, by their ids.

mod backend;
mod cells;
mod columns;
mod form;
mod header;
mod listeners;
mod live;
mod news;
mod panels;
mod plot;
mod process;
mod routes;
mod servers;
mod sheet;
mod state;
mod tips;
mod trace;
mod upstreams;

#[cfg(test)]
mod tests;

use std::{
    fmt::{Result, Write},
    hash::{DefaultHasher, Hash, Hasher},
};

pub(super) use self::live::{LIFETIME, Live};
use self::{
    sheet::{Drawing, Sheet},
    state::State,
};
use super::{
    html::Escaped,
    query::{Format, Query},
    view::StatsView,
};

/// The page's style sheet and script, served beside it.
pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("live.js");

/// Rows of one table; a page is for eyes, `/metrics` has the rest.
const ROWS: usize = 500;

/// How somebody looks at the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) query: Query,
    /// Whether there are controls.
    pub(super) may_act: bool,
}

/// The whole page. All text that is not ours is escaped.
pub(super) fn draw(stats: &StatsView, look: &Look) -> Drawing {
    let servers = stats
        .upstreams
        .iter()
        .map(|upstream| upstream.servers.len());
    let mut sheet = Sheet::new((64 << 10) + (servers.sum::<usize>() << 10));
    let layout = layout(stats, look);
    // Writing to memory cannot fail.
    let _ = write_page(&mut sheet, stats, look, layout);
    sheet.finish(layout)
}

/// By what stands where. Names are part of it, so that no box is ever ticked for another server.
fn layout(stats: &StatsView, look: &Look) -> u64 {
    let mut hasher = DefaultHasher::new();
    // What came of the last action stands on the page that tells of it, and not in what keeps it up to date.
    let mut told = look.clone();
    told.query.status = None;
    told.hash(&mut hasher);
    for listener in &stats.listeners {
        listener.name.hash(&mut hasher);
    }
    for upstream in &stats.upstreams {
        upstream.name.hash(&mut hasher);
        for server in &upstream.servers {
            (look.query.shows_server(server), &server.name).hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn write_page(sheet: &mut Sheet, stats: &StatsView, look: &Look, layout: u64) -> Result {
    let StatsView {
        process,
        listeners,
        upstreams,
        routes,
        ..
    } = stats;
    write_head(sheet, stats, look)?;
    write!(sheet, "<body data-layout=\"{layout:x}\"")?;
    if !look.query.norefresh {
        write!(sheet, " data-live=\"/stats/events{}\"", look.query)?;
    }
    sheet.add(">\n<a class=\"skip\" href=\"#upstreams\">Skip to the upstreams</a>\n");
    header::write(sheet, process, look)?;
    sheet.add("<main>\n");
    if let Some(status) = look.query.status {
        form::write_banner(sheet, status, &link(look, |_| {}))?;
    }
    process::write(sheet, process, look)?;
    panels::write(sheet, stats)?;
    listeners::write(sheet, listeners, process, look)?;
    upstreams::write(sheet, upstreams, look, process.now)?;
    routes::write(sheet, routes)?;
    write_legend(sheet)?;
    sheet.add(
        "</main>\n<div id=\"news\" class=\"unseen\" role=\"log\" aria-live=\"polite\"></div>\n</body>\n</html>\n",
    );
    Ok(())
}

fn write_head(sheet: &mut Sheet, stats: &StatsView, look: &Look) -> Result {
    sheet.add(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n",
    );
    if !look.query.norefresh {
        sheet.add("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n");
    }
    let servers = || {
        stats
            .upstreams
            .iter()
            .flat_map(|upstream| &upstream.servers)
    };
    let up = servers()
        .filter(|server| server.up && !server.ejected)
        .count();
    sheet.part("title", ("title", ""), |sheet| {
        write!(sheet, "Simplon: {up} of {} servers up", servers().count())
    })?;
    sheet.add(
        "<link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/stats.css\">\n\
         <script type=\"module\" src=\"/stats.js\"></script>\n</head>\n",
    );
    Ok(())
}

/// What the colours and the columns mean, closed until asked for.
fn write_legend(sheet: &mut Sheet) -> Result {
    sheet.add(
        "<section aria-labelledby=\"legend\"><h2 id=\"legend\">Legend</h2>\n<ul class=\"legend\">",
    );
    for state in State::ALL {
        write!(
            sheet,
            "<li class=\"{}\">{}</li>",
            state.class(),
            state.words()
        )?;
    }
    sheet.add("</ul>\n<details aria-labelledby=\"meanings\"><summary id=\"meanings\">What the columns mean</summary><dl class=\"meanings\">\n");
    columns::write_help(sheet)?;
    sheet.add("</dl></details></section>\n");
    Ok(())
}

/// Says how many rows there were beyond [`ROWS`].
fn left_out(sheet: &mut Sheet, rows: usize) -> Result {
    match rows.checked_sub(ROWS) {
        None | Some(0) => Ok(()),
        Some(more) => writeln!(
            sheet,
            "<p class=\"faint\">{more} more are in <a href=\"/metrics\">/metrics</a>.</p>"
        ),
    }
}

/// The address of the page with a change to how it is looked at.
fn link(look: &Look, change: impl FnOnce(&mut Query)) -> String {
    let mut query = look.query.clone();
    change(&mut query);
    format!("/stats{query}")
}

/// Where the same is found for programs.
fn export(look: &Look, format: Format) -> String {
    link(look, |query| {
        *query = Query {
            format,
            norefresh: false,
            ..query.clone()
        };
    })
}

/// A heading with its section's beginning.
fn open_panel(sheet: &mut Sheet, id: &str, title: &str) -> Result {
    let title = Escaped(title);
    writeln!(
        sheet,
        "<section class=\"panel\" aria-labelledby=\"{id}-title\"><h3 id=\"{id}-title\">{title}</h3>"
    )
}
