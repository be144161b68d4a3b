//! A cell that listeners, servers and upstreams have in common.

use std::fmt::Result;

use super::{super::html::Age, sheet::Sheet};
use crate::observe::Flow;

/// The time since the last request.
pub(super) fn last(sheet: &mut Sheet, flow: &Flow, now: u64) -> Result {
    match flow.last {
        0 => sheet.blank(1),
        last => sheet.cell(Age(now.saturating_sub(last))),
    }
}
