//! Every metric of the proxy, in a registry of its own, and their text for Prometheus.
//!
//! Requests do not come here: they hold meters (`meters.rs`) that were bound to their labels when the
//! snapshot was built.

use std::{sync::Arc, time::SystemTime};

use prometheus::{Error, IntCounter, Registry};

use super::{
    cap::Cap,
    codings::CodingMeters,
    exposition::{Exposition, Family},
    families::{
        ConfigFamilies, ListenerFamilies, Maker, MemoryGauges, RouteFamilies, UpstreamFamilies,
    },
    issuers::IssuerMeters,
    limits_store::{StoreFamilies, StoreMeters},
    meters::{ListenerMeters, RouteMeters, UpstreamMeters},
    reasons::Reasons,
    scrape::{self, Scene},
    shelf::Shelf,
    traces::TraceMeters,
};

/// Found right or wrong by a check of the hash; known from a check of late; not looked at because of the client's failures;
/// not looked at for want of room.
const PASSWORD_CHECKS: [&str; 5] = ["right", "wrong", "remembered", "limited", "crowded"];

/// One per process, handed to whoever counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    pub(super) by_route: RouteFamilies,
    pub(super) by_upstream: UpstreamFamilies,
    pub(super) by_listener: ListenerFamilies,
    pub(super) by_store: StoreFamilies,
    config: ConfigFamilies,
    /// For certificates that a CA issues.
    pub issuers: Arc<IssuerMeters>,
    /// For compression.
    pub codings: CodingMeters,
    /// For the export of traces.
    pub traces: TraceMeters,
    refusals: Reasons,
    password_checks: Reasons,
    access_log_dropped: IntCounter,
    access_log_sampled_out: IntCounter,
    memory: MemoryGauges,
    pub(super) cap: Arc<Cap>,
    /// Why a connection may be turned away.
    pub(super) connection_reasons: &'static [&'static str],
    pub(super) routes: Shelf<2, RouteMeters>,
    pub(super) upstreams: Shelf<1, UpstreamMeters>,
    pub(super) listeners: Shelf<1, ListenerMeters>,
    pub(super) stores: Shelf<1, StoreMeters>,
}

impl Metrics {
    /// `refusals` are the labels of all refusals, `connection_reasons` those for which a connection is
    /// turned away; any other label is counted as `other`.
    ///
    /// Fails only if a family's name or help were not valid, which the tests rule out.
    pub fn new(
        refusals: &'static [&'static str],
        connection_reasons: &'static [&'static str],
        started: SystemTime,
    ) -> Result<Arc<Self>, Error> {
        let registry = Registry::new();
        let maker = Maker(&registry);
        maker.constants(started)?;
        let refused = maker.refusals()?;
        let checks = maker.password_checks()?;
        let cap = Arc::new(Cap::new(&maker, crate::config::model::Metrics::MAX_SERIES)?);
        Ok(Arc::new(Self {
            by_route: RouteFamilies::new(&maker)?,
            by_upstream: UpstreamFamilies::new(&maker)?,
            by_listener: ListenerFamilies::new(&maker)?,
            by_store: StoreFamilies::new(&maker)?,
            config: ConfigFamilies::new(&maker)?,
            issuers: Arc::new(IssuerMeters::new(&maker, Arc::clone(&cap))?),
            codings: CodingMeters::new(&maker)?,
            traces: TraceMeters::new(&maker)?,
            refusals: Reasons::new(refusals, |reason| refused.with_label_values(&[reason])),
            password_checks: Reasons::new(&PASSWORD_CHECKS, |result| {
                checks.with_label_values(&[result])
            }),
            access_log_dropped: maker.access_log_dropped()?,
            access_log_sampled_out: maker.access_log_sampled_out()?,
            memory: MemoryGauges::new(&maker)?,
            cap,
            connection_reasons,
            routes: Shelf::new(),
            upstreams: Shelf::new(),
            listeners: Shelf::new(),
            stores: Shelf::new(),
            registry,
        }))
    }

    /// Counts a request the proxy answered for itself. [`super::Observer::record`] does so for a
    /// record with a refusal; call it for those alone that leave no record.
    pub fn refused(&self, reason: &str) {
        self.refusals.count(reason);
    }

    /// What was refused so far, by reason, without those that never were.
    pub fn refusals_so_far(&self) -> Vec<(String, u64)> {
        let counted = self.refusals.counts().filter(|(_, count)| *count > 0);
        counted
            .map(|(reason, count)| (reason.to_owned(), count))
            .collect()
    }

    /// How much memory may be resident, as it was last seen.
    pub fn memory_limit(&self) -> Option<u64> {
        self.memory.limit()
    }

    /// Counts what became of a name and a password: one of `PASSWORD_CHECKS`.
    pub fn password_checked(&self, result: &str) {
        self.password_checks.count(result);
    }

    /// A configuration was loaded and is in use; also the first.
    pub fn reload_succeeded(&self, generation: u64, at: SystemTime) {
        self.config.succeeded(generation, at);
    }

    /// A configuration was found faulty; the one before stays in use.
    pub fn reload_failed(&self, at: SystemTime) {
        self.config.failed(at);
    }

    /// How much memory may be resident, if there is a limit, and whether it is reached.
    pub fn memory(&self, limit: Option<u64>, is_short: bool) {
        self.memory.set(limit, is_short);
    }

    /// The counter for [`super::AccessLog::open`].
    pub fn access_log_dropped(&self) -> IntCounter {
        self.access_log_dropped.clone()
    }

    /// Requests that `log: { sample }` left out of the access log.
    pub(super) const fn access_log_sampled_out(&self) -> &IntCounter {
        &self.access_log_sampled_out
    }

    /// Of everything that is counted by labels of the configuration so many have series of their own; returns how many had
    /// before. What is counted already stays as it is.
    pub fn set_max_series(&self, most: usize) -> usize {
        self.cap.set(most)
    }

    /// Appends all families; what others know is in the scene.
    pub fn write(&self, scene: Scene<'_>, page: &mut Exposition) {
        let beyond = scrape::write(self, self.cap.most(), scene, page);
        self.cap.overflowed(beyond);
        for family in self.registry.gather() {
            page.add(Family::gathered(&family));
        }
    }
}
