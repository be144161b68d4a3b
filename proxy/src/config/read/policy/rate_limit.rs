//! Rate limits, as a route or `defaults` says them.

use std::{sync::Arc, time::Duration};

use super::{Said, limits};
use crate::{
    config::{
        decode::Fields,
        model::{LimitList, RateLimit},
        table::{Key, Kind, Table},
        units::show_duration,
    },
    limits::Bucket,
};

const MILLISECOND: Duration = Duration::from_millis(1);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Whoever waits longer has given up.
const LONGEST_DELAY: Duration = Duration::from_secs(30);

pub(in crate::config::read) const KEY: Key = Key::new(
    "rate_limit",
    Kind::SeveralOf(&TABLE),
    "how often requests may come, one limit or a list; default false",
);

static TABLE: Table = Table {
    of: "a rate limit",
    keys: &[
        Key::required(
            "rate",
            Kind::Quota(MILLISECOND..=YEAR),
            "how many in how long, such as 50/s or 2000/5m",
        ),
        Key::new(
            "burst",
            Kind::Number(1..=u32::MAX as u64),
            "how many at once after a quiet while; default the count of the rate",
        ),
        limits::BY_KEY,
        limits::MODE,
        Key::new(
            "delay",
            Kind::Duration(Duration::ZERO..=LONGEST_DELAY),
            "how long a request waits rather than being refused, at most; default 0s",
        ),
        limits::NAME,
        limits::MAX_KEYS,
    ],
};

pub(super) fn read(fields: &Fields<'_>) -> Said<LimitList<RateLimit>> {
    limits::read(fields, "rate_limit", limit, |limit| &limit.name)
}

fn limit(fields: &Fields<'_>, default_name: Arc<str>) -> Option<RateLimit> {
    // All are read, whatever the first gives, so that all problems are found.
    let (bucket, name, by, mode, delay, max_keys) = (
        bucket(fields),
        limits::name(fields, default_name),
        limits::by(fields),
        limits::mode(fields),
        fields.duration("delay").unwrap_or_default(),
        limits::max_keys(fields),
    );
    Some(RateLimit {
        name: name?,
        bucket: bucket?,
        by: by?,
        mode,
        delay,
        max_keys,
    })
}

fn bucket(fields: &Fields<'_>) -> Option<Bucket> {
    let burst = fields.positive("burst");
    let rate = fields.quota("rate")?;
    let bucket = Bucket {
        rate: rate.count,
        window: rate.within,
        burst: burst.unwrap_or(rate.count),
    };
    if let (true, Some(node)) = (bucket.is_too_slow(), fields.node("burst")) {
        let longest = show_duration(Bucket::LONGEST_FILL);
        fields.error(
            &node.span,
            "at this rate the burst would never come back",
            format!("write a smaller burst: it is to come back within {longest}"),
        );
        return None;
    }
    Some(bucket)
}
