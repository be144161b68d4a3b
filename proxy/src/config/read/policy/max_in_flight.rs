//! Limits of concurrency, as a route or `defaults` says them.

use std::sync::Arc;

use super::{Said, limits};
use crate::config::{
    decode::Fields,
    model::{LimitList, MaxInFlight},
    table::{Key, Kind, Table},
};

pub(in crate::config::read) const KEY: Key = Key::new(
    "max_in_flight",
    Kind::SeveralOf(&TABLE),
    "how many requests may be under way at a time, one limit or a list; default false",
);

static TABLE: Table = Table {
    of: "a limit in flight",
    keys: &[
        Key::required("max", Kind::Number(1..=10_000_000), "how many at a time"),
        limits::BY_KEY,
        limits::MODE,
        limits::NAME,
        limits::MAX_KEYS,
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<LimitList<MaxInFlight>> {
    limits::read(fields, "max_in_flight", limit, |limit| &limit.name)
}

fn limit(fields: &Fields<'_>, default_name: Arc<str>) -> Option<MaxInFlight> {
    // All are read, whatever the first gives, so that all problems are found.
    let (max, name, by, mode, max_keys) = (
        fields.positive("max"),
        limits::name(fields, default_name),
        limits::by(fields),
        limits::mode(fields),
        limits::max_keys(fields),
    );
    Some(MaxInFlight {
        name: name?,
        max: max?,
        by: by?,
        mode,
        max_keys,
    })
}
