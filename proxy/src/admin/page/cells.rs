//! Cells that listeners, servers and upstreams have in common.

use std::fmt::Result;

use super::{
    super::html::{Age, Count},
    sheet::Sheet,
    tips::Tip,
};
use crate::observe::Flow;

/// The time since the last request.
pub(super) fn last(sheet: &mut Sheet, flow: &Flow, now: u64) -> Result {
    match flow.last {
        0 => sheet.blank(1),
        last => sheet.cell(Age(now.saturating_sub(last))),
    }
}

/// The three columns of errors. Those of connections are a server's, those of requests a listener's.
pub(super) fn flow_errors(sheet: &mut Sheet, flow: &Flow, is_listener: bool) -> Result {
    if is_listener {
        sheet.told(Count(flow.request_errors), &Tip::of_aborts(flow))?;
        return sheet.blank(2);
    }
    sheet.blank(1)?;
    sheet.cell(Count(flow.connect_errors))?;
    let broken = flow.response_errors.saturating_add(flow.server_aborts);
    sheet.told(Count(broken), &Tip::of_aborts(flow))
}
