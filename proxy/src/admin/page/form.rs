//! What an operator can do on the page: `HAProxy`'s form for the servers of an upstream, a reload, and what came of it.
//!
//! Only written for those who may act; who that is, and what an action does, is decided elsewhere.

use std::fmt::{Result, Write};

use super::{super::html::Escaped, sheet::Sheet};
use crate::admin::ActionStatus;

/// The heading of the servers' column. The box selects all servers of the table, by the script, which shows it.
pub(super) const ALL: &str = "<label class=\"all\" hidden><input type=\"checkbox\" class=\"all\" aria-label=\"Select all servers\" autocomplete=\"off\"></label>Server";

/// Goes around the table of an upstream.
pub(super) fn open(sheet: &mut Sheet, upstream: &str) -> Result {
    let upstream = Escaped(upstream);
    write!(
        sheet,
        "<form method=\"post\" action=\"/stats\"><input type=\"hidden\" name=\"b\" value=\"{upstream}\">"
    )
}

/// What is done with the servers that are ticked.
pub(super) fn close(sheet: &mut Sheet) {
    sheet.add(
        "<p class=\"bar\"><label>With the servers ticked: <select name=\"action\" autocomplete=\"off\">\
         <option value=\"ready\">READY: back to normal</option>\
         <option value=\"drain\">DRAIN: no new requests</option>\
         <option value=\"maint\">MAINT: nothing at all</option>\
         <option value=\"weight\">weight, as beside</option></select></label> \
         <label>Weight <input type=\"number\" name=\"weight\" min=\"0\" max=\"256\" placeholder=\"default\" autocomplete=\"off\"></label> \
         <button>Apply</button></p></form>\n",
    );
}

/// The box of one server and its name.
pub(super) fn write_box(sheet: &mut Sheet, server: &str) -> Result {
    let server = Escaped(server);
    write!(
        sheet,
        "<label><input type=\"checkbox\" name=\"s\" value=\"{server}\" autocomplete=\"off\"> {server}</label>"
    )
}

pub(super) fn write_reload(sheet: &mut Sheet) {
    sheet.add(
        "<form method=\"post\" action=\"/stats\"><input type=\"hidden\" name=\"action\" value=\"reload\">\
         <button>Reload the configuration</button></form>\n",
    );
}

/// What came of the last action, until the page is asked for without it.
pub(super) fn write_banner(sheet: &mut Sheet, status: ActionStatus, back: &str) -> Result {
    let (class, words) = match status {
        ActionStatus::Done => ("good", "Done."),
        ActionStatus::None => ("", "Nothing had to change."),
        ActionStatus::Partly => (
            "bad",
            "Done in part: some of the servers are not known here.",
        ),
        ActionStatus::BadParameters => (
            "bad",
            "Not done: the action, its value, the upstream or a server is not known here.",
        ),
        ActionStatus::TooMuch => (
            "bad",
            "Not done: that was too much at a time. Try again with fewer servers.",
        ),
        ActionStatus::Denied => ("bad", "Not done: you may not."),
        ActionStatus::Invalid => ("bad", "Not done: that was no form of this page."),
        ActionStatus::Refused => ("bad", "Not done: it was refused; the events tell why."),
        ActionStatus::Fleeting => (
            "bad",
            "Done, but it will not outlive a restart; the events tell why.",
        ),
        ActionStatus::Unknown => ("bad", "It is not known what came of it; see the events."),
    };
    writeln!(
        sheet,
        "<p class=\"banner {class}\" role=\"status\"><span>{words}</span> <a href=\"{}\">Dismiss</a></p>",
        Escaped(back)
    )
}
