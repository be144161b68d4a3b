//! Whom limits stop most, just now: for operators' eyes, not for labels of metrics.
//!
//! Space-Saving (Metwally and others, 2005): so many counters and no more; whoever has none takes over the smallest, with its
//! count. Whoever is stopped often is surely among them, and no count is too low. Counts halve every minute, so that the page
//! shows the last few.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{Subject, shard::Key};
use crate::observe::PolicyLabel;

/// More than are shown, so that those that are shown are the right ones.
const COUNTERS: usize = 64;
const HALF_LIFE: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Top(Mutex<Counters>);

#[derive(Debug)]
struct Counters {
    held: Vec<Counter>,
    /// When counts were halved last.
    halved: Instant,
}

#[derive(Debug)]
struct Counter {
    key: Key,
    limited: Limited,
}

/// One whom a limit has refused or delayed, or would have if it did not only observe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    pub policy: PolicyLabel,
    /// The limit, as in metrics.
    pub limit: String,
    /// Who; of values of headers and cookies, which may be secrets, a short hash.
    pub subject: String,
    /// How often of late, about.
    pub count: u64,
}

impl Top {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Counters {
            held: Vec::new(),
            halved: now,
        }))
    }

    /// Counts one more. `key` is by what the limit's table knows the subject.
    pub fn note(
        &self,
        (policy, limit): (PolicyLabel, &Arc<str>),
        subject: Subject<'_>,
        key: Key,
        now: Instant,
    ) {
        let mut counters = self.0.lock();
        counters.age(now);
        let held = &mut counters.held;
        // Keys have the secret of a table each, so that those of two limits never meet.
        if let Some(known) = held.iter_mut().find(|counter| counter.key == key) {
            known.limited.count += 1;
            return;
        }
        let new = |count| Counter {
            key,
            limited: Limited {
                policy,
                limit: limit.to_string(),
                subject: subject.to_string(),
                count,
            },
        };
        if held.len() < COUNTERS {
            held.push(new(1));
        } else if let Some(least) = held.iter_mut().min_by_key(|counter| counter.limited.count) {
            *least = new(least.limited.count + 1);
        }
    }

    /// The most limited, first who is so most; `most` of them.
    pub fn shown(&self, most: usize, now: Instant) -> Vec<Limited> {
        let mut counters = self.0.lock();
        counters.age(now);
        let held = counters.held.iter();
        let mut shown: Vec<Limited> = held.map(|counter| counter.limited.clone()).collect();
        drop(counters);
        shown.sort_by(|one, two| {
            two.count
                .cmp(&one.count)
                .then(one.subject.cmp(&two.subject))
        });
        shown.truncate(most);
        shown
    }
}

impl Counters {
    fn age(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.halved).as_secs() / HALF_LIFE.as_secs();
        let Ok(halves) = u32::try_from(passed) else {
            return;
        };
        if halves == 0 {
            return;
        }
        self.halved += HALF_LIFE * halves;
        self.held.retain_mut(|counter| {
            counter.limited.count = counter.limited.count.checked_shr(halves).unwrap_or(0);
            counter.limited.count > 0
        });
    }
}

/// As operators see it: an address, a network, `sha256:` and the first eight digits of a value's hash, or a route.
impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(client) => client.fmt(f),
            Self::Value(value) => {
                f.write_str("sha256:")?;
                let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, value);
                let first = digest.as_ref().iter().take(4);
                first
                    .into_iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Route(label) => write!(f, "route {label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::limits::Flights;

    fn note(top: &Top, keys: &Flights, who: &str, now: Instant) {
        let limit: Arc<str> = "a".into();
        let subject = Subject::Route(who);
        top.note(
            (PolicyLabel::RateLimit, &limit),
            subject,
            keys.key(subject),
            now,
        );
    }

    #[test]
    fn whoever_is_stopped_most_is_shown_first_however_many_others_come() {
        let (now, keys) = (Instant::now(), Flights::new(1));
        let top = Top::new(now);
        for round in 0..300 {
            note(&top, &keys, "worst", now);
            if round % 3 == 0 {
                note(&top, &keys, "bad", now);
            }
            for other in 0..10 {
                note(&top, &keys, &format!("{round} {other}"), now);
            }
        }
        let shown = top.shown(20, now);
        assert_eq!(shown.len(), 20);
        let names: Vec<_> = shown
            .iter()
            .map(|limited| limited.subject.as_str())
            .collect();
        assert_eq!(names.first(), Some(&"route worst"));
        assert!(names.contains(&"route bad"));
        assert!(shown.iter().all(|limited| &*limited.limit == "a"));
    }

    #[test]
    fn what_is_long_past_is_forgotten() {
        let (begun, keys) = (Instant::now(), Flights::new(1));
        let top = Top::new(begun);
        for _ in 0..8 {
            note(&top, &keys, "a", begun);
        }
        for (seconds, count) in [
            (59, Some(8)),
            (60, Some(4)),
            (119, Some(4)),
            (180, Some(1)),
            (240, None),
        ] {
            let shown = top.shown(20, begun + Duration::from_secs(seconds));
            let found = shown.first().map(|limited| limited.count);
            assert_eq!(found, count, "after {seconds} s");
        }
        top.shown(20, begun + Duration::from_secs(1 << 40));
    }

    #[test]
    fn a_network_is_shown_as_such_and_a_value_never() {
        let client =
            |text: &str| Subject::Client(text.parse::<IpAddr>().unwrap().into()).to_string();
        assert_eq!(client("192.0.2.1"), "192.0.2.1");
        assert_eq!(client("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        // By which an operator who has the value finds it: printf secret | sha256sum
        assert_eq!(Subject::Value(b"secret").to_string(), "sha256:2bb80d53");
    }
}
