//! The one place where the snapshot of the moment is kept.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::Snapshot;

/// Written by publishing alone; a request loads it once, when it begins, and keeps what it got.
pub struct SnapshotCell(ArcSwap<Snapshot>);

impl Default for SnapshotCell {
    /// Holds the empty snapshot, which knows no route.
    fn default() -> Self {
        Self(ArcSwap::from_pointee(Snapshot::empty()))
    }
}

impl SnapshotCell {
    pub fn load(&self) -> Arc<Snapshot> {
        self.0.load_full()
    }

    /// Makes `next` what every request from now on sees; the snapshot before it is given back.
    pub fn publish(&self, next: Snapshot) -> Arc<Snapshot> {
        self.0.swap(Arc::new(next))
    }
}
