//! What policies decided, counted by route.

use std::sync::OnceLock;

use prometheus::{IntCounter, IntCounterVec};
use serde::{Deserialize, Serialize};

/// A policy, by the name of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLabel {
    Access,
    Countries,
    Block,
    RateLimit,
    MaxInFlight,
    Maintenance,
    Cors,
    BasicAuth,
    ForwardAuth,
    Rewrite,
}

impl PolicyLabel {
    const ALL: [Self; 10] = [
        Self::Access,
        Self::Countries,
        Self::Block,
        Self::RateLimit,
        Self::MaxInFlight,
        Self::Maintenance,
        Self::Cors,
        Self::BasicAuth,
        Self::ForwardAuth,
        Self::Rewrite,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Countries => "countries",
            Self::Block => "block",
            Self::RateLimit => "rate_limit",
            Self::MaxInFlight => "max_in_flight",
            Self::Maintenance => "maintenance",
            Self::Cors => "cors",
            Self::BasicAuth => "basic_auth",
            Self::ForwardAuth => "forward_auth",
            Self::Rewrite => "rewrite",
        }
    }
}

/// What a policy made of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Counted by limits alone: every request that no policy stops passes all others.
    Passed,
    /// Passed, after a wait.
    Delayed,
    /// It would have been refused, but the policy only observes.
    Observed,
    Refused,
    /// The policy answered, as it is meant to.
    Answered,
}

impl Ruling {
    const ALL: [Self; 5] = [
        Self::Passed,
        Self::Delayed,
        Self::Observed,
        Self::Refused,
        Self::Answered,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Delayed => "delayed",
            Self::Observed => "observed",
            Self::Refused => "refused",
            Self::Answered => "answered",
        }
    }
}

/// The counters of one route, each bound with its first event: most routes have few policies, and most policies never refuse.
#[derive(Debug, Default)]
pub(super) struct Rulings(OnceLock<Box<Counters>>);

type Counters = [[OnceLock<IntCounter>; Ruling::ALL.len()]; PolicyLabel::ALL.len()];

impl Rulings {
    pub(super) fn count(
        &self,
        family: &IntCounterVec,
        [route, upstream]: [&str; 2],
        policy: PolicyLabel,
        ruling: Ruling,
    ) {
        let counters = self.0.get_or_init(Box::default);
        let of_policy = counters.get(policy as usize);
        if let Some(counter) = of_policy.and_then(|rulings| rulings.get(ruling as usize)) {
            let labels = [route, upstream, policy.as_str(), ruling.as_str()];
            counter
                .get_or_init(|| family.with_label_values(&labels))
                .inc();
        }
    }

    /// Takes the series of a route away.
    pub(super) fn remove(&self, family: &IntCounterVec, [route, upstream]: [&str; 2]) {
        if self.0.get().is_none() {
            return;
        }
        for policy in PolicyLabel::ALL {
            for ruling in Ruling::ALL {
                let labels = [route, upstream, policy.as_str(), ruling.as_str()];
                // One that was not there needs no removal.
                drop(family.remove_label_values(&labels));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Opts;

    use super::*;

    #[test]
    fn each_pair_has_a_series_of_its_own_and_takes_it_along() {
        let names = ["route", "upstream", "policy", "verdict"];
        let family = IntCounterVec::new(Opts::new("verdicts", "Of policies."), &names).unwrap();
        let rulings = Rulings::default();
        for policy in PolicyLabel::ALL {
            for ruling in Ruling::ALL {
                rulings.count(&family, ["/a", "web"], policy, ruling);
                let labels = ["/a", "web", policy.as_str(), ruling.as_str()];
                assert_eq!(family.with_label_values(&labels).get(), 1, "{labels:?}");
            }
        }
        rulings.remove(&family, ["/a", "web"]);
        let labels = ["/a", "web", "access", "refused"];
        assert_eq!(family.with_label_values(&labels).get(), 0);
    }
}
