//! What every exchange needs beside its snapshot, whatever lane it goes by.

use std::sync::Arc;

use super::{login::Logins, spare::Spares};
use crate::{listen::PerWorker, observe::Observer, snapshot::SnapshotCell};

/// The truth of the moment, connections to servers, and a place to report to.
pub(super) struct Means {
    pub(super) snapshot: Arc<SnapshotCell>,
    pub(super) observer: Arc<Observer>,
    pub(super) spares: PerWorker<Arc<Spares>>,
    pub(super) logins: Arc<Logins>,
}
