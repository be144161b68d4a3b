//! How full the tables of limits are, asked for at the scrape.

use std::collections::BTreeMap;

use super::{
    PolicyLabel,
    exposition::{Family, Labels},
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

/// Appends the families of limits. A limit whose table was begun anew may have two for a while, which count as one.
pub fn write(limiters: impl IntoIterator<Item = LimiterView>, text: &mut String) {
    let mut by_limit = BTreeMap::<(&str, String), [u64; 3]>::new();
    for view in limiters {
        let sums = by_limit
            .entry((view.policy.as_str(), view.limit))
            .or_default();
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
        let labels = Labels::new(&[("policy", policy), ("limit", &limit)]);
        keys.sample(&labels, held);
        capacity.sample(&labels, room);
        evictions.sample(&labels, evicted);
    }
    keys.append_to(text);
    capacity.append_to(text);
    evictions.append_to(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_series_is_written_twice() {
        let view = |limit: &str, keys| LimiterView {
            policy: PolicyLabel::RateLimit,
            limit: limit.to_owned(),
            keys,
            capacity: 10,
            evictions: 1,
        };
        let mut text = String::new();
        write(
            [view("a: 1", 3), view("b: 1", 4), view("a: 1", 5)],
            &mut text,
        );
        let label = "policy=\"rate_limit\",limit";
        for line in [
            format!("simplon_limiter_keys{{{label}=\"a: 1\"}} 8\n"),
            format!("simplon_limiter_keys{{{label}=\"b: 1\"}} 4\n"),
            format!("simplon_limiter_capacity{{{label}=\"a: 1\"}} 20\n"),
            format!("simplon_limiter_evictions_total{{{label}=\"a: 1\"}} 2\n"),
        ] {
            assert_eq!(text.matches(&line).count(), 1, "{line} in {text}");
        }
    }
}
