//! What was ordered at CAs, and what came of it.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use prometheus::{Error, IntCounterVec};

use super::{cap::Cap, families::Maker, shelf::OVERFLOW};

/// Labels come from the configuration: names of issuers, and the first host of a certificate.
#[derive(Debug)]
pub struct IssuerMeters {
    orders: IntCounterVec,
    renewals: IntCounterVec,
    failures: IntCounterVec,
    known_issuers: Known,
    known_hosts: Known,
    cap: Arc<Cap>,
}

/// Values of a label so far: those that the configuration names no more are still counted.
#[derive(Debug, Default)]
struct Known(Mutex<BTreeSet<String>>);

impl Known {
    /// The value itself while there is room for it.
    fn admit<'a>(&self, value: &'a str, cap: &Cap) -> &'a str {
        let mut known = self.0.lock();
        if known.contains(value) {
            return value;
        }
        if known.len() >= cap.most() {
            cap.overflowed(1);
            return OVERFLOW;
        }
        known.insert(value.to_owned());
        value
    }
}

impl IssuerMeters {
    pub(super) fn new(maker: &Maker<'_>, cap: Arc<Cap>) -> Result<Self, Error> {
        Ok(Self {
            orders: maker.counters(
                "simplon_acme_orders_total",
                "Orders at a CA, by what came of them.",
                &["issuer", "result"],
            )?,
            renewals: maker.counters(
                "simplon_certificate_renewals_total",
                "Certificates that were renewed, by their first host.",
                &["host"],
            )?,
            failures: maker.counters(
                "simplon_certificate_failures_total",
                "Tries to obtain a certificate that failed, for whatever reason, by its first host.",
                &["host"],
            )?,
            known_issuers: Known::default(),
            known_hosts: Known::default(),
            cap,
        })
    }

    pub fn ordered(&self, issuer: &str, success: bool) {
        let result = if success { "issued" } else { "failed" };
        let issuer = self.known_issuers.admit(issuer, &self.cap);
        self.orders.with_label_values(&[issuer, result]).inc();
    }

    pub fn renewed(&self, host: &str) {
        let host = self.known_hosts.admit(host, &self.cap);
        self.renewals.with_label_values(&[host]).inc();
    }

    pub fn failed(&self, host: &str) {
        let host = self.known_hosts.admit(host, &self.cap);
        self.failures.with_label_values(&[host]).inc();
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    #[test]
    fn hosts_without_room_are_counted_together() {
        let registry = Registry::new();
        let maker = Maker(&registry);
        let cap = Arc::new(Cap::new(&maker, 2).unwrap());
        let meters = IssuerMeters::new(&maker, cap).unwrap();
        for host in ["a.test", "b.test", "c.test", "a.test", "d.test"] {
            meters.failed(host);
        }
        let count = |host| meters.failures.with_label_values(&[host]).get();
        assert_eq!(["a.test", "b.test", "overflow"].map(count), [2, 1, 2]);
    }
}
