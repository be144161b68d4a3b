//! The upstreams of a snapshot, and the work they do in the background.

use std::{sync::Arc, time::Instant};

use crate::{balance::Upstream, config::model};

/// In the order of the configuration, which routes refer to.
#[derive(Default)]
pub struct Upstreams(Vec<Arc<Upstream>>);

impl Upstreams {
    pub(super) fn build(specs: &[model::Upstream], previous: &Self, now: Instant) -> Self {
        let before = |name: &str| {
            previous
                .0
                .iter()
                .find(|upstream| &**upstream.name() == name)
        };
        Self(
            specs
                .iter()
                .map(|spec| Upstream::build(spec, before(&spec.name), now))
                .collect(),
        )
    }

    pub fn get(&self, index: usize) -> Option<&Arc<Upstream>> {
        self.0.get(index)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.0.iter()
    }
}
