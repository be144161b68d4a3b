//! Keeps the keys of session tickets in step with the state directory, as long as the edge lives.

use std::{
    sync::{Arc, Weak},
    time::{Duration, SystemTime},
};

use tokio::time::MissedTickBehavior;

use super::Edge;
use crate::{snapshot::Snapshot, tls::Tickets};

/// How long this node may take to hear of a key that another has made.
const LOOK: Duration = Duration::from_secs(2);

pub(super) async fn tend(edge: Weak<Edge>) {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        let Some(edge) = edge.upgrade() else {
            return;
        };
        let (snapshot, tickets) = (edge.snapshot.load(), Arc::clone(&edge.world.tickets));
        drop(edge);
        if !has_sessions(&snapshot) {
            continue;
        }
        // A disk that is slow, or gone, holds up this task alone.
        let _ = tokio::task::spawn_blocking(move || share(&snapshot, &tickets)).await;
    }
}

/// Where nobody speaks TLS, nothing is written. Blocks on the disk.
pub(super) fn share(snapshot: &Snapshot, tickets: &Tickets) {
    if has_sessions(snapshot) {
        tickets.refresh(&snapshot.config.state, SystemTime::now());
    }
}

fn has_sessions(snapshot: &Snapshot) -> bool {
    let mut listeners = snapshot.config.listeners.iter();
    listeners.any(|listener| listener.tls.is_some())
}
