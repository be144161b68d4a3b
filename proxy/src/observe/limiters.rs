//! How full the tables of limits are, asked for at the scrape.

use std::collections::BTreeMap;

use super::{
    PolicyLabel,
    exposition::{Exposition, Family, Labels},
    scrape::Room,
    shelf::OVERFLOW,
};

/// The table of one limit.
#[derive(Clone, Debug)]
pub struct LimiterView {
    pub policy: PolicyLabel,
    /// Whose it is and its name, as in `defaults: default`.
    pub limit: String,
    /// Clients, values or routes that it knows just now.
    pub keys: u64,
    pub capacity: u64,
    /// Those that were forgotten, or never counted, because it was full.
    pub evictions: u64,
}

/// Appends the families of limits. A limit whose table was begun anew may have two for a while, which count as one. Says how
/// many limits there are beyond the room.
pub(super) fn write(limiters: &[LimiterView], room: Room, page: &mut Exposition) -> usize {
    let mut by_limit = BTreeMap::<(&str, &str), [u64; 3]>::new();
    let mut beyond = 0;
    for view in limiters {
        let policy = view.policy.as_str();
        let mut key = (policy, view.limit.as_str());
        if !by_limit.contains_key(&key) && !room.has(by_limit.len(), &view.limit) {
            key = (policy, OVERFLOW);
            beyond += 1;
        }
        let sums = by_limit.entry(key).or_default();
        for (sum, more) in sums
            .iter_mut()
            .zip([view.keys, view.capacity, view.evictions])
        {
            *sum += more;
        }
    }
    let mut keys = Family::gauge(
        "simplon_limiter_keys",
        "Clients, values or routes that a limit knows just now.",
    );
    let mut capacity = Family::gauge(
        "simplon_limiter_capacity",
        "How many a limit can know at a time: max_keys.",
    );
    let mut evictions = Family::counter(
        "simplon_limiter_evictions_total",
        "Keys that a limit forgot before their time, or let pass without counting, because it was full.",
    );
    for ((policy, limit), [held, room, evicted]) in by_limit {
        let labels = Labels::new(&[("policy", policy), ("limit", limit)]);
        keys.sample(&labels, held);
        capacity.sample(&labels, room);
        evictions.sample(&labels, evicted);
    }
    page.add(keys);
    page.add(capacity);
    page.add(evictions);
    beyond
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Format;

    #[test]
    fn no_series_is_written_twice_and_what_has_no_room_is_summed() {
        let view = |limit: &str, keys| LimiterView {
            policy: PolicyLabel::RateLimit,
            limit: limit.to_owned(),
            keys,
            capacity: 10,
            evictions: 1,
        };
        let views = [
            view("a: 1", 3),
            view("b: 1", 4),
            view("a: 1", 5),
            view("c: 1", 6),
            view("d: 1", 7),
        ];
        let mut page = Exposition::new(Format::Text);
        assert_eq!(write(&views, Room { most: 2 }, &mut page), 2);
        let text = page.finish();
        let label = "policy=\"rate_limit\",limit";
        for line in [
            format!("simplon_limiter_keys{{{label}=\"a: 1\"}} 8\n"),
            format!("simplon_limiter_keys{{{label}=\"b: 1\"}} 4\n"),
            format!("simplon_limiter_keys{{{label}=\"overflow\"}} 13\n"),
            format!("simplon_limiter_capacity{{{label}=\"a: 1\"}} 20\n"),
            format!("simplon_limiter_evictions_total{{{label}=\"a: 1\"}} 2\n"),
        ] {
            assert_eq!(text.matches(&line).count(), 1, "{line} in {text}");
        }
    }
}
