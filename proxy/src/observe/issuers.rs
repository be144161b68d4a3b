//! What was ordered at CAs, and what came of it.

use prometheus::{Error, IntCounterVec};

use super::families::Maker;

/// Labels come from the configuration: names of issuers, and the first host of a certificate.
#[derive(Debug)]
pub struct IssuerMeters {
    orders: IntCounterVec,
    renewals: IntCounterVec,
    failures: IntCounterVec,
}

impl IssuerMeters {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, Error> {
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
        })
    }

    pub fn ordered(&self, issuer: &str, success: bool) {
        let result = if success { "issued" } else { "failed" };
        self.orders.with_label_values(&[issuer, result]).inc();
    }

    pub fn renewed(&self, host: &str) {
        self.renewals.with_label_values(&[host]).inc();
    }

    pub fn failed(&self, host: &str) {
        self.failures.with_label_values(&[host]).inc();
    }
}
