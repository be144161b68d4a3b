//! Meters: metric handles already bound to their labels, so that a request counts without a look-up.
//!
//! Resolved when a snapshot is built and held by it. Snapshots that name the same labels share their
//! meters; when the last one goes, its series go from `/metrics`.

mod listener;
mod route;
mod upstream;

use std::sync::Arc;

pub use self::{
    listener::{Connected, ListenerMeters, Shaking},
    route::RouteMeters,
    upstream::UpstreamMeters,
};
use super::{metrics::Metrics, shelf::Shelf};

/// Classes of status codes, in the order of [`RouteMeters::requests`].
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Metrics {
    /// The meters of a route. The upstream is empty for a route that answers by itself; requests that
    /// found no route are best counted under a route of their own, like `none`.
    ///
    /// Beyond `metrics.max_series` pairs all further ones are counted as `overflow`.
    pub fn route(self: &Arc<Self>, route: &str, upstream: &str) -> Arc<RouteMeters> {
        self.share(&self.routes, [route, upstream], |labels| {
            RouteMeters::new(self, labels)
        })
    }

    /// The meters of a listener.
    pub fn listener(self: &Arc<Self>, listener: &str) -> Arc<ListenerMeters> {
        self.share(&self.listeners, [listener], |labels| {
            ListenerMeters::new(self, labels)
        })
    }

    /// Client connections just now, of listeners of every generation.
    pub fn connections(&self) -> u64 {
        self.listeners
            .held()
            .iter()
            .map(|meters| meters.current())
            .sum()
    }

    /// Routes that are part of some snapshot, in order of their labels.
    pub fn routes(&self) -> Vec<Arc<RouteMeters>> {
        let mut routes = self.routes.held();
        routes.sort_by(|one, two| one.labels().cmp(two.labels()));
        routes
    }

    /// Upstreams that a route of some snapshot leads to, in order of their names.
    pub fn upstreams(&self) -> Vec<Arc<UpstreamMeters>> {
        let mut upstreams = self.upstreams.held();
        upstreams.sort_by(|one, two| one.name().cmp(two.name()));
        upstreams
    }

    /// Listeners of some snapshot, in order of their names.
    pub fn all_listeners(&self) -> Vec<Arc<ListenerMeters>> {
        let mut listeners = self.listeners.held();
        listeners.sort_by(|one, two| one.name().cmp(two.name()));
        listeners
    }

    /// The meters of an upstream that a route leads to.
    pub fn upstream(&self, upstream: &str) -> Option<Arc<UpstreamMeters>> {
        self.upstreams.get([upstream])
    }

    fn shared_upstream(self: &Arc<Self>, upstream: &str) -> Arc<UpstreamMeters> {
        self.share(&self.upstreams, [upstream], |labels| {
            UpstreamMeters::new(self, labels)
        })
    }

    /// The meters of these labels, or of the overflow.
    pub(super) fn share<const LABELS: usize, M>(
        &self,
        all: &Shelf<LABELS, M>,
        labels: [&str; LABELS],
        make: impl FnOnce([String; LABELS]) -> M,
    ) -> Arc<M> {
        let (meters, is_beyond) = all.share(labels, self.cap.most(), make);
        self.cap.overflowed(usize::from(is_beyond));
        meters
    }
}

/// A series that was not there needs no removal.
pub(super) fn removed(_outcome: Result<(), prometheus::Error>) {}
